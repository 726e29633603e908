"""Leave-one-out of kernel ridge regression in closed form, for all rows or for some of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.errors import InputError
from agop.solvers.cholesky import Cholesky, CholeskyFactor
from agop.solvers.solver import ShiftedMatrix, Solution

__all__ = ["SplitSystem", "leave_one_out_residuals"]


def leave_one_out_residuals(solution: Solution) -> Tensor:
    r"""Residuals :math:`y_i - f_{-i}(x_i) = \alpha_i / (A^{-1})_{ii}`, (n, C) float64, of fits that leave one row out.

    f minimizes :math:`\sum_i w_i \|f(x_i) - y_i\|^2 + \lambda \|f\|_H^2`, so that :math:`A \alpha = Y` with
    :math:`A = K + \lambda\,\mathrm{diag}(1/w)`, and :math:`f_{-i}` minimizes the sum without its term i. Put
    :math:`f_{-i}(x_i)` in the place of y_i: the minimizer over all rows is then :math:`f_{-i}`, whose coefficient
    at x_i is 0. So :math:`0 = \alpha_i - (A^{-1})_{ii} (y_i - f_{-i}(x_i))`, whatever the weights. It holds for
    lambda = 0 too, where f interpolates. The kernel is held: if it was learned from y_i, nothing is left out.

    Raises
    ------
    InputError
        If the solution came without its inverse diagonal.

    References
    ----------
    Wahba 1990, Spline Models for Observational Data, section 4.2.

    Examples
    --------
    >>> from agop.solvers import Cholesky, DenseMatrix
    >>> matrix = DenseMatrix(torch.tensor([[1.0]]), shift=1.0)  # without its row f is 0
    >>> leave_one_out_residuals(Cholesky().solve(matrix, torch.tensor([[3.0]]), inverse_diagonal=True))
    tensor([[3.]], dtype=torch.float64)
    """
    if solution.inverse_diagonal is None:
        raise InputError("a solution with its inverse diagonal", "one without", "Solve with inverse_diagonal=True.")
    return solution.values.double() / solution.inverse_diagonal[:, None]


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
        inverse = CholeskyFactor(lower).inverse_diagonal()
        return leave_one_out_residuals(Solution(values, lower.dtype, inverse_diagonal=inverse))
