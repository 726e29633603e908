"""Paths of the data files, and their bytes, plain or compressed."""

from __future__ import annotations

import gzip
import lzma
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agop.errors import DataFileError

__all__ = ["COPY_AGAIN", "check_label_range", "data_folder", "find_file", "read_bytes", "require_file"]

COPY_AGAIN = "Copy or download the file again."
"""Advice where a file is damaged."""


def _opened(path: Path) -> Any:
    return path.open("rb")


_OPEN: Mapping[str, Callable[[Path], Any]] = MappingProxyType({"": _opened, ".gz": gzip.open, ".xz": lzma.open})
"""Functions that open a file for reading its unpacked bytes, by suffix."""


def data_folder(name: str, data_dir: str | os.PathLike[str] | None) -> Path:
    """Return the folder of the set ``name`` in ``data_dir``, else in the folder that AGOP_DATA names."""
    root = os.environ.get("AGOP_DATA") if data_dir is None else data_dir
    if not root:
        raise DataFileError(
            f"a data folder for {name}",
            "neither data_dir nor AGOP_DATA",
            f"Pass data_dir, or set AGOP_DATA, to the folder that has a sub-folder {name}.",
        )
    return Path(root).expanduser() / name


def find_file(folder: Path, name: str) -> Path | None:
    """Return the file ``name``, ``name.gz`` or ``name.xz`` in ``folder``, the first that is there."""
    candidates = (folder / f"{name}{suffix}" for suffix in _OPEN)
    return next((path for path in candidates if path.is_file()), None)


def require_file(folder: Path, name: str) -> Path:
    """Return what `find_file` finds, or raise a DataFileError that says what is missing."""
    if not folder.is_dir():
        raise DataFileError(
            f"a folder {folder}",
            "no such folder",
            f"data_dir (or AGOP_DATA) is the folder that holds {folder.name}; "
            f"agop.datasets.sources.download({folder.name!r}) can fill it.",
        )
    path = find_file(folder, name)
    if path is None:
        raise DataFileError(
            f"a file {folder / name}, plain, .gz or .xz",
            "no such file",
            f"Copy it there, or use agop.datasets.sources.download({folder.name!r}).",
        )
    return path


def read_bytes(path: Path, most: int) -> bytes:
    """Read a whole file, unpacked if its name ends in .gz or .xz; no more than so many bytes are unpacked.

    Raises
    ------
    DataFileError
        If it is damaged or holds more.
    """
    try:
        with _OPEN.get(path.suffix, _opened)(path) as file:
            found: bytes = file.read(most + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataFileError(
            f"{path} to be a complete, readable {path.suffix or 'plain'} file", str(error), COPY_AGAIN
        ) from error
    if len(found) > most:
        raise DataFileError(f"{path} to hold at most {most} bytes", "more", COPY_AGAIN)
    return found


def check_label_range(labels: NDArray[np.integer], path: Path, low: int, high: int) -> None:
    """Raise a DataFileError unless all labels read from ``path`` are in ``low .. high``."""
    if labels.min(initial=low) < low or labels.max(initial=high) > high:
        raise DataFileError(f"labels {low} .. {high} in {path}", f"{labels.min()} .. {labels.max()}", COPY_AGAIN)
