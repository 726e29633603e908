"""Copies of a model on several ranks, which measure it together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from agop.errors import InputError
from agop.ranks import Ranks

__all__ = ["same_copies"]

_BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Integers of the size of a number, to add up its bits."""


@contextmanager
def same_copies(model: nn.Module, ranks: Ranks) -> Iterator[None]:
    """Context in which the copies of a model on all ranks are the same: buffers are those of the first one meanwhile.

    Weights are compared by the exact sum of their bits, so that a difference costs no message of their size. Those that
    ``fully_shard`` has spread are one copy anyway.

    Raises
    ------
    InputError
        If parameters differ.
    """
    if ranks.group is None:
        yield
        return
    parameters, buffers = dict(model.named_parameters()), dict(model.named_buffers())
    found = ranks.exchange([_digests(parameters), _digests(buffers)])
    for name in _differing([digests for digests, _ in found]):
        advice = "Load the same state dict on all of them."
        raise InputError("the same weights on all ranks", f"another {name!r} on one of them", advice)
    own = {name: buffers[name].clone() for name in _differing([digests for _, digests in found]) if name in buffers}
    wanted = ranks.share(own if ranks.rank == 0 else {})
    try:
        _overwrite(buffers, wanted)
        yield
    finally:
        _overwrite(buffers, own)


def _digests(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Sum of the bits of each tensor, shards left out; waits for the device once."""
    whole = {name: tensor.detach() for name, tensor in tensors.items() if not hasattr(tensor, "full_tensor")}
    if not whole:
        return {}
    device = next(iter(whole.values())).device
    sums = [_as_integers(tensor).sum(dtype=torch.int64).to(device) for tensor in whole.values()]
    return dict(zip(whole, torch.stack(sums).tolist(), strict=True))


def _as_integers(tensor: Tensor) -> Tensor:
    tensor = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    return tensor.contiguous().view(_BITS[tensor.itemsize]) if tensor.is_floating_point() else tensor


def _differing(found: Sequence[Mapping[str, int]]) -> list[str]:
    """Names whose tensors are not the same in all."""
    names: Iterable[str] = dict.fromkeys(name for digests in found for name in digests)
    return [name for name in names if len({digests.get(name) for digests in found}) > 1]


@torch.no_grad()
def _overwrite(buffers: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    for name, value in values.items():
        buffers[name].copy_(value)
