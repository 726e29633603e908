"""Layers that read one tensor together, as queries, keys and values do."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import takewhile

from agop.network.capture.layer_call import LayerCall, Source

__all__ = ["common_inputs"]


def common_inputs(calls: Iterable[LayerCall]) -> list[tuple[str, list[LayerCall]]]:
    r"""Calls of one forward pass that read the same tensor, of two layers or more, in the order of the first call.

    A gradient with respect to that tensor, by way of these layers, is :math:`\sum_j W_j^T \delta_j` for each row, with
    :math:`\delta_j` the gradient with respect to the outputs of call j.

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
    """
    groups: dict[Source, list[LayerCall]] = defaultdict(list)
    for call in calls:
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
