"""Packed files of tables: a small one may not unpack to any size."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from agop.errors import DataFileError

__all__ = ["check_row_count", "is_larger", "unpacked"]

_RATIO, _FREE_BYTES, _BLOCK = 100, 2**24, 2**20
"""Times the size of a file that it may unpack to; bytes that any file may; bytes that are unpacked at once."""


def check_row_count(path: Path, n_rows: int) -> None:
    """Raise DataFileError for more rows than a file of its size can hold: even a column of numbers would be a bomb."""
    most = _most_bytes(path) // 8
    if n_rows > most:
        expected = f"{path} to have at most {most} rows in its {path.stat().st_size} bytes"
        raise DataFileError(expected, str(n_rows), "Convert it to CSV if this is right.")


@contextmanager
def unpacked(file: BinaryIO) -> Iterator[Any]:
    r"""What pandas reads a table from: the unpacked bytes of a packed file, by the suffix of its name; else the file.

    What reads more than 100 times the size of the file, or 16 MiB if that is more, raises DataFileError.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "x.csv.gz")
    ...     size = path.write_bytes(gzip.compress(b"age\n31\n"))
    ...     with path.open("rb") as file, unpacked(file) as source:
    ...         source.read()
    b'age\n31\n'
    """
    path = Path(file.name)
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        yield file
        return
    with opener(file) as source:
        yield io.BufferedReader(_Limited(source, path))


def is_larger(path: Path, size: int) -> bool:
    r"""Whether a file has, or unpacks to, more than so many bytes; as many of them are read at most.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "x.csv.gz")
    ...     _ = path.write_bytes(gzip.compress(1000 * b"1\n"))
    ...     is_larger(path, 1999), is_larger(path, 2000)
    (True, False)
    """
    if path.stat().st_size > size or path.suffix.lower() not in _OPENERS:
        return path.stat().st_size > size
    with path.open("rb") as file, unpacked(file) as source:
        while size >= 0 and (found := source.read(_BLOCK)):
            size -= len(found)
    return size < 0


class _Limited(io.RawIOBase):
    """The bytes of a file that unpacks another, up to a limit."""

    def __init__(self, file: Any, path: Path) -> None:
        self._file, self._path = file, path
        self._most = self._left = _most_bytes(path)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._file.read(len(buffer))
        self._left -= len(found)
        if self._left < 0:
            expected = f"{self._path} to unpack to at most {self._most / 2**20:.0f} MiB"
            advice = "If this is right, unpack it by hand: a plain file may have any size."
            raise DataFileError(expected, f"more from {self._path.stat().st_size} bytes", advice)
        buffer[: len(found)] = found
        return len(found)


def _most_bytes(path: Path) -> int:
    """Bytes that a file may unpack to: text packs to a tenth, a bomb to a thousandth."""
    return max(_FREE_BYTES, _RATIO * path.stat().st_size)


@contextmanager
def _only_member(packed: BinaryIO) -> Iterator[Any]:
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise ValueError(f"{len(names)} files in it instead of one")
        with archive.open(names[0]) as file:
            yield file


def _zstandard(packed: BinaryIO) -> Any:
    import pyarrow

    return pyarrow.input_stream(packed, compression="zstd")


_OPENERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zip": _only_member, ".zst": _zstandard}
)
"""Functions that open a packed file for reading its unpacked bytes, by suffix."""
