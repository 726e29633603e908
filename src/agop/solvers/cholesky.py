"""Cholesky factorization of kernel matrices, with bounded rescue when they are numerically singular."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError
from agop.solvers.left_out import leave_one_out_residuals
from agop.solvers.rescue import first_factor
from agop.solvers.solver import ShiftedMatrix, Solution, Solver, require_memory, shifted_diagonal
from agop.storable import storable

__all__ = ["Cholesky", "CholeskyFactor", "factorized_"]

_SMALL = 256
"""Rows up to which the inverse is computed as a whole, which takes fewer calls."""

_COLUMNS = 64
"""Columns of an inverse factor at a time: few, so that the zeros above them are skipped."""


@dataclass(frozen=True)
class CholeskyFactor:
    """The factorization K + jitter I = L L^T.

    Attributes
    ----------
    lower
        L, (n, n) lower triangular.
    jitter
        Multiple of the identity that was added beyond the caller's shift; 0.0 in the regular case.
    """

    lower: Tensor
    jitter: float = 0.0

    @property
    def pivots(self) -> Tensor:
        """(n,) diagonal of L."""
        return self.lower.diagonal()

    def solve(self, targets: Tensor) -> Tensor:
        """Solve (K + jitter I) A = Y for Y of shape (n, C), in the precision of the factor."""
        half = torch.linalg.solve_triangular(self.lower, targets.to(self.lower.dtype), upper=False)
        solution: Tensor = torch.linalg.solve_triangular(self.lower.mT, half, upper=True)
        return solution

    def inverse_diagonal(self, rows: Tensor | None = None, *, max_memory: int | None = None) -> Tensor:
        r"""Diagonal of :math:`A^{-1} = L^{-T} L^{-1}`, (v,) float64: squared norms of columns of :math:`L^{-1}`.

        Column i of L^-1 is zero above row i, so that all columns cost n^3/6 multiply-adds, and the last v cost v^3/6.

        Parameters
        ----------
        rows
            Rows (v,) in any order; all if None.
        max_memory
            Bytes for a block of columns; a default size if None. A block has at least one column.

        Examples
        --------
        >>> CholeskyFactor(torch.tensor([[2.0, 0.0], [0.0, 4.0]])).inverse_diagonal()
        tensor([0.2500, 0.0625], dtype=torch.float64)
        """
        lower, n = self.lower, len(self.lower)
        if rows is None and max_memory is None and n <= _SMALL:
            return torch.cholesky_inverse(lower).diagonal().double()
        rows = torch.arange(n, device=lower.device) if rows is None else rows
        ordered, order = rows.sort()
        diagonal = lower.new_empty(len(rows), dtype=torch.float64)
        widest = _COLUMNS * 2 * n * lower.element_size()
        budget = widest if max_memory is None else min(widest, max_memory)
        for part in row_chunks(len(rows), 2 * n * lower.element_size(), budget):
            columns = ordered[part]
            first = int(columns[0])
            corner = lower[first:, first:]
            block = lower.new_zeros(len(columns), len(corner)).scatter_(1, columns[:, None] - first, 1).mT
            block = torch.linalg.solve_triangular(corner, block, upper=False)
            diagonal[order[part]] = torch.linalg.vector_norm(block, dim=0, dtype=torch.float64).square()
        return diagonal


@storable
@dataclass(frozen=True)
class Cholesky(Solver):
    r"""Direct solver for symmetric positive definite systems: n^3/3 multiply-adds, n^2 memory.

    A float32 matrix that is not positive definite, or a pivot of which leaves the coefficients fewer than
    three digits, is built again in float64. If that is singular too, up to rounding, multiples of the identity are
    added, from the rounding level of float64 up to ``max_jitter`` times the mean diagonal, with a warning;
    then it raises.

    Parameters
    ----------
    max_jitter
        Largest relative jitter that is tried.

    Examples
    --------
    >>> from agop.solvers import DenseMatrix
    >>> matrix = DenseMatrix(torch.tensor([[1.0, 1.0], [1.0, 1.0]]), shift=1.0)
    >>> Cholesky().solve(matrix, torch.ones(2, 1)).values
    tensor([[0.3333],
            [0.3333]])
    """

    max_jitter: float = 1e-8

    def solve(self, matrix: ShiftedMatrix, targets: Tensor, *, left_out: Tensor | None = None) -> Solution:
        """X, (n, c), in the precision of the factor; see ``factorize`` for errors and warnings."""
        factor = self.factorize(matrix)
        values = factor.solve(targets)
        solution = Solution(values, values.dtype, jitter=factor.jitter)
        if left_out is None:
            return solution
        inverse = factor.inverse_diagonal(left_out, max_memory=matrix.max_memory)
        return replace(solution, left_out=leave_one_out_residuals(values[left_out], inverse))

    def least_memory(self, n: int, dtype: torch.dtype) -> int:
        """One matrix, which becomes its factor."""
        return n**2 * dtype.itemsize

    def factorize(self, matrix: ShiftedMatrix) -> CholeskyFactor:
        """Factor of K + diag(s).

        Asking for the dense matrix instead of taking it keeps one n x n array in memory, not two, and lets a
        rescue in float64 start from the data rather than from rounded entries.

        Raises
        ------
        InputError
            If the matrix is not finite.
        MemoryBudgetError
            If it does not fit its memory.
        NotPositiveDefiniteError
            If the largest jitter does not help.

        Warns
        -----
        JitterWarning
            If a jitter was needed.
        """

        def attempt(dtype: torch.dtype, jitter: float) -> CholeskyFactor | None:
            lower = factorized_(self._shifted(matrix, dtype, jitter))
            return None if lower is None else CholeskyFactor(lower)

        factor, jitter = first_factor(attempt, matrix.dtype, shifted_diagonal(matrix), self.max_jitter)
        return replace(factor, jitter=jitter)

    def _shifted(self, matrix: ShiftedMatrix, dtype: torch.dtype, jitter: float) -> Tensor:
        """K + diag(s) + jitter I, if there is room for it."""
        require_memory(self.least_memory(len(matrix.diagonal), dtype), matrix.max_memory)
        shifted = matrix.dense(dtype)
        shifted.diagonal().add_((torch.as_tensor(matrix.shift, dtype=torch.float64) + jitter).to(dtype))
        return shifted


def factorized_(matrix: Tensor) -> Tensor | None:
    """Factor, in place of a row-major matrix whose upper triangle is read; None if it is not positive definite."""
    if not torch.isfinite(matrix.sum()):
        raise InputError("a finite kernel matrix", "NaN or infinity", "Check the data and the bandwidth.")
    column_major = matrix.mT
    info = torch.empty((), dtype=torch.int32, device=matrix.device)
    torch.linalg.cholesky_ex(column_major, out=(column_major, info))
    return column_major if info.item() == 0 else None
