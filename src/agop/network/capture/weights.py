"""Which parameter of a model a tensor in a call is, told by its memory."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from agop.errors import InputError

__all__ = ["LayerSelection", "Weights", "model_dtype", "stable_weights"]

LayerSelection: TypeAlias = str | type[nn.Module] | Iterable[str | type[nn.Module]] | None
"""Names, globs such as "blocks.*", types of modules, or several of them; None selects every layer."""


class Weights:
    """The matrices and convolution kernels of a model, found again by the storage that a tensor looks at.

    A view counts: the rows of a fused projection, or the transposed weight in ``x @ weight.T``. Tied weights
    carry the first of their names.

    Parameters
    ----------
    model
        The model; its wrappers (``torch.compile``, data parallel) count as part of it.
    layers
        Which layers to find.

    Raises
    ------
    InputError
        If a name, glob or type selects nothing.
    """

    def __init__(self, model: nn.Module, layers: LayerSelection = None) -> None:
        named = list(_named_weights(model))
        selected = _selected(model, [name for name, _ in named], layers)
        self._found: dict[int, list[tuple[str, Tensor]]] = defaultdict(list)
        for name, weight in named:
            same = self._found[weight.untyped_storage().data_ptr()]
            if name in selected and not any(_part(weight, other) == "" for _, other in same):
                same.append((name, weight))

    @property
    def names(self) -> list[str]:
        """Layers that are to be found, tied ones once."""
        return [name for weights in self._found.values() for name, _ in weights]

    def name_of(self, tensor: Tensor) -> str | None:
        """Name of the layer whose weight this is, or transposed is, or of whose weight it holds rows."""
        for name, weight in self._found.get(tensor.untyped_storage().data_ptr(), ()):
            if (part := _part(tensor, weight)) is not None:
                return f"{name}{part}"
        return None


@contextmanager
def stable_weights() -> Iterator[None]:
    """Compute parametrized weights once, so that every use of one shows the same tensor."""
    with parametrize.cached():
        yield


def _part(tensor: Tensor, weight: Tensor) -> str | None:
    """Which rows of a weight a tensor is, such as "[0:64]"; "" for all, transposed or not; None for none."""
    offset = tensor.storage_offset() - weight.storage_offset()
    if offset == 0 and tensor.shape == weight.shape and tensor.stride() == weight.stride():
        return ""
    if (
        offset == 0
        and weight.ndim == 2
        and tensor.shape == weight.shape[::-1]
        and tensor.stride() == weight.mT.stride()
    ):
        return ""
    if tensor.ndim == weight.ndim == 2 and tensor.stride() == weight.stride() and tensor.shape[1] == weight.shape[1]:
        start, rest = divmod(int(offset), weight.stride(0))
        if rest == 0 and 0 <= start <= len(weight) - len(tensor):
            return f"[{start}:{start + len(tensor)}]"
    return None


def _named_weights(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Layer name and weight of every matrix or convolution kernel, parametrized ones included."""
    for module_name, module in model.named_modules():
        if "parametrizations" in module_name.split("."):
            continue
        own = dict(module.named_parameters(recurse=False))
        if parametrize.is_parametrized(module):
            own |= {name: getattr(module, name) for name in module.parametrizations}
        for name, weight in own.items():
            if weight.ndim >= 2 and weight.numel() and weight.is_floating_point():
                yield _layer_name(module_name, name, module), weight


def _layer_name(module_name: str, parameter: str, module: nn.Module) -> str:
    """Name "fc1" for "fc1.weight", "attention.in_proj" for "attention.in_proj_weight"; wrappers are left out."""
    stem = "" if parameter == "weight" else parameter.removesuffix("_weight")
    return ".".join(part for part in (_path(module_name), stem) if part) or type(module).__name__


def _path(module_name: str) -> str:
    """Path of a module without the wrapper of compiled ones."""
    return ".".join(part for part in module_name.split(".") if part != "_orig_mod")


def _selected(model: nn.Module, names: list[str], layers: LayerSelection) -> set[str]:
    if layers is None:
        return set(names)
    wanted = [layers] if isinstance(layers, (str, type)) else list(layers)
    found: set[str] = set()
    for choice in wanted:
        if isinstance(choice, str):
            matches = set(fnmatch.filter(names, re.sub(r"\[\d+:\d+\]$", "", choice)))
        else:
            modules = {_path(name) for name, module in model.named_modules() if isinstance(module, choice)}
            matches = {name for name in names if any(not m or name == m or name.startswith(f"{m}.") for m in modules)}
        if not matches:
            shown, known = choice if isinstance(choice, str) else choice.__name__, ", ".join(sorted(set(names)))
            raise InputError(f"layers among {known or 'none'}", repr(shown), "Give a name, a glob or a type of module.")
        found |= matches
    return found


def model_dtype(model: nn.Module) -> torch.dtype:
    """Data type of the first floating-point parameter."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.get_default_dtype())
