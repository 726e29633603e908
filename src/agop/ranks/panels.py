"""Rows of a matrix over pairs in panels, dealt to the ranks in turn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from agop.ranks.group import ALONE, Ranks
from agop.ranks.turns import one_ahead

__all__ = ["Panels"]

_WIDEST = 256
"""Rows of a panel at most: enough for fast products, few enough that no rank waits long for one."""


@dataclass(frozen=True)
class Panels:
    """Rows 0 to n - 1 in consecutive panels, of which rank r has the numbers r, r + world, r + 2 world and so on.

    All ranks have equally many panels, and so nearly equally much work in every part of a triangle.

    Attributes
    ----------
    n
        Number of rows.
    width
        Rows of a panel, the last one shorter.
    ranks
        The processes.

    Examples
    --------
    >>> panels = Panels(5, 2)
    >>> panels.slices, panels.own, panels.own_rows
    ([slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)], [0, 1, 2], tensor([0, 1, 2, 3, 4]))
    """

    n: int
    width: int
    ranks: Ranks = ALONE

    @classmethod
    def of(cls, n: int, ranks: Ranks = ALONE, *, widest: int = _WIDEST) -> Panels:
        """Panels of n rows, as wide as they can be with equally many for each rank.

        Examples
        --------
        >>> Panels.of(1000).width
        250
        """
        number = ranks.world * math.ceil(n / (ranks.world * widest))
        return cls(n, max(1, math.ceil(n / max(1, number))), ranks)

    @cached_property
    def slices(self) -> list[slice]:
        """Rows of each panel."""
        return [slice(start, min(start + self.width, self.n)) for start in range(0, self.n, self.width)]

    @cached_property
    def own(self) -> list[int]:
        """Numbers of the panels of this rank."""
        return list(range(self.ranks.rank, len(self.slices), self.ranks.world))

    @cached_property
    def own_slices(self) -> dict[int, slice]:
        """Places of the rows of each own panel among all own rows."""
        found, start = {}, 0
        for number in self.own:
            rows = self.slices[number]
            found[number] = slice(start, start := start + rows.stop - rows.start)
        return found

    @cached_property
    def own_rows(self) -> Tensor:
        """Rows of this rank, in order."""
        return self._rows_of(self.ranks.rank)

    @property
    def most_rows(self) -> int:
        """Rows of the rank that has most."""
        return sum(rows.stop - rows.start for rows in self.slices[:: self.ranks.world])

    def owner(self, number: int) -> int:
        """Rank of a panel."""
        return number % self.ranks.world

    def positions(self, rows: Tensor) -> Tensor:
        """Places among the own rows of those of some rows (k,) that are this rank's."""
        if self.ranks.world == 1:
            return rows
        mine = rows[rows // self.width % self.ranks.world == self.ranks.rank]
        return torch.searchsorted(self.own_rows.to(rows.device), mine)

    def own_part(self, rows: Tensor) -> Tensor:
        """Those of rows (n, ...) that are this rank's; the same tensor where all are."""
        return rows if self.ranks.world == 1 else rows[self.own_rows.to(rows.device)]

    def placed(self, own: Tensor) -> Tensor:
        """Rows (n, ...) with zeros in the place of those of other ranks."""
        if self.ranks.world == 1:
            return own
        return own.new_zeros(self.n, *own.shape[1:]).index_copy_(0, self.own_rows.to(own.device), own)

    def gathered(self, own: Tensor) -> Tensor:
        """Rows (n, ...) of all ranks in order, from those of each, in one broadcast a rank."""
        if self.ranks.world == 1:
            return own
        self.ranks.exchange(None)  # all ranks have theirs
        found = own.new_empty(self.n, *own.shape[1:])
        for rank in range(self.ranks.world):
            rows = self._rows_of(rank).to(own.device)
            part = own.contiguous() if rank == self.ranks.rank else own.new_empty(len(rows), *own.shape[1:])
            found.index_copy_(0, rows, self.ranks.send(rank, part)())
        return found

    def mirrored_(self, own: Tensor) -> Tensor:
        """Rows (n, ...) of a symmetric matrix, known from the diagonal of each panel on, with what lies before it.

        Every panel is sent to all in turn, n^2 / 2 numbers, and the next one while it is put in its places.

        Examples
        --------
        >>> Panels(3, 1).mirrored_(torch.tensor([[1, 2, 3], [0, 4, 5], [0, 0, 6]]))
        tensor([[1, 2, 3],
                [2, 4, 5],
                [3, 5, 6]])
        """
        self.ranks.exchange(None)  # all ranks have theirs
        mine = self.own_rows.to(own.device)
        sent = one_ahead(self._behind(k, own) for k in range(len(self.slices) - 1))
        for rows, arrives in zip(self.slices, sent, strict=False):
            first = int(torch.searchsorted(self.own_rows, rows.stop))
            own[first:, rows] = arrives()[:, mine[first:] - rows.stop].mT
        return own

    def _behind(self, k: int, own: Tensor) -> Callable[[], Tensor]:
        """Begin to send what lies behind the diagonal block of a panel, (b, n - stop)."""
        rows = self.slices[k]
        if k in self.own_slices:
            part = own[self.own_slices[k], rows.stop :].contiguous()
        else:
            part = own.new_empty(rows.stop - rows.start, self.n - rows.stop)
        return self.ranks.send(self.owner(k), part)

    def _rows_of(self, rank: int) -> Tensor:
        rows = torch.arange(self.n)
        return rows[rows // self.width % self.ranks.world == rank]
