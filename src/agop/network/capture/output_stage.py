"""The output stage of a layer: what the nonlinearity after it, or the gate that it is part of, makes of its outputs.

A gated unit multiplies two linear maps of one input, of which one at least went through a nonlinearity:

=======================================  ========================================================================
``act(gate(x)) * up(x)``                 two layers that read the same tensor
``a, b = fused(x).chunk(2, -1)``,        one layer; its halves may also be slices or every second feature
``act(a) * b``
``functional.glu(fused(x))``             one layer
``h * act(h)`` with ``h = layer(x)``     one layer that gates itself, as GELU and SiLU do where they are written out
=======================================  ========================================================================

The product is the output stage of each layer in it. Other products are none: with a number, a mask, a scale, a tensor
that is broadcast, or features that come from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from agop.network.capture.layer_call import LayerCall

__all__ = ["OutputStages", "overwrites"]

_ACTIVATIONS = frozenset(
    (
        *("celu", "clamp", "clamp_min", "elu", "erf", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu"),
        *("logsigmoid", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softplus"),
        *("softsign", "tanh", "threshold"),
    )
)
"""Calls whose result is the output stage of the layer that they are given."""

_PASSED_THROUGH = frozenset(
    (
        *("alpha_dropout", "batch_norm", "contiguous", "dropout", "dropout1d", "dropout2d", "dropout3d"),
        *("feature_alpha_dropout", "float", "group_norm", "instance_norm", "layer_norm", "rms_norm", "to"),
    )
)
"""Calls between a layer and its nonlinearity that keep samples, positions and features in their places."""

_BY_NUMBERS = frozenset(("add", "sub", "rsub", "mul", "multiply", "div", "pow", "neg"))
"""Calls with numbers, which count on the way to the product of a layer that gates itself, and nowhere else."""

_RESHAPED = frozenset(("flatten", "reshape", "unflatten", "view"))
"""Calls that keep rows in their order, where they keep the features."""

_PRODUCTS = frozenset(("mul", "multiply"))


@dataclass(frozen=True, eq=False)
class _Part:
    """Features of a call's outputs on their way.

    Attributes
    ----------
    tensor
        Where they are.
    call
        The call that they come from.
    features
        Which of its features they are.
    activation
        Nonlinearity that they went through; None before it.
    is_plain
        Whether nothing was added to them or multiplied with them.
    """

    tensor: Tensor
    call: LayerCall
    features: range
    activation: str | None = None
    is_plain: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether these are all features of the call."""
        return len(self.features) == _n_features(self.call)

    def completes(self, other: _Part) -> bool:
        """Whether the parts are what a gate multiplies: two layers with one input, or all features of one layer."""
        if self.call is other.call and not self.is_whole:
            both = sorted((self.features, other.features), key=lambda features: features.start)
            half, n = len(self.features), _n_features(self.call)
            return both in ([range(half), range(half, n)], [range(0, n, 2), range(1, n, 2)])
        return self.is_whole and other.is_whole and self.call.source == other.call.source

    def view(self, tensor: Tensor) -> _Part | None:
        """Part that a view of the tensor is, if it leaves out nothing but features; None for anything else."""
        axis, whole = self.call.linear.axis, self.tensor
        if tensor.ndim != whole.ndim or tensor.untyped_storage().data_ptr() != whole.untyped_storage().data_ptr():
            return None
        if _without(tensor.shape, axis) != _without(whole.shape, axis):
            return None
        if _without(tensor.stride(), axis) != _without(whole.stride(), axis):
            return None
        start, between = divmod(int(tensor.storage_offset() - whole.storage_offset()), whole.stride(axis))
        step, uneven = divmod(tensor.stride(axis), whole.stride(axis))
        features = self.features[start :: max(step, 1)][: tensor.shape[axis]]
        if between or uneven or start < 0 or len(features) != tensor.shape[axis]:
            return None
        return replace(self, tensor=tensor, features=features)


class OutputStages:
    """Outputs of layers, followed through the calls after them."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}

    def begin(self, outputs: Tensor, call: LayerCall) -> None:
        """Follow the outputs of a call."""
        self._add(_Part(outputs, call, range(_n_features(call))))

    def clear(self) -> None:
        """Forget all tensors."""
        self._parts.clear()

    def follow(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any
    ) -> dict[LayerCall, str]:
        """Names of the nonlinearity or gate by the layer calls whose output stage the result of a call is, if any."""
        name = getattr(func, "__name__", "").rstrip("_")
        part = self._part(args[0] if args else kwargs.get("input"))
        if part is None:
            return {}
        found: dict[LayerCall, str] = {}
        same_shape = isinstance(result, Tensor) and result.shape == part.tensor.shape
        if name in _PRODUCTS and same_shape:
            found = _gate(part, self._part(args[1] if len(args) > 1 else kwargs.get("other")))
        elif name == "glu":
            found = _glu(part, args[1] if len(args) > 1 else kwargs.get("dim", -1))
        if name in _ACTIVATIONS and same_shape and part.activation is None:
            self._add(replace(part, tensor=result, activation=name))
            is_first = part.is_whole and part.is_plain and part.call.activation is None
            found = {part.call: name} if is_first else {}
        elif self._passes(name, part, args, kwargs, result):
            is_plain = part.is_plain and name.strip("_") not in _BY_NUMBERS
            self._add(replace(part, tensor=result, is_plain=is_plain))
        elif overwrites(func, kwargs):
            del self._parts[id(part.tensor)]
        else:
            self._split(part, result)
        return found

    def _part(self, tensor: Any) -> _Part | None:
        return self._parts.get(id(tensor))

    def _passes(self, name: str, part: _Part, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> bool:
        """Whether the result of a call is the part still, each number in its place or all rows in their order."""
        if not isinstance(result, Tensor):
            return False
        if name in _RESHAPED:
            is_same = result.numel() == part.tensor.numel() and result.shape[-1:] == part.tensor.shape[-1:]
            return is_same and part.call.linear.axis == -1
        is_on_the_way = name in _PASSED_THROUGH or (
            name.strip("_") in _BY_NUMBERS and self._is_of_itself(part, args[1:], kwargs)
        )
        return is_on_the_way and result.shape == part.tensor.shape

    def _is_of_itself(self, part: _Part, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Whether a part is combined with numbers only, or before any nonlinearity with itself."""
        others = [self._part(value) for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
        return all(
            other is not None
            and (other.call, other.features, other.activation) == (part.call, part.features, None)
            and part.activation is None
            for other in others
        )

    def _add(self, part: _Part) -> None:
        self._parts[id(part.tensor)] = part

    def _split(self, part: _Part, result: Any) -> None:
        for piece in result if isinstance(result, (tuple, list)) else (result,):
            view = part.view(piece) if isinstance(piece, Tensor) else None
            if view is not None:
                self._add(view)


def _gate(part: _Part, other: _Part | None) -> dict[LayerCall, str]:
    """Layer calls in a product of two parts, if it is a gated unit."""
    if other is None or other is part or other.tensor.shape != part.tensor.shape or not part.completes(other):
        return {}
    gates_itself = part.call is other.call and part.is_whole
    if not gates_itself and not (part.is_plain and other.is_plain):
        return {}
    names = [each.activation for each in (part, other) if each.activation is not None]
    return dict.fromkeys((part.call, other.call), f"{' '.join(names)} gate") if names else {}


def _glu(part: _Part, dim: int) -> dict[LayerCall, str]:
    """Layer call that a gated linear unit takes apart, if it does so along the features."""
    is_along_features = dim % part.tensor.ndim == part.call.linear.axis % part.tensor.ndim
    is_first = part.is_whole and part.is_plain and part.call.activation is None
    return {part.call: "sigmoid gate"} if is_along_features and is_first else {}


def overwrites(func: Callable[..., Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a call writes into its first argument."""
    name = getattr(func, "__name__", "")
    return (name.endswith("_") and not name.endswith("__")) or name == "__setitem__" or kwargs.get("inplace") is True


def _n_features(call: LayerCall) -> int:
    return call.outputs.shape[call.linear.axis]


def _without(sizes: tuple[int, ...], axis: int) -> tuple[int, ...]:
    axis %= len(sizes)
    return (*sizes[:axis], *sizes[axis + 1 :])
