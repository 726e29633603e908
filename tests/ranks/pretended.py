"""Ranks without processes: each claims a number, and sends nothing."""

from __future__ import annotations

from agop.ranks import Ranks


class Rank(Ranks):
    """One of ``world`` ranks; its sums are its own."""

    def __init__(self, rank, world):
        object.__setattr__(self, "group", None)
        object.__setattr__(self, "numbers", (rank, world))

    @property
    def rank(self):
        return self.numbers[0]

    @property
    def world(self):
        return self.numbers[1]
