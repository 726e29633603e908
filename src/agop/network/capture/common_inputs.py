"""Layers that read one tensor together, as queries, keys and values do, and the one layer that they are together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile

import torch
from torch import Tensor

from agop.network.capture.layer_call import LayerCall, Source
from agop.network.capture.layers import Linear

__all__ = ["JointCall", "common_inputs"]


@dataclass(frozen=True, eq=False)
class JointCall:
    r"""Calls that read one tensor, as the call of one layer: their weights one below the other, outputs side by side.

    As if the projections were packed into one. With W the weights :math:`W_j` one below the other and :math:`\delta`
    the gradients with respect to their outputs side by side, :math:`W^T \delta = \sum_j W_j^T \delta_j` is the gradient
    with respect to what they read, by way of them.

    Attributes
    ----------
    call
        The call of that layer.
    members
        Calls that it is made of.
    """

    call: LayerCall
    members: Sequence[LayerCall]
    _gradients: dict[int, Tensor] = field(default_factory=dict)
    _weights: dict[int, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, members: Sequence[LayerCall], values: Callable[[Tensor], Tensor]) -> JointCall:
        """Join calls; ``values`` gives what their tensors held when they were made."""
        first, stages = members[0], {id(member.activated) for member in members}
        linear = Linear(first.linear.inputs, first.linear.weight, first.linear.input_rows, _same, _same)
        weights: dict[int, Tensor] = {}
        call = LayerCall(
            name,
            linear,
            torch.cat([values(member.outputs) for member in members], -1),
            first.batch,
            first.source,
            lambda: torch.cat([_matrix(member, weights.get(place)) for place, member in enumerate(members)]),
            tuple(part for member in members for part in member.sharded),
            *((first.activation, first.activated) if len(stages) == 1 else ()),
        )
        joint = cls(call, members, _weights=weights)
        for place, member in enumerate(members):
            member.on_part = partial(joint._receive, place)
        return joint

    def deliver(self) -> None:
        """Hand on what the members received in a backward pass, 0 for those that it did not reach."""
        if self._gradients:
            found, places = dict(self._gradients), enumerate(self.members)
            parts = [found[place] if place in found else torch.zeros_like(member.outputs) for place, member in places]
            self._gradients.clear()
            self.call.receive(torch.cat(parts, -1))
            self._weights.clear()

    def _receive(self, place: int, gradient: Tensor) -> None:
        """Keep the gradient of a member, with its weight if it will not be whole later, until all have arrived."""
        self._gradients[place] = gradient
        if self.members[place].sharded:
            self._weights[place] = self.members[place].matrix().clone()
        if len(self._gradients) == len(self.members):
            self.deliver()


def common_inputs(calls: Iterable[LayerCall]) -> list[tuple[str, list[LayerCall]]]:
    """Calls of one forward pass that read the same tensor, of two layers or more, in the order of the first call.

    Parameters
    ----------
    calls
        Calls of one forward pass, whose tensors are held.

    Returns
    -------
    list of (name, calls)
        A group is named after the deepest module that has all its layers, such as "layers.0.self_attn", or by its
        layers where there is none or another group has the same. Groups of the same layers have the same name.

    Notes
    -----
    The same tensor is the same memory, looked at alike, and not written in between; a copy of it is another.
    Convolutions are left out, since their rows are patches, of each a size of its own.
    """
    groups: dict[Source, list[LayerCall]] = defaultdict(list)
    for call in calls:
        if call.linear.weight.ndim == 2:
            groups[call.source].append(call)
    found = [(_layers(group), group) for group in groups.values()]
    found = [(layers, group) for layers, group in found if len(layers) > 1]
    named = defaultdict[str, set[tuple[str, ...]]](set)
    for layers, _ in found:
        named[_module(layers)].add(layers)
    return [(_name(layers, len(named[_module(layers)])), group) for layers, group in found]


def _layers(calls: Sequence[LayerCall]) -> tuple[str, ...]:
    """Names of the layers that are called, each once."""
    return tuple(dict.fromkeys(call.name for call in calls))


def _module(layers: Sequence[str]) -> str:
    """Path of the deepest module that has all the layers; "" for the model itself."""
    paths = [re.sub(r"\[\d+:\d+\]$", "", layer).split(".")[:-1] for layer in layers]
    shared = takewhile(lambda level: len(set(level)) == 1, zip(*paths, strict=False))
    return ".".join(level[0] for level in shared)


def _name(layers: Sequence[str], n_groups: int) -> str:
    module = _module(layers)
    return module if module and n_groups == 1 else " + ".join(layers)


def _matrix(member: LayerCall, kept: Tensor | None) -> Tensor:
    """Weight of a member: the one that was kept; if a backward pass did not reach a sharded one, 0 does as well."""
    if kept is not None or not member.sharded:
        return member.matrix() if kept is None else kept
    (part,) = member.sharded
    return member.outputs.new_zeros(part.matrix(part.outline).shape)


def _same(tensor: Tensor) -> Tensor:
    return tensor
