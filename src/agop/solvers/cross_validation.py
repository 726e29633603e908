"""One system whose last rows are judged by leave-one-out, at a kernel that its first rows have taught."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.solvers.cholesky import Cholesky, CholeskyFactor
from agop.solvers.left_out import leave_one_out_residuals
from agop.solvers.solver import ShiftedMatrix

__all__ = ["SplitSystem"]


@dataclass(frozen=True, eq=False)
class SplitSystem:
    r"""A system :math:`A \alpha = Y` over p rows followed by v others, solved for both parts at once.

    With :math:`A = L L^T` and :math:`Z = L^{-1} Y`, the leading blocks belong to the fit to the first p rows, whose
    coefficients are :math:`L_{11}^{-T} Z_1`. The trailing ones belong to the last v rows in the fit to all rows:
    :math:`\alpha_2 = L_{22}^{-T} Z_2` and :math:`(A^{-1})_{22} = L_{22}^{-T} L_{22}^{-1}`, hence their leave-one-out.
    So a kernel that was learned from the first rows is judged on the last ones, by fits to all rows but one.

    Attributes
    ----------
    lower
        L, (p + v, p + v).
    forward
        Z, (p + v, C).
    first
        p, from 0 to the number of rows.

    Examples
    --------
    >>> from agop.solvers import DenseMatrix
    >>> matrix = DenseMatrix(torch.tensor([[1.0, 1.0], [1.0, 1.0]]), shift=1.0)
    >>> system = SplitSystem.of(matrix, torch.tensor([[2.0], [4.0]]), first=1)
    >>> system.coefficients(), system.residuals()  # 2 / 2; 4 - 1 * 2 / 2
    (tensor([[1.]]), tensor([[3.0000]], dtype=torch.float64))
    """

    lower: Tensor
    forward: Tensor
    first: int

    @classmethod
    def of(cls, matrix: ShiftedMatrix, targets: Tensor, first: int) -> SplitSystem:
        """The system of a matrix, which is factorized, and targets (p + v, C)."""
        lower = Cholesky().factorize(matrix).lower
        return cls(lower, torch.linalg.solve_triangular(lower, targets.to(lower), upper=False), first)

    def coefficients(self) -> Tensor:
        """Coefficients (p, C) of the fit to the first rows."""
        lower, first = self.lower[: self.first, : self.first], self.forward[: self.first]
        solution: Tensor = torch.linalg.solve_triangular(lower.mT, first, upper=True)
        return solution

    def residuals(self) -> Tensor:
        """Residuals (v, C) of the last rows, each by the fit to all other rows; float64."""
        lower, last = self.lower[self.first :, self.first :], self.forward[self.first :]
        values = torch.linalg.solve_triangular(lower.mT, last, upper=True)
        return leave_one_out_residuals(values, CholeskyFactor(lower).inverse_diagonal())
