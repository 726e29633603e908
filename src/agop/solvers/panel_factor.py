"""The factor of a Cholesky factorization by panels of rows, which ranks share, or which lies on a disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from agop.ranks import Panels

__all__ = ["PanelFactor", "Stored", "cut", "sent"]

Stored: TypeAlias = Callable[[Tensor], Tensor]
"""Function that puts a tensor where the parts of a factor are."""


@dataclass(frozen=True, eq=False)
class PanelFactor:
    r"""The factorization :math:`A = U^T U` of a matrix whose rows are dealt to the ranks; all methods are collective.

    Attributes
    ----------
    panels
        Rows of each rank.
    parts
        Rows of U of each own panel from its diagonal on, (b, n - start); a rank may have none.
    like
        An empty tensor of their data type, on their device.
    stored
        Function that puts a tensor where the parts are.

    Examples
    --------
    >>> upper = torch.tensor([[2.0, 1.0], [0.0, 1.0]])
    >>> factor = PanelFactor(Panels.of(2), {0: upper}, torch.empty(0), lambda part: part)
    >>> factor.pivots, factor.solve((upper.T @ upper) @ torch.tensor([[1.0], [2.0]])).ravel()
    (tensor([2., 1.]), tensor([1., 2.]))
    """

    panels: Panels
    parts: dict[int, Tensor]
    like: Tensor
    stored: Stored

    @property
    def pivots(self) -> Tensor:
        """(n,) diagonal of U, the same on all ranks."""
        own = self.like.new_zeros(self.panels.n)
        for k, part in self.parts.items():
            own[self.panels.slices[k]] = part.diagonal()
        (pivots,) = self.panels.ranks.sum([own])
        return pivots.to(self.like)

    def solve(self, targets: Tensor) -> Tensor:
        """X with A X = Y for Y (n, C), in the precision of the factor: two messages of b C numbers for each panel."""
        values = targets.to(self.like, copy=True)
        done = torch.zeros_like(values)  # what own panels subtract from rows further down
        for k, rows in enumerate(self.panels.slices):
            (others,) = self.panels.ranks.sum([done[rows]])
            if k in self.parts:
                corner, rest = cut(self.parts[k])
                right = values[rows] - others.to(values)
                values[rows] = torch.linalg.solve_triangular(corner.mT, right, upper=False)
                done[rows.stop :].addmm_(rest.mT, values[rows])
        for k, rows in reversed(list(enumerate(self.panels.slices))):
            if k in self.parts:
                corner, rest = cut(self.parts[k])
                right = values[rows] - rest @ values[rows.stop :]
                values[rows] = torch.linalg.solve_triangular(corner, right, upper=True)
            self.panels.ranks.send(self.panels.owner(k), values[rows])()
        return values

    def inverse_diagonal(self, rows: Tensor) -> Tensor:
        r"""Diagonal of :math:`A^{-1} = U^{-1} U^{-T}` in rows (v,), float64: squared norms of columns :math:`U^{-T}`.

        Each rank solves for the columns of its own panels with such rows, and panels from the first of these on travel:
        for all rows that is as much work, memory and traffic as the factorization, for the last rows little.
        """
        slices, needed = self.panels.slices, sorted(set((rows // self.panels.width).tolist()))
        units = {k: self.stored(_unit_rows(self.like, self.panels, k)) for k in needed if k in self.parts}
        diagonal = self.like.new_zeros(self.panels.n, dtype=torch.float64)
        arriving = self._travelling(needed[0])
        for k in range(needed[0], len(slices)):
            corner, rest = cut(arriving())
            if k + 1 < len(slices):
                arriving = self._travelling(k + 1)
            for j, columns in units.items():
                if j <= k:
                    at = slices[k].start - slices[j].start
                    block = torch.linalg.solve_triangular(corner.mT, columns[at : at + len(corner)], upper=False)
                    columns[at + len(corner) :].addmm_(rest.mT, block, alpha=-1)
                    diagonal[slices[j]] += torch.linalg.vector_norm(block, dim=0, dtype=torch.float64).square()
        (diagonal,) = self.panels.ranks.sum([diagonal])
        return diagonal[rows]

    def _travelling(self, k: int) -> Callable[[], Tensor]:
        return sent(self.panels, k, self.parts.get(k), self.like)


def cut(part: Tensor) -> tuple[Tensor, Tensor]:
    """The square (b, b) on the diagonal, and the columns behind it."""
    return part[:, : len(part)], part[:, len(part) :]


def sent(panels: Panels, k: int, part: Tensor | None, like: Tensor) -> Callable[[], Tensor]:
    """Begin to send panel k of its owner; a new tensor receives that of another rank."""
    rows = panels.slices[k]
    if part is None:
        part = like.new_empty(rows.stop - rows.start, panels.n - rows.start)
    return panels.ranks.send(panels.owner(k), part)


def _unit_rows(like: Tensor, panels: Panels, k: int) -> Tensor:
    """Columns (n - start, b) of the identity at the rows of a panel, from its diagonal on."""
    rows = panels.slices[k]
    return torch.eye(panels.n - rows.start, rows.stop - rows.start, dtype=like.dtype, device=like.device)
