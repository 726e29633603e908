"""Which parameter of a model a tensor in a call is, told by its memory."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from agop.errors import InputError
from agop.network.capture.wrappers import named_modules

__all__ = ["LayerSelection", "ShardedWeight", "Weights", "is_sharded", "model_dtype", "stable_weights"]

LayerSelection: TypeAlias = str | type[nn.Module] | Iterable[str | type[nn.Module]] | None
"""Names, globs such as "blocks.*", types of modules, or several of them; None selects every layer."""


@dataclass(frozen=True, eq=False)
class ShardedWeight:
    """Weight of a call, of which each rank has a shard: what the ranks need to gather it.

    Attributes
    ----------
    name
        Name as :meth:`Weights.name_of` gives it, with rows.
    outline
        Weight of the call on the meta device: its shape, strides and data type.
    matrix
        Function from the weight of the call to the dense matrix W (out, in).
    """

    name: str
    outline: Tensor
    matrix: Callable[[Tensor], Tensor]


class Weights:
    """The matrices and convolution kernels of a model, found again by the storage that a tensor looks at.

    A view counts: the rows of a fused projection, or the transposed weight in ``x @ weight.T``. Tied weights
    carry the first of their names that is not one of an embedding. Weights that ``fully_shard`` has spread over ranks
    are found while they are gathered for a call.

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
        selected = _selected(model, [weight.name for weight in named], layers)
        self._found: dict[object, list[_Named]] = defaultdict(list)
        for weight in sorted(named, key=lambda weight: isinstance(weight.module, nn.Embedding)):
            same = self._found[_place(weight.tensor)]
            if weight.name in selected and not any(_part(weight.tensor, other.tensor) == "" for other in same):
                same.append(weight)
        self._is_sharded = is_sharded(model)

    @property
    def names(self) -> list[str]:
        """Layers that are to be found, tied ones once."""
        return [weight.name for same in self._found.values() for weight in same]

    def name_of(self, tensor: Tensor) -> str | None:
        """Name of the layer whose weight this is, or transposed is, or of whose weight it holds rows."""
        for weight, live in self._like(tensor):
            if (part := _part(tensor, live)) is not None:
                return f"{weight.name}{part}"
        return None

    def sharded(self, name: str, received: Tensor, matrix: Callable[[Tensor], Tensor]) -> tuple[ShardedWeight, ...]:
        """What it takes to gather the weight of a call; nothing where the model is not sharded."""
        return (ShardedWeight(name, received.detach().to("meta"), matrix),) if self._is_sharded else ()

    def gathered(self, parts: Iterable[ShardedWeight]) -> Tensor:
        """Copy of weights in full, as dense matrices one below the other.

        All ranks must ask together, for one layer after another: none then holds more than it keeps.
        """
        found = [part.matrix(self._full(part)) for part in parts]
        return found[0] if len(found) == 1 else torch.cat(found)

    def _full(self, part: ShardedWeight) -> Tensor:
        """Weight in full, as the call had it."""
        stem, _, rows = part.name.partition("[")
        weight = next(weight for same in self._found.values() for weight in same if weight.name == stem).current
        whole: Tensor = weight.full_tensor() if _is_shard(weight) else weight.clone()  # type: ignore[attr-defined]
        if rows:
            start, stop = map(int, rows.rstrip("]").split(":"))
            whole = whole[start:stop]
        layout = part.outline.shape, part.outline.stride()
        is_transposed = whole.ndim == 2 and layout == (whole.mT.shape, whole.mT.stride())
        return (whole.mT if is_transposed else whole).to(part.outline.dtype)

    def _like(self, tensor: Tensor) -> Iterator[tuple[_Named, Tensor]]:
        """Weights in the memory of a tensor."""
        if not self._is_sharded:
            yield from ((weight, weight.tensor) for weight in self._found.get(_place(tensor), ()))
            return
        for same in self._found.values():
            for weight in same:
                live = weight.current
                if not _is_shard(live) and _place(live) == _place(tensor):
                    yield weight, live


@dataclass(frozen=True, eq=False)
class _Named:
    """A weight, its layer's name, and where the model keeps it."""

    name: str
    module: nn.Module
    attribute: str
    tensor: Tensor

    @property
    def current(self) -> Tensor:
        """The weight that the module has now, which is another while it is gathered."""
        current: Tensor = getattr(self.module, self.attribute)
        return current.detach()


def _is_shard(tensor: Tensor) -> bool:
    """Whether it is a DTensor."""
    return hasattr(tensor, "full_tensor")


def _place(tensor: Tensor) -> object:
    """Memory of a tensor; of one that is sharded, that of the shard."""
    own: Tensor = tensor.to_local() if _is_shard(tensor) else tensor  # type: ignore[attr-defined]
    return own.untyped_storage().data_ptr()


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


def _named_weights(model: nn.Module) -> Iterator[_Named]:
    """Every matrix or convolution kernel, parametrized ones included."""
    for path, module in named_modules(model):
        if "parametrizations" in path.split("."):
            continue
        own = dict(module.named_parameters(recurse=False))
        if parametrize.is_parametrized(module):
            own |= {name: getattr(module, name) for name in module.parametrizations}  # type: ignore[union-attr]
        for name, weight in own.items():
            if weight.ndim >= 2 and weight.numel() and weight.is_floating_point():
                yield _Named(_layer_name(path, name, module), module, name, weight)


def _layer_name(path: str, parameter: str, module: nn.Module) -> str:
    """Name "fc1" for "fc1.weight", "attention.in_proj" for "attention.in_proj_weight"."""
    stem = "" if parameter == "weight" else parameter.removesuffix("_weight")
    return ".".join(part for part in (path, stem) if part) or type(module).__name__


def _selected(model: nn.Module, names: list[str], layers: LayerSelection) -> set[str]:
    if layers is None:
        return set(names)
    wanted = [layers] if isinstance(layers, (str, type)) else list(layers)
    found: set[str] = set()
    for choice in wanted:
        if isinstance(choice, str):
            matches = set(fnmatch.filter(names, re.sub(r"\[\d+:\d+\]$", "", choice)))
        else:
            modules = {path for path, module in named_modules(model) if isinstance(module, choice)}
            matches = {name for name in names if any(not m or name == m or name.startswith(f"{m}.") for m in modules)}
        if not matches:
            shown, known = choice if isinstance(choice, str) else choice.__name__, ", ".join(sorted(set(names)))
            raise InputError(f"layers among {known or 'none'}", repr(shown), "Give a name, a glob or a type of module.")
        found |= matches
    return found


def model_dtype(model: nn.Module) -> torch.dtype:
    """Data type of the first floating-point parameter."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.get_default_dtype())


def is_sharded(model: nn.Module) -> bool:
    """Whether ``fully_shard`` has spread weights of a model over ranks, so that a pass of one is a pass of all."""
    return any(hasattr(module, "unshard") for module in model.modules())
