"""One call of a linear layer, and what it read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from agop.network.capture.layers import Linear
from agop.network.capture.weights import ShardedWeight

__all__ = ["LayerCall", "Source", "source_of"]

Source: TypeAlias = tuple[object, ...]
"""Memory that a tensor looks at, how it does, and how often it had been written: equal for the same numbers."""


@dataclass(eq=False)
class LayerCall:
    """One call of a layer: its input, its output, what the nonlinearity made of it, and gradients as they arrive.

    Attributes
    ----------
    name
        Name of the layer.
    linear
        Normal form of the layer.
    outputs
        Pre-activation W phi + b, as the call returned it.
    batch
        Number of sequences of the attention around the call, whose tensors have time first; None elsewhere.
    source
        What the call read: equal for calls of one forward pass that read the same tensor.
    matrix
        Gives the weight as a dense matrix W (out, in); of a model that is sharded, while the call or its gradient is
        computed.
    sharded
        What it takes to gather the weight from all ranks at other times; empty where the model is not sharded.
    activation, activated
        Name and result of the nonlinearity that consumed the outputs, or of the gate that they are part of, such as
        "silu gate"; None if there was none.
    on_gradient
        Receives the gradient of every backward pass with respect to the outputs.
    on_part
        Receives it too, as a part of the gradient of a joint call.
    """

    name: str
    linear: Linear
    outputs: Tensor
    batch: int | None
    source: Source
    matrix: Callable[[], Tensor]
    sharded: tuple[ShardedWeight, ...]
    activation: str | None = None
    activated: Tensor | None = None
    on_gradient: Callable[[Tensor], None] | None = None
    on_part: Callable[[Tensor], None] | None = None

    def receive(self, gradient: Tensor) -> None:
        """Hand a gradient on to those who wait for it."""
        for listener in (self.on_gradient, self.on_part):
            if listener is not None:
                listener(gradient)


def source_of(tensor: Tensor) -> Source:
    """Source of a tensor; it means what it says while the memory is held."""
    version = None if tensor.is_inference() else tensor._version
    place = tensor.untyped_storage().data_ptr(), tensor.storage_offset()
    return (*place, tuple(tensor.shape), tensor.stride(), tensor.dtype, version)
