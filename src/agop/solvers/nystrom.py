"""Kernel ridge regression with few centers, for so many rows that their kernel matrix is out of reach."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agop.chunks import BLOCK, blocks, row_chunks
from agop.solvers.cholesky import CholeskyFactor, factorized_
from agop.solvers.pivoted_cholesky import randomly_pivoted_cholesky
from agop.solvers.rescue import first_factor
from agop.solvers.solver import ShiftedMatrix, Solution, Solver, positive_shift, require_memory
from agop.storable import storable

__all__ = ["Nystrom"]

_POOL = 4
"""Random rows for each center, among which the centers are chosen."""

_WORK_BYTES = 256 * 2**20
"""Memory of the rows whose kernel values are there at once: enough that adding up the products costs little."""

_MAX_JITTER = 1e-8
"""Largest relative jitter of the normal equations that is tried."""


@storable
@dataclass(frozen=True)
class Nystrom(Solver):
    r"""Kernel ridge regression over n rows restricted to functions of m centers: n m^2 / 2 multiply-adds, m^2 memory.

    The minimizer of :math:`\sum_i \|f(x_i) - y_i\|^2 / s_i + \|f\|_H^2` over :math:`f = \sum_j a_j\, k(\cdot, c_j)` has

    .. math:: (K_{nm}^T S^{-1} K_{nm} + K_{mm})\, a = K_{nm}^T S^{-1} Y, \qquad S = \mathrm{diag}(s).

    With the shift :math:`s_i = \lambda / w_i` that is kernel ridge regression; with all rows as centers the minimizer
    is that of :math:`(K + S) \alpha = Y`. Centers are chosen by randomly pivoted Cholesky among random rows. Kernel
    values are computed in the data type of the matrix and not kept; their products are added up in float64, since
    normal equations square the condition. A residual without row i is :math:`(y_i - f(x_i)) / (1 - h_i)`, with the
    leverage :math:`h_i = k_i^T (K_{nm}^T S^{-1} K_{nm} + K_{mm})^{-1} k_i / s_i`, exactly, for the centers that were
    chosen.

    Parameters
    ----------
    n_centers
        Number m of centers at most; fewer where these explain the kernel to six digits.
    seed
        Seed of the centers.

    References
    ----------
    Williams, Seeger 2001, "Using the Nyström method to speed up kernel machines".

    Rudi, Carratino, Rosasco 2017, "FALKON: an optimal large scale kernel method" (arXiv 1705.10958).

    Examples
    --------
    >>> from agop.solvers import DenseMatrix
    >>> matrix = DenseMatrix(torch.tensor([[1.0, 1.0], [1.0, 1.0]]), shift=1.0)
    >>> Nystrom(n_centers=1).solve(matrix, torch.ones(2, 1)).values  # minimizes 2 (a - 1)^2 + a^2
    tensor([[0.6667]], dtype=torch.float64)
    """

    n_centers: int = 4000
    seed: int = 0

    def solve(self, matrix: ShiftedMatrix, targets: Tensor, *, left_out: Tensor | None = None) -> Solution:
        """Coefficients (m, c), float64, of the ``centers``; kernel values are in the data type of the matrix.

        Raises
        ------
        InputError
            If the shift is not positive.
        MemoryBudgetError
            If the normal equations do not fit.
        NotPositiveDefiniteError
            If they stay singular.

        Warns
        -----
        JitterWarning
            If they needed a jitter.
        """
        shift, targets = positive_shift(matrix), targets.double()
        require_memory(self.least_memory(len(targets), matrix.dtype), matrix.max_memory)
        centers = self._centers(matrix)
        squares, moments = _normal_equations(matrix, centers, shift, targets)
        squares += matrix.between(centers, centers, torch.float64)

        def attempt(_: torch.dtype, jitter: float) -> CholeskyFactor | None:
            shifted = squares.clone()
            shifted.diagonal().add_(jitter)
            lower = factorized_(shifted)
            return None if lower is None else CholeskyFactor(lower)

        factor, jitter = first_factor(attempt, torch.float64, squares.diagonal(), _MAX_JITTER)
        values = factor.solve(moments)
        solution = Solution(values, matrix.dtype, jitter=jitter, centers=centers)
        if left_out is None:
            return solution
        block = matrix.between(left_out, centers, matrix.dtype).double()
        half = torch.linalg.solve_triangular(factor.lower, block.mT, upper=False)
        leverage = half.square().sum(0) / shift[left_out]
        return replace(solution, left_out=(targets[left_out] - block @ values) / (1 - leverage)[:, None])

    def least_memory(self, n: int, dtype: torch.dtype) -> int:
        """The normal equations and their factor, and as much while these are made; the choice of centers."""
        m = min(n, self.n_centers)
        equations, choice = 3 * m**2 * torch.float64.itemsize, self.pool(n) * m * torch.float32.itemsize
        return max(equations, choice) + 2 * m * dtype.itemsize

    def pool(self, n: int) -> int:
        """Number of n random rows among which centers are chosen; none where all rows are centers."""
        return min(n, _POOL * self.n_centers) if n > self.n_centers else 0

    def _centers(self, matrix: ShiftedMatrix) -> Tensor:
        """Indices (m,) of the centers, in order."""
        diagonal = matrix.diagonal
        n, size = len(diagonal), self.pool(len(diagonal))
        if not size:
            return torch.arange(n, device=diagonal.device)
        pool = torch.randperm(n, generator=torch.Generator().manual_seed(self.seed))[:size].to(diagonal.device)
        some = randomly_pivoted_cholesky(
            lambda index: matrix.between(pool, pool[index], torch.float32),
            diagonal[pool],
            self.n_centers,
            seed=self.seed,
        )
        return pool[some.pivots].sort().values


def _normal_equations(matrix: ShiftedMatrix, centers: Tensor, shift: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Upper triangle of K_nm^T S^-1 K_nm, (m, m), and K_nm^T S^-1 Y, (m, c), both float64."""
    m, size = len(centers), 2 * matrix.dtype.itemsize + torch.float64.itemsize
    squares = torch.zeros(m, m, dtype=torch.float64, device=targets.device)
    moments = torch.zeros(m, targets.shape[1], dtype=torch.float64, device=targets.device)
    work = _WORK_BYTES if matrix.max_memory is None else min(_WORK_BYTES, matrix.max_memory)
    for rows in row_chunks(len(targets), m * size, work):
        scale = shift[rows, None].rsqrt()
        block = matrix.between(rows, centers, matrix.dtype) * scale
        moments.addmm_(block.mT, targets[rows] * scale)
        for columns in blocks(m, BLOCK):
            squares[columns, columns.start :].addmm_(block[:, columns].mT, block[:, columns.start :])
    return squares, moments
