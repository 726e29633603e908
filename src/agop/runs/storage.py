"""Named tensors with a JSON header in one safetensors file, and strict JSON."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from agop.errors import DataFileError, InputError
from agop.runs.files import is_other, replacing, write_text_atomic

__all__ = [
    "FORMAT_VERSION",
    "JSON",
    "checksum_of",
    "is_stored",
    "load",
    "save",
    "strict_json",
    "to_json",
    "write_json",
]

FORMAT_VERSION = 1
"""Version of the layout that `save` writes and `load` reads."""

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

_METADATA_KEY = "agop"


def save(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], header: Mapping[str, JSON] | None = None) -> None:
    """Write tensors and a header to ``path``, which is replaced whole or left as it was.

    Values and dtypes are kept exactly; tensors come back contiguous, on the CPU, without gradient history,
    and no longer sharing memory. A SHA-256 checksum of the header and of all tensors finds damage; it does not say who
    wrote the file.

    Parameters
    ----------
    path
        File to write, by custom with the suffix ``.safetensors``. Its folder must exist.
    tensors
        Dense tensors of any shape, device and dtype that safetensors knows.
    header
        Settings that JSON can hold; numbers must be finite. It is stored in the metadata of the file.

    Raises
    ------
    InputError
        If the folder does not exist, or a tensor or the header cannot be stored.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Path(folder, "model.safetensors"), {"metric": torch.eye(2)}, {"bandwidth": 2.0})
    ...     tensors, header = load(Path(folder, "model.safetensors"))
    >>> tensors["metric"].tolist(), header
    ([[1.0, 0.0], [0.0, 1.0]], {'bandwidth': 2.0})
    """
    packed = _packed(tensors)
    try:
        stored = json.loads(json.dumps(dict(header or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError("a header of finite JSON values", str(error), "Convert or drop that value.") from error
    text = json.dumps({"format": FORMAT_VERSION, "checksum": _checksum(stored, packed), "header": stored})
    with replacing(Path(path)) as temporary:
        try:
            save_file(packed, temporary, metadata={_METADATA_KEY: text})
        except (KeyError, ValueError) as error:
            raise InputError(
                "tensors of a dtype that safetensors stores", str(error), "Convert that tensor first."
            ) from error


def load(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save` wrote: the tensors, on the CPU, and the header.

    Raises
    ------
    DataFileError
        If the file is missing, truncated, not written by `save`, of another format version, or not as it was saved.
    """
    path = Path(path)
    try:
        with _opened(path) as file:
            stored = strict_json((file.metadata() or {})[_METADATA_KEY])
            version, checksum, header = stored["format"], stored.get("checksum"), dict(stored["header"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError) as error:
        got = getattr(error, "strerror", None) or str(error)
        raise DataFileError(
            f"{path} to be a complete safetensors file", got, "Write or copy the file again."
        ) from error
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise DataFileError(
            f"{path} to have been written by agop",
            "a file without its header",
            "Pass a file that agop wrote.",
        ) from error
    if version != FORMAT_VERSION:
        raise DataFileError(
            f"{path} in format {FORMAT_VERSION}",
            f"format {version}",
            "Read it with the version of agop that wrote it, or write it again with this one.",
        )
    if checksum != _checksum(header, tensors):
        got = "other contents: its checksum does not match"
        raise DataFileError(f"{path} as it was saved", got, "Copy or write the file again.")
    return tensors, header


def is_stored(path: str | os.PathLike[str]) -> bool:
    """Whether a safetensors file is one that `save` wrote, and `load` reads; SafetensorError if it is none at all."""
    with _opened(path) as file:
        return _METADATA_KEY in (file.metadata() or {})


def checksum_of(path: str | os.PathLike[str]) -> str | None:
    """Checksum in the header of a file that `save` wrote, None of any other; `load` compares the tensors with it."""
    try:
        with _opened(path) as file:
            return str(strict_json(file.metadata()[_METADATA_KEY])["checksum"])
    except (KeyError, OSError, RecursionError, SafetensorError, TypeError, ValueError):
        return None


def to_json(value: object) -> JSON:
    """Plain JSON values for ``value``: NumPy scalars unwrapped, paths as text, NaN and infinities as None.

    Raises
    ------
    InputError
        If there is something in ``value`` that JSON cannot hold.

    Examples
    --------
    >>> to_json({"nc1": float("nan"), "layers": (1, 2)})
    {'nc1': None, 'layers': [1, 2]}
    """
    match value:
        case float() | np.floating():
            return float(value) if math.isfinite(value) else None
        case np.integer():
            return int(value)
        case np.bool_():
            return bool(value)
        case None | bool() | int() | str():
            return value
        case Path():
            return str(value)
        case list() | tuple():
            return [to_json(item) for item in value]
        case Mapping() if all(isinstance(key, str) for key in value):
            return {key: to_json(item) for key, item in value.items()}
    raise InputError(
        "values that JSON can hold, under text keys",
        f"{value!r:.80} of type {type(value).__name__}",
        "Convert it to numbers, text, lists or dicts.",
    )


def strict_json(text: str | bytes) -> Any:
    """Value of a JSON text; ValueError for what is none, and for NaN and infinities, which are never written.

    Examples
    --------
    >>> strict_json('{"nc1": 4.4}')
    {'nc1': 4.4}
    >>> strict_json('{"nc1": NaN}')
    Traceback (most recent call last):
    ...
    ValueError: NaN, which is no number
    """
    return json.loads(text, parse_constant=_refuse)


def write_json(path: str | os.PathLike[str], value: object) -> None:
    """Write ``to_json(value)`` as indented, strict JSON; ``path`` is replaced whole or left as it was."""
    write_text_atomic(path, json.dumps(to_json(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n")


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """A safetensors file; PyTorch takes no name that is no text, but the number of the open file."""
    name = os.fspath(path)
    if is_other(Path(name)):
        raise OSError("a folder, pipe or device")
    with Path(name).open("rb") as opened:
        is_text = name == name.encode(errors="ignore").decode()
        with safe_open(name if is_text else f"/dev/fd/{opened.fileno()}", framework="pt") as file:
            yield file


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant}, which is no number")


def _checksum(header: Mapping[str, JSON], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the header as sorted JSON, and of the name, type, shape and bytes of every tensor."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        if tensor.numel():  # strides of nothing may be any, and have no bytes
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _packed(tensors: Mapping[str, object]) -> dict[str, Tensor]:
    """Return the tensors contiguous on the CPU, each with memory of its own."""
    packed: dict[str, Tensor] = {}
    owned: set[int] = set()
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided:
            kind = getattr(tensor, "layout", type(tensor).__name__)
            raise InputError("dense tensors", f"{name}: {kind}", "Convert it to a dense tensor first.")
        dense = tensor.detach().cpu().contiguous()
        address = dense.untyped_storage().data_ptr()
        packed[name] = dense.clone() if address in owned else dense
        owned.add(address)
    return packed
