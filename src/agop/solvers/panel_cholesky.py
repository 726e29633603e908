"""Cholesky factorization by panels of rows: of half of the matrix, which ranks share, or which lies on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryFile

import numpy as np
import torch
from torch import Tensor

from agop.errors import InputError
from agop.ranks import Panels
from agop.solvers.left_out import leave_one_out_residuals
from agop.solvers.panel_factor import PanelFactor, Stored, cut, sent
from agop.solvers.rescue import first_factor
from agop.solvers.solver import ShiftedMatrix, Solution, Solver, require_memory, shifted_diagonal

__all__ = ["PanelCholesky"]

_WORKING = 4
"""Panels in memory while those on disk are made: one, what its kernel values are made of, and one that is read."""

_WIDEST = 4096
"""Rows of a panel on disk at most: enough for the disk to keep up."""


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
        attempt, diagonal = partial(self._attempt, matrix), shifted_diagonal(matrix)
        factor, jitter = first_factor(attempt, matrix.dtype, diagonal, self.max_jitter)
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
        for k, part in zip(self.panels.own, matrix.rows(self.panels, dtype), strict=True):
            part.diagonal().add_(shift[self.panels.slices[k]])
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
    arriving = sent(panels, 0, parts.get(0), like)
    for k in range(n_panels):
        panel = arriving()
        if bool(panel[0, 0].isnan()):
            return False
        if k + 1 < n_panels:
            _subtract(panels, k, panel, k + 1, parts.get(k + 1))
            _finish(parts.get(k + 1))
            arriving = sent(panels, k + 1, parts.get(k + 1), like)
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
    corner, rest = cut(part)
    upper, info = torch.linalg.cholesky_ex(corner, upper=True)
    corner.copy_(upper.masked_fill_(info != 0, torch.nan))
    rest.copy_(torch.linalg.solve_triangular(upper.mT, rest, upper=False))


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
