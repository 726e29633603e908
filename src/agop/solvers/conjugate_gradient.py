"""Preconditioned conjugate gradients for kernel matrices that are too large to factorize."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from agop.chunks import available_memory
from agop.solvers.left_out import leave_one_out_residuals
from agop.solvers.pivoted_cholesky import LowRankPlusDiagonal, randomly_pivoted_cholesky
from agop.solvers.solver import ShiftedMatrix, Solution, Solver, positive_shift, require_memory
from agop.storable import storable

__all__ = ["DIRECTIONS", "ConjugateGradient"]


DIRECTIONS = 16
"""Random directions behind the mean of the inverse's diagonal: its relative error is about 1 / sqrt(8 n)."""


@storable
@dataclass(frozen=True)
class ConjugateGradient(Solver):
    r"""Iterative solver of (K + diag(s)) X = B, preconditioned by :math:`F F^T + \mathrm{diag}(s) + t I`.

    F comes from randomly pivoted Cholesky, and t is the mean of the diagonal of :math:`K - F F^T`: the part of K that F
    leaves out acts like a multiple of the identity where eigenvalues decay slowly, as those of a Laplace kernel.

    Parameters
    ----------
    rank
        Columns of F; 1/20 of the samples, but 200 to 2,000, if None.
    tolerance
        Relative residual at which it stops.
    max_iterations
        Products after which it gives up, with a warning.
    seed
        Seed of the pivots, and of the directions behind an inverse diagonal.

    References
    ----------
    Hestenes, Stiefel 1952; Saad 2003, Iterative Methods for Sparse Linear Systems, algorithm 9.1.

    Díaz, Epperly, Frangella, Tropp, Webber 2023, "Robust, randomized preconditioning for kernel ridge regression"
    (arXiv 2304.12465).

    Examples
    --------
    >>> from agop.solvers import DenseMatrix
    >>> matrix = DenseMatrix(torch.tensor([[1.0, 1.0], [1.0, 1.0]]), shift=1.0)
    >>> solution = ConjugateGradient(rank=1).solve(matrix, torch.ones(2, 1))
    >>> solution.values.ravel(), solution.iterations
    (tensor([0.3333, 0.3333], dtype=torch.float64), 1)
    """

    rank: int | None = None
    tolerance: float = 5e-3
    max_iterations: int = 300
    seed: int = 0

    def rank_for(self, n: int) -> int:
        """Columns of F for n samples."""
        return min(n, max(200, min(n // 20, 2000)) if self.rank is None else self.rank)

    def least_memory(self, n: int, dtype: torch.dtype = torch.float32) -> int:  # noqa: ARG002
        """The preconditioner and as much again while it is made, in float32."""
        return 2 * n * self.rank_for(n) * torch.float32.itemsize

    def solve(self, matrix: ShiftedMatrix, targets: Tensor, *, left_out: Tensor | None = None) -> Solution:
        """X, (n, c) float64; products and their data type are those of the matrix.

        Raises
        ------
        InputError
            If the shift is not positive: the iteration would not come to an end.
        MemoryBudgetError
            If the preconditioner does not fit.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If a residual is still above the tolerance.
        """
        diagonal, needed, outputs = matrix.diagonal, self.least_memory(len(targets)), targets.shape[1]
        require_memory(needed, matrix.max_memory)
        shift = positive_shift(matrix)
        budget = available_memory(diagonal.device) // 2 if matrix.max_memory is None else matrix.max_memory
        matrix = matrix.within(max(0, budget - needed))
        targets, relative = targets.double(), shift.max() / shift
        if left_out is not None:
            signs = torch.randint(2, (len(diagonal), DIRECTIONS), generator=torch.Generator().manual_seed(self.seed))
            directions = (2 * signs - 1).to(relative) / relative[:, None].sqrt()
            targets = torch.cat([targets, directions], 1)
        factor, rest, _ = randomly_pivoted_cholesky(
            matrix.columns, diagonal, self.rank_for(len(diagonal)), seed=self.seed
        )
        precondition = LowRankPlusDiagonal.of(factor, shift + rest.mean())
        solution = _conjugate_gradient(
            lambda vectors: (matrix @ vectors).addcmul_(shift[:, None], vectors),
            targets,
            precondition.solve,
            self.tolerance,
            self.max_iterations,
        )
        values, residuals = solution.values[:, :outputs], None
        if left_out is not None:
            inverse = (directions * solution.values[:, outputs:]).sum() / directions.numel() * relative
            residuals = leave_one_out_residuals(values[left_out], inverse[left_out])
        return replace(solution, values=values, dtype=factor.dtype, left_out=residuals)


def _conjugate_gradient(
    product: Callable[[Tensor], Tensor],
    targets: Tensor,
    precondition: Callable[[Tensor], Tensor],
    tolerance: float,
    max_iterations: int,
) -> Solution:
    """Solve A X = B for several right-hand sides at once, each with its own step lengths; A and P near A are definite.

    Vectors and inner products are float64, whatever precision ``product`` works in, which is V -> A V.
    """
    remaining = targets.double().clone()
    sizes = torch.linalg.vector_norm(remaining, dim=0)
    sizes = torch.where(sizes > 0, sizes, 1)  # a column of zeros is solved by zeros
    values = torch.zeros_like(remaining)
    direction, previous = torch.zeros_like(remaining), torch.ones_like(sizes)
    iterations, residual = 0, (torch.linalg.vector_norm(remaining, dim=0) / sizes).max().item()
    while residual > tolerance and iterations < max_iterations:
        nearer = precondition(remaining)
        current = (remaining * nearer).sum(0)
        direction = nearer + _ratio(current, previous) * direction if iterations else nearer
        image = product(direction)
        step = _ratio(current, (direction * image).sum(0))
        values += step * direction
        remaining -= step * image
        previous, iterations = current, iterations + 1
        residual = (torch.linalg.vector_norm(remaining, dim=0) / sizes).max().item()
    if residual > tolerance:
        message = f"relative residual {residual:.1e} after {iterations} iterations instead of {tolerance:.0e}; "
        warnings.warn(message + "set a larger ridge, rank or max_iterations.", ConvergenceWarning, stacklevel=2)
    return Solution(values, torch.float64, residual=residual, iterations=iterations)


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Quotient, 0 for columns that are solved exactly."""
    return torch.where(denominator > 0, numerator / torch.where(denominator > 0, denominator, 1), 0)
