"""One writer at a time: a lock on a run folder that ends with the process that holds it, however that ends."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from agop.errors import InputError

__all__ = ["LOCK_FILE", "writer_lock"]

LOCK_FILE = ".lock"
"""Name of the file that is locked; it stays in the folder, and says who wrote last."""


def writer_lock(folder: Path) -> BaseFileLock:
    """Lock of a folder, held until it is released, is no longer referred to, or the process ends.

    A process that holds it gets the same lock again.

    Raises
    ------
    InputError
        If another process holds it; the message says which.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lock = writer_lock(Path(folder))
    ...     lock.is_locked, writer_lock(Path(folder)) is lock
    ...     lock.release(force=True)
    (True, True)
    """
    file = folder / LOCK_FILE
    lock: BaseFileLock = FileLock(file, is_singleton=True, thread_local=False)
    holder = file.read_bytes()[:200].decode(errors="replace") if file.is_file() else ""
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        got = f"{holder or 'another process'}, which writes it now"
        raise InputError(f"no other writer of {folder}", got, "Wait for it, or choose another folder.") from error
    if lock.lock_counter == 1:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        file.write_text(f"process {os.getpid()} on {socket.gethostname()} since {since}", encoding="utf-8")
    return lock
