"""Files of JSON objects, one a line, to which lines are added so that a crash leaves whole ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from agop.errors import DataFileError
from agop.runs import files, storage

__all__ = ["append", "as_text", "parsed"]

_BLOCK = 2**16
"""Bytes that are read at once to find where a file's last line ends."""


def as_text(lines: Iterable[Mapping[str, object]]) -> str:
    r"""Text of lines: strict JSON, in which NaN and infinities are null.

    Examples
    --------
    >>> as_text([{"layer": 1, "nc1": float("nan")}])
    '{"layer": 1, "nc1": null}\n'
    """
    return "".join(json.dumps(storage.to_json(line), allow_nan=False) + "\n" for line in lines)


def append(path: Path, lines: Iterable[Mapping[str, object]]) -> None:
    """Add lines to a file and return when they are on the disk.

    A line that a crash left unfinished is removed first. Where the disk is full, or on Ctrl-C, no line is added.
    """
    left = memoryview(as_text(lines).encode())
    with files.writing(path), path.open("a+b", buffering=0) as file:
        end = file.truncate(_end_of_lines(file))
        try:
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except (OSError, KeyboardInterrupt):
            file.truncate(end)
            raise


def parsed(contents: bytes, file: Path) -> list[dict[str, Any]]:
    r"""Complete lines in the contents of a file; a last line without its end is dropped.

    Raises
    ------
    DataFileError
        If a line is no JSON object or is there twice.

    Examples
    --------
    >>> parsed(b'{"layer": 1}\n{"lay', Path("metrics.jsonl"))
    [{'layer': 1}]
    """
    rows: list[dict[str, Any]] = []
    seen: dict[bytes, int] = {}
    for number, line in enumerate(contents.split(b"\n")[:-1], start=1):
        expected, got = f"line {number} of {file} to be a JSON object", f"{line[:60]!r}"
        try:
            rows.append(dict(storage.strict_json(line)))
        except (RecursionError, TypeError, ValueError) as error:
            raise DataFileError(expected, got, "Remove or mend that line.") from error
        if (before := seen.setdefault(line, number)) != number:
            got = f"line {before} again, as when two programs write one file"
            raise DataFileError(f"line {number} of {file} to be new", got, "Repeat the run in a new folder.")
    return rows


def _end_of_lines(file: BinaryIO) -> int:
    """Bytes of a file up to the end of its last complete line, of which one block at a time is read."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _BLOCK)
        file.seek(start)
        if found := file.read(end - start).rfind(b"\n") + 1:
            return start + found
        end = start
    return 0
