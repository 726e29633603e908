"""A disk that fails at one call: a full one, a broken one, or the end of the process."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import pytest

from agop.runs import storage

__all__ = ["ERRORS", "Killed", "failing_disk"]

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
"""Errors of the system."""


class Killed(BaseException):
    """The end of the process: whatever would handle it has no disk any more."""


class _Disk:
    """Calls that change the disk, of which the n-th fails: once with an error, for good if the process ends there."""

    def __init__(self, fault, n):
        self.fault, self.left, self.gone = fault, n, False

    def touch(self, half=lambda: None):
        """One call; what it would write is half written where the fault comes."""
        self.left -= 1
        if self.gone or self.left == 0:
            if not self.gone:
                half()
            self.gone = self.fault is Killed
            raise Killed if self.fault is Killed else OSError(self.fault, os.strerror(self.fault))


class _File:
    """A file whose writes are calls."""

    def __init__(self, file, disk):
        self._file, self._disk = file, disk

    def write(self, data):
        self._disk.touch(lambda: (self._file.write(data[: len(data) // 2]), self._file.flush()))
        return self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        self._file.__enter__()
        return self

    def __exit__(self, *error):
        return self._file.__exit__(*error)


@contextlib.contextmanager
def failing_disk(fault, n):
    """Context in which the n-th call that changes the disk fails: with an error, or as if the process ended."""
    disk = _Disk(fault, n)
    own = {name: getattr(Path, name) for name in ("open", "mkdir", "touch", "replace", "unlink", "rmdir", "chmod")}
    fsync, save_file = os.fsync, storage.save_file

    def opened(path, mode="r", *arguments, **options):
        if not set(mode) & set("wax+"):
            return own["open"](path, mode, *arguments, **options)
        disk.touch()
        return _File(own["open"](path, mode, *arguments, **options), disk)

    def called(name):
        def call(path, *arguments, **options):
            disk.touch()
            return own[name](path, *arguments, **options)

        return call

    def saved(tensors, path, metadata):
        disk.touch(lambda: own["open"](path, "wb").close())
        save_file(tensors, path, metadata=metadata)

    with pytest.MonkeyPatch.context() as patch:
        for name in own:
            patch.setattr(Path, name, opened if name == "open" else called(name))
        patch.setattr(os, "fsync", lambda file: (disk.touch(), fsync(file)))
        patch.setattr(storage, "save_file", saved)
        yield disk
