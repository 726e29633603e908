"""Tensors that are added up over the ranks, each at one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from torch import Tensor

from agop.ranks.group import Ranks

__all__ = ["added_in_turn"]

Key = TypeVar("Key")


def added_in_turn(ranks: Ranks, tensors: Iterable[tuple[int, Key, Tensor]]) -> Iterator[tuple[Key, Tensor]]:
    """Sums over the ranks of tensors that each makes in the same order: of every one at one of the ranks.

    While a sum travels the next tensor is made; a tensor may be overwritten.

    Parameters
    ----------
    ranks
        The processes.
    tensors
        Number, key and contiguous tensor: of one shape and data type on all ranks, added up at the rank that is the
        number modulo theirs.

    Yields
    ------
    tuple of Key and Tensor
        Those keys whose sum is at this rank, and the sum in the data type of the tensors.

    Examples
    --------
    >>> import torch
    >>> from agop.ranks import ALONE
    >>> list(added_in_turn(ALONE, [(0, "a", torch.ones(2))]))
    [('a', tensor([1., 1.]))]
    """
    travelling: tuple[Key, Callable[[], Tensor | None]] | None = None
    for number, key, tensor in tensors:
        next_one = key, ranks.sum_at(number % ranks.world, tensor)
        yield from _arrived(travelling)
        travelling = next_one
    yield from _arrived(travelling)


def _arrived(travelling: tuple[Key, Callable[[], Tensor | None]] | None) -> Iterator[tuple[Key, Tensor]]:
    if travelling is not None and (found := travelling[1]()) is not None:
        yield travelling[0], found
