"""Leave-one-out of kernel ridge regression in closed form, for all rows or for some of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.chunks import BLOCK, row_chunks
from agop.errors import InputError

__all__ = ["SplitSystem", "inverse_diagonal", "leave_one_out_residuals"]


def inverse_diagonal(lower: Tensor, *, max_memory: int | None = None) -> Tensor:
    r"""Diagonal of :math:`A^{-1} = L^{-T} L^{-1}`: the squared norms of the columns of :math:`L^{-1}`.

    Column i of L^-1 is zero above row i, so blocks of columns cost n^3/6 multiply-adds in all.

    Parameters
    ----------
    lower
        L, (n, n), lower triangular with a positive diagonal: the Cholesky factor of A.
    max_memory
        Bytes for a block of columns; a default size if None. A block has at least one column.

    Returns
    -------
    Tensor
        (n,) float64, positive.

    Examples
    --------
    >>> inverse_diagonal(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([0.2500, 0.0625], dtype=torch.float64)
    """
    n = len(lower)
    diagonal = lower.new_empty(n, dtype=torch.float64)
    widest = BLOCK * 2 * n * lower.element_size()
    budget = widest if max_memory is None else min(widest, max_memory)
    for columns in row_chunks(n, 2 * n * lower.element_size(), budget):
        corner = lower[columns.start :, columns.start :]
        block = lower.new_zeros(len(corner), columns.stop - columns.start)
        block.fill_diagonal_(1)
        block = torch.linalg.solve_triangular(corner, block, upper=False)
        diagonal[columns] = torch.linalg.vector_norm(block, dim=0, dtype=torch.float64).square()
    return diagonal


def leave_one_out_residuals(coefficients: Tensor, inverse_diagonal: Tensor) -> Tensor:
    r"""Residuals :math:`y_i - f_{-i}(x_i) = \alpha_i / (A^{-1})_{ii}` of the fits that each leave one row out.

    f minimises :math:`\sum_i w_i \|f(x_i) - y_i\|^2 + \lambda \|f\|_H^2`, so that :math:`A \alpha = Y` with
    :math:`A = K + \lambda\,\mathrm{diag}(1/w)`, and :math:`f_{-i}` minimises the sum without its term i. Put
    :math:`f_{-i}(x_i)` in the place of y_i: the minimiser over all rows is then :math:`f_{-i}`, whose coefficient
    at x_i is 0. So :math:`0 = \alpha_i - (A^{-1})_{ii} (y_i - f_{-i}(x_i))`, whatever the weights. It holds for
    lambda = 0 too, where f interpolates. The kernel is held: if it was learned from y_i, nothing is left out.

    Parameters
    ----------
    coefficients
        alpha, (n, C).
    inverse_diagonal
        Diagonal of A^-1, (n,).

    Returns
    -------
    Tensor
        (n, C), float64.

    Raises
    ------
    InputError
        If the shapes do not agree.

    References
    ----------
    Wahba 1990, Spline Models for Observational Data, section 4.2.

    Examples
    --------
    >>> alone = torch.tensor([[3.0]]) / 2  # k(x, x) + ridge = 2; without its row f is 0
    >>> leave_one_out_residuals(alone, torch.tensor([0.5]))
    tensor([[3.]], dtype=torch.float64)
    """
    if coefficients.ndim != 2 or inverse_diagonal.shape != coefficients.shape[:1]:
        raise InputError(
            "coefficients (n, C) and a diagonal (n,)",
            f"shapes {tuple(coefficients.shape)} and {tuple(inverse_diagonal.shape)}",
            "Pass those of one fit.",
        )
    return coefficients.double() / inverse_diagonal.double()[:, None]


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
    >>> lower = torch.linalg.cholesky(torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
    >>> system = SplitSystem.of(lower, torch.tensor([[2.0], [4.0]]), first=1)
    >>> system.coefficients(), system.residuals()  # 2 / 2; 4 - 1 * 2 / 2
    (tensor([[1.]]), tensor([[3.0000]], dtype=torch.float64))
    """

    lower: Tensor
    forward: Tensor
    first: int

    @classmethod
    def of(cls, lower: Tensor, targets: Tensor, first: int) -> SplitSystem:
        """The system of a Cholesky factor and targets (p + v, C)."""
        return cls(lower, torch.linalg.solve_triangular(lower, targets.to(lower), upper=False), first)

    def coefficients(self) -> Tensor:
        """Coefficients (p, C) of the fit to the first rows."""
        lower, first = self.lower[: self.first, : self.first], self.forward[: self.first]
        solution: Tensor = torch.linalg.solve_triangular(lower.mT, first, upper=True)
        return solution

    def residuals(self) -> Tensor:
        """Residuals (v, C) of the last rows, each by the fit to all other rows; float64."""
        lower, last = self.lower[self.first :, self.first :], self.forward[self.first :]
        return leave_one_out_residuals(
            torch.linalg.solve_triangular(lower.mT, last, upper=True), inverse_diagonal(lower)
        )
