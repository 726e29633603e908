"""What travels while the next is made: tensors that are added up over the ranks, each at one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from torch import Tensor

from agop.ranks.group import Ranks

__all__ = ["added_in_turn", "one_ahead"]

Key = TypeVar("Key")
Item = TypeVar("Item")


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
    if ranks.group is None:
        yield from ((key, tensor) for _, key, tensor in tensors)
        return
    sums = ((key, ranks.sum_at(number % ranks.world, tensor)) for number, key, tensor in tensors)
    for key, arrives in one_ahead(sums):
        if (total := arrives()) is not None:
            yield key, total


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Items in their order, each when the next one has begun.

    Examples
    --------
    >>> for number in one_ahead(print("begin", number) or number for number in (1, 2)):
    ...     print("end", number)
    begin 1
    begin 2
    end 1
    end 2
    """
    waiting: list[Item] = []
    for item in items:
        yield from waiting
        waiting = [item]
    yield from waiting
