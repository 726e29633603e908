"""Who does which work: keys of different costs dealt to the ranks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

__all__ = ["dealt"]

Key = TypeVar("Key", bound=Hashable)


def dealt(costs: Mapping[Key, float], world: int) -> list[dict[int, Key]]:
    """Keys by rank that are worked on at the same time, so that the costs of the ranks are alike: the dearest first.

    Examples
    --------
    >>> dealt({"a": 1.0, "b": 5.0, "c": 1.0, "d": 2.0}, world=2)
    [{0: 'b', 1: 'd'}, {1: 'a'}, {1: 'c'}]
    """
    loads, lengths = [0.0] * world, [0] * world
    turns: list[dict[int, Key]] = []
    for key in sorted(costs, key=costs.__getitem__, reverse=True):
        rank = loads.index(min(loads))
        turns += [{}] if lengths[rank] == len(turns) else []
        turns[lengths[rank]][rank] = key
        loads[rank] += costs[key]
        lengths[rank] += 1
    return turns
