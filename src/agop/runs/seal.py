"""Checksums that find what has changed in a run: of ``run.json`` in itself, of the other files when the run ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agop.errors import DataFileError
from agop.runs.storage import JSON, checksum_of, strict_json, to_json, write_json

__all__ = ["check_seal", "check_seals", "digest", "read_signed", "seals", "write_signed"]

_TENSORS = ".safetensors"
_SEALED = [f"{folder}*{suffix}" for folder in ("", "seed*/") for suffix in (".json", ".jsonl", _TENSORS)]
"""Files that are read again: of a run, and of the seeds in that of a training."""


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
    if values.pop("digest", None) != _digest_of(values) or not isinstance(values.get("sealed"), dict | None):
        got = "other contents: its checksum does not match"
        raise DataFileError(f"{file} as it was written", got, "Copy the folder again, or repeat the run in a new one.")
    return values


def seals(folder: Path) -> dict[str, str]:
    """Checksum of every file of a run but ``run.json``, by its name in the folder; tensors come with their own."""
    found = {name: _checksum(file) for name, file in _files(folder).items()}
    return {name: checksum for name, checksum in found.items() if checksum is not None}


def check_seals(folder: Path, sealed: Mapping[str, str]) -> None:
    """Raise DataFileError if a file that was sealed is another, or is gone; tensors, which are large, may be left out.

    Only files that are in the folder are read, whatever the names of seals may be.
    """
    files = _files(folder)
    for name in sealed:
        if name in files or not name.endswith(_TENSORS):
            check_seal(folder, name, _checksum(files[name]) if name in files else None, sealed)


def check_seal(folder: Path, name: str, checksum: str | None, sealed: Mapping[str, str] | None) -> None:
    """Raise DataFileError if a run was sealed, and not with a file of this name and checksum, None for no file."""
    if sealed is not None and sealed.get(name) != checksum:
        expected = f"the files in {folder} as they were when the run finished"
        got = f"{name} changed, exchanged or gone: its checksum does not match"
        raise DataFileError(expected, got, "Copy the folder again, or repeat the run in a new one.")


def digest(contents: bytes) -> str:
    """SHA-256 of the contents of a file."""
    return hashlib.sha256(contents).hexdigest()


def _files(folder: Path) -> dict[str, Path]:
    files = sorted(file for pattern in _SEALED for file in folder.glob(pattern) if file.is_file())
    return {file.relative_to(folder).as_posix(): file for file in files if file != folder / "run.json"}


def _checksum(file: Path) -> str | None:
    """Checksum of a file; None for tensors that agop did not write, and for what cannot be read."""
    try:
        return checksum_of(file) if file.suffix == _TENSORS else digest(file.read_bytes())
    except OSError:
        return None


def _digest_of(values: Mapping[str, JSON]) -> str:
    return digest(json.dumps(values, sort_keys=True).encode())
