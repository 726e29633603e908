"""Leave-one-out and generalised cross-validation of kernel ridge regression in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.chunks import BLOCK, row_chunks
from agop.errors import InputError

__all__ = ["generalised_residuals", "inverse_diagonal", "leave_one_out_residuals"]


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
    r"""Residuals :math:`y_i - f_{-i}(x_i) = \alpha_i / (A^{-1})_{ii}` of the fits that each leave one sample out.

    f minimises :math:`\sum_i w_i \|f(x_i) - y_i\|^2 + \lambda \|f\|_H^2`, so that :math:`A \alpha = Y` with
    :math:`A = K + \lambda\,\mathrm{diag}(1/w)`, and :math:`f_{-i}` minimises the sum without its term i. Put
    :math:`f_{-i}(x_i)` in the place of y_i: the minimiser over all samples is then :math:`f_{-i}`, whose coefficient
    at x_i is 0. So :math:`0 = \alpha_i - (A^{-1})_{ii} (y_i - f_{-i}(x_i))`, whatever the weights. It holds for
    lambda = 0 too, where f interpolates.

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
    >>> alone = torch.tensor([[3.0]]) / 2  # k(x, x) + ridge = 2; without its sample f is 0
    >>> leave_one_out_residuals(alone, torch.tensor([0.5]))
    tensor([[3.]], dtype=torch.float64)
    """
    _check_shapes(coefficients, inverse_diagonal)
    return coefficients.double() / inverse_diagonal.double()[:, None]


def generalised_residuals(coefficients: Tensor, inverse_diagonal: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""Residuals of generalised cross-validation, which does not change when the samples are rotated.

    With unit weights :math:`\alpha_i / (\mathrm{tr}(A^{-1}) / n)`: leave-one-out with the diagonal of A^-1 replaced by
    its mean. With weights, the same for the problem in :math:`\sqrt{w_i}\, y_i`, whose residual operator is
    :math:`\lambda W^{-1/2} A^{-1} W^{-1/2}`: :math:`(\alpha_i / w_i) / \mathrm{mean}_j\, ((A^{-1})_{jj} / w_j)`.

    Parameters
    ----------
    coefficients
        alpha, (n, C).
    inverse_diagonal
        Diagonal of A^-1, (n,).
    weights
        w > 0, (n,); ones if None.

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
    Golub, Heath, Wahba 1979, Technometrics 21:215.

    Examples
    --------
    >>> generalised_residuals(torch.tensor([[1.0], [2.0]]), torch.tensor([0.25, 0.75])).ravel()
    tensor([2., 4.], dtype=torch.float64)
    """
    _check_shapes(coefficients, inverse_diagonal)
    weights = torch.ones_like(inverse_diagonal) if weights is None else weights
    scaled = coefficients.double() / weights.double()[:, None]
    return scaled / (inverse_diagonal.double() / weights.double()).mean()


def _check_shapes(coefficients: Tensor, inverse_diagonal: Tensor) -> None:
    if coefficients.ndim != 2 or inverse_diagonal.shape != coefficients.shape[:1]:
        raise InputError(
            "coefficients (n, C) and a diagonal (n,)",
            f"shapes {tuple(coefficients.shape)} and {tuple(inverse_diagonal.shape)}",
            "Pass those of one fit.",
        )
