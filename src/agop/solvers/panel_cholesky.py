"""Cholesky factorization by panels of rows: of half of the matrix, which ranks share, or which lies on a disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryFile

import numpy as np
import torch
from torch import Tensor

from agop.errors import InputError
from agop.ranks import Panels
from agop.solvers.left_out import leave_one_out_residuals
from agop.solvers.rescue import first_factor
from agop.solvers.solver import ShiftedMatrix, Solution, Solver, mean_diagonal, require_memory

__all__ = ["PanelCholesky", "PanelFactor"]

_WORKING = 4
"""Panels in memory while those on disk are made: one, what its kernel values are made of, and one that is read."""

_WIDEST = 4096
"""Rows of a panel on disk at most: enough for the disk to keep up."""

Stored = Callable[[Tensor], Tensor]


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
                corner, rest = _cut(self.parts[k])
                right = values[rows] - others.to(values)
                values[rows] = torch.linalg.solve_triangular(corner.mT, right, upper=False)
                done[rows.stop :].addmm_(rest.mT, values[rows])
        for k, rows in reversed(list(enumerate(self.panels.slices))):
            if k in self.parts:
                corner, rest = _cut(self.parts[k])
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
            corner, rest = _cut(arriving())
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
        return _sent(self.panels, k, self.parts.get(k), self.like)


@dataclass(frozen=True)
class PanelCholesky(Solver):
    r"""Direct solver for positive definite systems by panels of rows, those of each rank in its memory.

    The same results, rescue and errors as :class:`~agop.solvers.Cholesky`, with half of the matrix: each rank makes
    and keeps its panels of the upper triangle, :math:`n^2 / 2` numbers divided by the number of ranks. A finished panel
    is sent to all, who subtract from theirs what it says of them; the next one is finished and sent before the others.
    In all :math:`n^2 / 2` numbers go to each rank, and :math:`n^3 / 6` multiply-adds are shared.

    One process makes and finishes one panel after the other. On disk, finished panels are mapped files: it writes
    :math:`n^2 / 2` numbers, and reads :math:`n^3 / (6 b)` for panels of b rows.

    Parameters
    ----------
    panels
        Rows of each rank. All of them call ``solve`` together, and get the same solution.
    max_jitter
        Largest relative jitter that is tried.
    on_disk
        Whether panels are files in the folder of temporary files, which vanish with the factor. For one process.

    References
    ----------
    Golub, Van Loan 2013, Matrix Computations, section 4.2.9 and chapter 1.6 (block-cyclic).

    Examples
    --------
    >>> from agop.solvers import DenseMatrix
    >>> matrix = DenseMatrix(torch.tensor([[1.0, 1.0], [1.0, 1.0]]), shift=1.0)
    >>> PanelCholesky(Panels.of(2)).solve(matrix, torch.ones(2, 1)).values
    tensor([[0.3333],
            [0.3333]])
    """

    panels: Panels
    max_jitter: float = 1e-8
    on_disk: bool = False

    @classmethod
    def within(cls, n: int, max_memory: int) -> PanelCholesky:
        """Solver of one process for n rows in float64: in memory, or on disk with panels as wide as there is room for.

        Examples
        --------
        >>> [PanelCholesky.within(50_000, gib * 2**30).on_disk for gib in (1, 12)]
        [True, False]
        """
        in_memory = cls(Panels.of(n))
        if in_memory.least_memory(n, torch.float64) <= max_memory:
            return in_memory
        width = max_memory // (_WORKING * n * torch.float64.itemsize)
        return cls(Panels(n, max(1, min(_WIDEST, width))), on_disk=True)

    def solve(self, matrix: ShiftedMatrix, targets: Tensor, *, left_out: Tensor | None = None) -> Solution:
        """X, (n, c), in the precision of the factor, the same on all ranks; see ``Cholesky.factorize`` for errors."""
        require_memory(self.least_memory(len(targets), matrix.dtype), matrix.max_memory)
        scale = partial(mean_diagonal, matrix)
        factor, jitter = first_factor(partial(self._attempt, matrix), matrix.dtype, scale, self.max_jitter)
        values, residuals = factor.solve(targets), None
        if left_out is not None:
            residuals = leave_one_out_residuals(values[left_out], factor.inverse_diagonal(left_out))
        return Solution(values, values.dtype, jitter=jitter, left_out=residuals)

    def least_memory(self, n: int, dtype: torch.dtype) -> int:
        """The panels of the rank that has most, and two that travel where there are several; on disk four of all."""
        if self.on_disk:
            return _WORKING * self.panels.width * n * dtype.itemsize
        slices, world = Panels(n, self.panels.width).slices, self.panels.ranks.world
        own = sum((rows.stop - rows.start) * (n - rows.start) for rows in slices[::world])
        travelling = 2 * self.panels.width * n if world > 1 else 0
        return int(own + travelling) * dtype.itemsize

    def _attempt(self, matrix: ShiftedMatrix, dtype: torch.dtype, jitter: float) -> PanelFactor | None:
        """Factor of K + diag(s) + jitter I, or None if that is not positive definite."""
        require_memory(self.least_memory(self.panels.n, dtype), matrix.max_memory)
        parts, stored = self._parts(matrix, dtype, jitter), _on_disk if self.on_disk else _in_memory
        like = matrix.diagonal.new_empty(0, dtype=dtype)
        if self.panels.ranks.group is None:
            found = _finished_in_turn(self.panels, parts, stored)
        else:
            found = dict(parts)
            self.panels.ranks.exchange(None)  # all ranks have their parts
            found = found if _finished_together(self.panels, found, like) else None
        return None if found is None else PanelFactor(self.panels, found, like, stored)

    def _parts(self, matrix: ShiftedMatrix, dtype: torch.dtype, jitter: float) -> Iterator[tuple[int, Tensor]]:
        """Rows of K + diag(s) + jitter I of each own panel from its diagonal on, when they are asked for."""
        shift = (torch.as_tensor(matrix.shift, dtype=torch.float64) + jitter).to(dtype).expand(self.panels.n)
        slices = [self.panels.slices[k] for k in self.panels.own]
        for k, rows, part in zip(self.panels.own, slices, matrix.rows(slices, dtype), strict=True):
            part.diagonal().add_(shift[rows])
            if not torch.isfinite(part.sum()):
                raise InputError("a finite kernel matrix", "NaN or infinity", "Check the data and the bandwidth.")
            yield k, part


def _finished_in_turn(panels: Panels, parts: Iterator[tuple[int, Tensor]], stored: Stored) -> dict[int, Tensor] | None:
    """Parts of U, each made of one of A and of those above; None if A is not positive definite."""
    found: dict[int, Tensor] = {}
    for j, part in parts:
        for k, panel in found.items():
            _subtract(panels, k, panel, j, part)
        _finish(part)
        if bool(part[0, 0].isnan()):
            return None
        found[j] = stored(part)
    return found


def _finished_together(panels: Panels, parts: dict[int, Tensor], like: Tensor) -> bool:
    """Overwrite the parts of A by those of U, which ranks send each other; False if A is not positive definite."""
    n_panels = len(panels.slices)
    _finish(parts.get(0))
    arriving = _sent(panels, 0, parts.get(0), like)
    for k in range(n_panels):
        panel = arriving()
        if bool(panel[0, 0].isnan()):
            return False
        if k + 1 < n_panels:
            _subtract(panels, k, panel, k + 1, parts.get(k + 1))
            _finish(parts.get(k + 1))
            arriving = _sent(panels, k + 1, parts.get(k + 1), like)
        for j, part in parts.items():
            if j > k + 1:
                _subtract(panels, k, panel, j, part)
    return True


def _subtract(panels: Panels, k: int, panel: Tensor, j: int, part: Tensor | None) -> None:
    """Subtract from panel j of A what the finished panel k of U says of it."""
    if part is not None:
        after = panel[:, panels.slices[j].start - panels.slices[k].start :]
        part.addmm_(after[:, : len(part)].mT, after, alpha=-1)


def _finish(part: Tensor | None) -> None:
    """Rows of U from rows (b, m) of A without what lies above; NaN if they are not those of a definite matrix."""
    if part is None:
        return
    corner, rest = _cut(part)
    upper, info = torch.linalg.cholesky_ex(corner, upper=True)
    corner.copy_(upper.masked_fill_(info != 0, torch.nan))
    rest.copy_(torch.linalg.solve_triangular(upper.mT, rest, upper=False))


def _cut(part: Tensor) -> tuple[Tensor, Tensor]:
    """The square (b, b) on the diagonal, and the columns behind it."""
    return part[:, : len(part)], part[:, len(part) :]


def _sent(panels: Panels, k: int, part: Tensor | None, like: Tensor) -> Callable[[], Tensor]:
    """Begin to send panel k of its owner; a new tensor receives that of another rank."""
    rows = panels.slices[k]
    if part is None:
        part = like.new_empty(rows.stop - rows.start, panels.n - rows.start)
    return panels.ranks.send(panels.owner(k), part)


def _in_memory(part: Tensor) -> Tensor:
    return part


def _on_disk(part: Tensor) -> Tensor:
    """The same numbers in a mapped temporary file, which vanishes with them."""
    if not part.numel():
        return part
    values = part.cpu().numpy()
    with TemporaryFile() as file:
        mapped = np.memmap(file, dtype=values.dtype, mode="w+", shape=values.shape)
    mapped[:] = values
    return torch.from_numpy(mapped)


def _unit_rows(like: Tensor, panels: Panels, k: int) -> Tensor:
    """Columns (n - start, b) of the identity at the rows of a panel, from its diagonal on."""
    rows = panels.slices[k]
    return torch.eye(panels.n - rows.start, rows.stop - rows.start, dtype=like.dtype, device=like.device)
