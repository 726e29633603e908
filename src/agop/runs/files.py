"""Files that are replaced whole; the temporary file of a writer that was killed is removed by the next one."""

from __future__ import annotations

import errno
import glob
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError

from agop.errors import AgopError, InputError, OutputError

if sys.platform != "win32":
    import fcntl

__all__ = ["check_writable", "is_other", "is_temporary", "remove", "replacing", "write_text_atomic", "writing"]

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp", re.DOTALL)


def write_text_atomic(path: str | os.PathLike[str], text: str) -> None:
    r"""Write UTF-8 text; ``path`` is replaced whole or left as it was.

    Bytes of a file's name that are no text become what JSON has for them, such as ``\udcff``.
    """
    with replacing(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a name in a temporary folder beside ``path``; what is written there replaces it if the block succeeds.

    Writers may make temporary files of their own beside it. A process that is killed leaves the folder, which the next
    one that writes ``path`` removes. A link stays: what it points to is replaced.

    Raises
    ------
    InputError
        If the folder does not exist, or what is there is no file but a folder, a pipe or a device.
    OutputError
        If the file cannot be written, or one that is there is read-only.
    """
    if not path.parent.is_dir():
        raise InputError(f"a folder {path.parent} to write {path.name} to", "no such folder", "Create it first.")
    with writing(path):
        place = _place(path)
        _remove_abandoned(place)
        temporary = _temporary(place)
        file = temporary / "file"
        try:
            temporary.mkdir()
            with _held(temporary):
                file.touch()
                mode = file.stat().st_mode  # that of any new file, which a writer may narrow
                yield file
                file.chmod(mode)
                with file.open("rb+") as opened:
                    os.fsync(opened.fileno())
                file.replace(place)
        finally:
            with suppress(OSError):  # one that stays is removed by the next writer
                _unlink(temporary)


def check_writable(path: Path) -> None:
    """Raise what ``replacing`` would raise unless a file can be written at ``path``: a temporary one is, beside it."""
    with writing(path):
        temporary = _temporary(_place(path))
        temporary.touch()
        temporary.unlink()


def remove(path: Path) -> None:
    """Remove a file or a temporary folder, if it is there; OutputError if it cannot be removed."""
    with writing(path):
        _unlink(path)


def is_other(path: Path) -> bool:
    """Whether there is something else than a file: a folder, a device, or a pipe, which waits when it is opened.

    Examples
    --------
    >>> is_other(Path()), is_other(Path("no such file"))
    (True, False)
    """
    return path.exists() and not path.is_file()


def is_temporary(name: str) -> bool:
    """Whether a file or folder is what ``replacing`` leaves when its process is killed.

    Examples
    --------
    >>> is_temporary(f".run.json.{uuid4().hex}.tmp"), is_temporary("run.json")
    (True, False)
    """
    return _TEMPORARY.fullmatch(name) is not None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise OutputError, in one sentence, where ``path`` cannot be written: a full disk, no right, a bad name."""
    try:
        yield
    except AgopError:
        raise
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"to write {path}", reason, "Make room or choose another place.") from error


def _place(path: Path) -> Path:
    """The file that a name stands for, which links lead to, if one may be made or replaced there.

    A file that is read-only may not, though its folder is not.
    """
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    if place.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if is_other(path):
        raise InputError("a file to write to", f"{path}, a folder, pipe or device", "Choose another name.")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return place


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex}.tmp")


def _remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed while they wrote ``path`` have left beside it."""
    for file in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        if is_temporary(file.name) and not _is_held(file):
            with suppress(OSError):
                _unlink(file)


def _unlink(path: Path) -> None:
    """Remove a file or a link, or a temporary folder with its files."""
    if path.is_symlink() or not (is_temporary(path.name) and path.is_dir()):
        path.unlink(missing_ok=True)
        return
    for file in path.iterdir():
        file.unlink(missing_ok=True)
    path.rmdir()


if sys.platform == "win32":  # where none is known to be abandoned

    @contextmanager
    def _held(folder: Path) -> Iterator[None]:  # noqa: ARG001
        yield

    def _is_held(path: Path) -> bool:  # noqa: ARG001
        return True

else:

    @contextmanager
    def _held(folder: Path) -> Iterator[None]:
        """Hold a lock on a folder, which ends with the process."""
        with _opened(folder) as opened:
            with suppress(OSError):  # of a system without locks, where no folder is known to be abandoned
                fcntl.flock(opened, fcntl.LOCK_SH)
            yield

    def _is_held(path: Path) -> bool:
        """Whether a process holds a folder, or may do so."""
        try:
            with _opened(path) as opened:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        return False

    @contextmanager
    def _opened(path: Path) -> Iterator[int]:
        opened = os.open(path, os.O_RDONLY)
        try:
            yield opened
        finally:
            os.close(opened)
