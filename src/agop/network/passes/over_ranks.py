"""Statistics of all ranks together, as if one process had seen all the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial, reduce
from typing import Any, TypeVar

import torch
from torch import Tensor

from agop.moments import ClassMoments, LabeledMoments, TargetMoments
from agop.moments.arithmetic import Parts
from agop.moments.arithmetic import over_ranks as parts_over_ranks
from agop.network.passes.gradients import LayerWeight
from agop.network.passes.merging import Merging
from agop.ranks import Ranks, leaves_of, mapped_leaves

__all__ = ["over_ranks"]

Value = TypeVar("Value", bound=Merging)

_MOMENTS = (LabeledMoments, TargetMoments)
_LEAVES = (*_MOMENTS, LayerWeight, Tensor)
"""What is put together in ways of its own: moments, weights (all ranks have the same), and numbers that add up."""

_BLOCK_BYTES = 2**28
"""Tensors that are sent together: few messages, and little memory beside the statistics themselves."""


def over_ranks(own: Value, outlines: Sequence[Value], ranks: Ranks, device: torch.device) -> Value:
    """Value that merges, of all ranks.

    All but the tensors comes of merging the outlines. Tensors are then added up, in two collectives a block: numbers,
    and counts and sums of moments, then the scatter about the common means; of truth values all must hold. Weights stay
    outlines.

    Parameters
    ----------
    own
        Value of this rank.
    outlines
        What :meth:`~agop.ranks.Ranks.exchange` gave: the values of all ranks with shapes in place of tensors.
    ranks
        The processes.
    device
        Device of the tensors.
    """
    if ranks.group is None:
        return own
    whole = reduce(lambda one, other: one.merge(other), outlines)
    empty = mapped_leaves(whole, _LEAVES, partial(_empty, device))
    left = leaves_of(empty.merge(own), _LEAVES)[::-1]  # in the order of the whole, on all ranks
    found: list[Any] = []
    while left:
        found += _added(_block(left), ranks)
    return mapped_leaves(whole, _LEAVES, partial(_filled, iter(found)))


def _block(left: list[Any]) -> list[Any]:
    """Take the next leaves, of so many bytes at most unless it is one, from the end of the list."""
    block, size = [left.pop()], 0
    while left and (size := size + _bytes(block[-1])) + _bytes(left[-1]) <= _BLOCK_BYTES:
        block.append(left.pop())
    return block


def _bytes(leaf: Any) -> int:
    return sum(tensor.nbytes for tensor in leaves_of(leaf, (Tensor,)) if not isinstance(leaf, LayerWeight))


def _added(block: Sequence[Any], ranks: Ranks) -> Iterator[Any]:
    """Parts of moments, and numbers, of all ranks; weights as they are."""
    moments = [_parts(leaf) for leaf in block if isinstance(leaf, _MOMENTS)]
    numbers = [~leaf if leaf.dtype == torch.bool else leaf for leaf in block if isinstance(leaf, Tensor)]
    parts, sums = parts_over_ranks(moments, ranks, numbers)
    next_parts, next_sums = iter(parts), iter(sums)
    for leaf in block:
        match leaf:
            case LabeledMoments() | TargetMoments():
                yield next(next_parts)
            case Tensor():
                yield next(next_sums)
            case _:
                yield leaf


def _parts(moments: LabeledMoments | TargetMoments) -> Parts:
    return moments.parts if isinstance(moments, TargetMoments) else moments.moments.parts


def _empty(device: torch.device, leaf: Any) -> Any:
    """Leaf of no samples: merging with it changes nothing."""
    match leaf:
        case LabeledMoments():
            scatter, shape = leaf.moments.scatter is not None, leaf.moments.means.shape
            return LabeledMoments(leaf.classes, ClassMoments.empty(*shape, scatter=scatter, device=device))
        case TargetMoments():
            return TargetMoments.empty(leaf.n_features, leaf.n_targets, device=device)
        case Tensor():
            return torch.full(leaf.shape, leaf.dtype == torch.bool, dtype=leaf.dtype, device=device)
    return leaf


def _filled(found: Iterator[Any], leaf: Any) -> Any:
    """Leaf of an outline with its numbers."""
    numbers = next(found)
    match leaf:
        case LabeledMoments():
            return LabeledMoments(leaf.classes, ClassMoments(*numbers))
        case TargetMoments():
            _, means, _, scatter = numbers
            return TargetMoments(leaf.count, means[0], scatter, leaf.n_targets)
        case Tensor():
            return numbers == 0 if leaf.dtype == torch.bool else numbers.to(leaf.dtype)
    return leaf
