"""Checksums that find damage in the JSON of a run: of ``run.json`` in itself, of the other files when the run ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agop.errors import DataFileError
from agop.runs.storage import JSON, strict_json, to_json, write_json

__all__ = ["check_sealed", "read_signed", "seals", "write_signed"]


def write_signed(file: Path, values: Mapping[str, object]) -> None:
    """Write values with the SHA-256 of all of them under "digest"."""
    stored = {name: to_json(value) for name, value in values.items()}
    write_json(file, {**stored, "digest": _digest_of(stored)})


def read_signed(file: Path) -> dict[str, Any]:
    """Read what `write_signed` wrote; DataFileError if it is missing, no strict JSON, or not as it was."""
    try:
        values = strict_json(file.read_bytes().decode())
    except (OSError, ValueError, RecursionError) as error:
        raise DataFileError(f"{file} to hold JSON", str(error), "Choose another folder.") from error
    if not isinstance(values, dict) or not isinstance(values.get("settings"), dict):
        raise DataFileError(f"{file} to have settings", "other content", "Choose another folder.")
    if values.pop("digest", None) != _digest_of(values):
        raise _damaged(file)
    return values


def seals(folder: Path) -> dict[str, str]:
    """SHA-256 of every JSON file of a run but ``run.json``, by name."""
    files = sorted(file for pattern in ("*.json", "*.jsonl") for file in folder.glob(pattern))
    return {file.name: _digest(file.read_bytes()) for file in files if file.name != "run.json"}


def check_sealed(file: Path, contents: bytes, seal: str | None) -> None:
    """Raise DataFileError if a file was sealed, and its contents are others."""
    if seal is not None and _digest(contents) != seal:
        raise _damaged(file)


def _digest_of(values: Mapping[str, JSON]) -> str:
    return _digest(json.dumps(values, sort_keys=True).encode())


def _digest(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()


def _damaged(file: Path) -> DataFileError:
    got = "other contents: its checksum does not match"
    return DataFileError(f"{file} as it was written", got, "Copy the folder again, or repeat the run.")
