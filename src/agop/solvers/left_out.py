"""Residuals of rows that are left out, in closed form."""

from __future__ import annotations

from torch import Tensor

__all__ = ["leave_one_out_residuals"]


def leave_one_out_residuals(coefficients: Tensor, inverse_diagonal: Tensor) -> Tensor:
    r"""Residuals :math:`y_i - f_{-i}(x_i) = \alpha_i / (A^{-1})_{ii}`, (v, C) float64, of fits that leave one row out.

    f minimizes :math:`\sum_i w_i \|f(x_i) - y_i\|^2 + \lambda \|f\|_H^2`, so that :math:`A \alpha = Y` with
    :math:`A = K + \lambda\,\mathrm{diag}(1/w)`, and :math:`f_{-i}` minimizes the sum without its term i. Put
    :math:`f_{-i}(x_i)` in the place of y_i: the minimizer over all rows is then :math:`f_{-i}`, whose coefficient
    at x_i is 0. So :math:`0 = \alpha_i - (A^{-1})_{ii} (y_i - f_{-i}(x_i))`, whatever the weights. It holds for
    lambda = 0 too, where f interpolates. The kernel is held: if it was learned from y_i, nothing is left out.

    Parameters
    ----------
    coefficients, inverse_diagonal
        Rows (v, C) of alpha, and entries (v,) of the diagonal of the inverse.

    References
    ----------
    Wahba 1990, Spline Models for Observational Data, section 4.2.

    Examples
    --------
    >>> import torch
    >>> leave_one_out_residuals(torch.tensor([[1.5]]), torch.tensor([0.5]))  # A = [2], y = 3: without its row f is 0
    tensor([[3.]], dtype=torch.float64)
    """
    return coefficients.double() / inverse_diagonal.double()[:, None]
