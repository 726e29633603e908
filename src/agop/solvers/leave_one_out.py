"""Leave-one-out and generalised cross-validation of kernel ridge regression in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.chunks import BLOCK, row_chunks
from agop.errors import InputError

__all__ = [
    "generalised_residuals",
    "inverse_diagonal",
    "leave_one_out_residuals",
    "remaining_shares",
    "sample_residuals",
]

_SMALLEST_RIDGE = 1e-12
"""In the place of a ridge of zero, which is the limit of small ones."""


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


def remaining_shares(
    inverse_diagonal: Tensor, ridge: float, weights: Tensor, copies: Tensor, *, generalised: bool = False
) -> Tensor:
    r"""1 minus the leverage of a single sample, in groups of equal samples that were merged with summed weights.

    The leverage of a group of weight w is :math:`h = 1 - (\lambda / w) (A^{-1})_{ii}`, that of one of its c samples
    h / max(c, 1). A residual divided by the remaining share is the residual of the fit without that one sample.

    Parameters
    ----------
    inverse_diagonal
        Diagonal of A^-1, (m,), with A = K + lambda diag(1/w).
    ridge
        lambda >= 0.
    weights
        w > 0, (m,).
    copies
        c > 0, (m,): how many samples the groups hold. Equal to the weights where these count samples.
    generalised
        Put the mean leverage of all samples in the place of each.

    Returns
    -------
    Tensor
        (m,) float64.

    Examples
    --------
    >>> remaining_shares(torch.tensor([0.5, 1.0]), 1.0, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0]))
    tensor([0.5000, 0.7500], dtype=torch.float64)
    """
    rest = max(ridge, _SMALLEST_RIDGE) * inverse_diagonal.double() / weights.double()
    others = copies.double().clamp(min=1) - 1
    if generalised:
        return ((others + rest).sum() / (others + 1).sum()).expand(len(rest))
    return (others + rest) / (others + 1)


def sample_residuals(
    coefficients: Tensor,
    inverse_diagonal: Tensor,
    ridge: float,
    weights: Tensor,
    copies: Tensor,
    deviations: Tensor,
    group: Tensor,
    *,
    generalised: bool = False,
) -> Tensor:
    r"""Residuals of samples, each by the fit without it, where equal samples were merged for the fit.

    The residual of sample j in group g is :math:`y_j - f(x_g) = (y_j - \bar y_g) + (\lambda / w_g) \alpha_g`;
    divided by its remaining share, it is that of leave-one-out.

    Parameters
    ----------
    coefficients, inverse_diagonal, ridge, weights, copies
        Of the fit to the m groups: (m, C), (m,), a number, (m,), (m,); see ``remaining_shares``.
    deviations
        Targets minus the mean of their group, (n, C).
    group
        Group of each sample, (n,).
    generalised
        Generalised cross-validation instead of leave-one-out.

    Returns
    -------
    Tensor
        (n, C), float64.

    Examples
    --------
    >>> alone = torch.tensor([[3.0]]) / 2  # as for leave_one_out_residuals
    >>> one = torch.ones(1)
    >>> sample_residuals(alone, torch.tensor([0.5]), 1.0, one, one, torch.zeros(1, 1), torch.tensor([0]))
    tensor([[3.]], dtype=torch.float64)
    """
    _check_shapes(coefficients, inverse_diagonal)
    shares = remaining_shares(inverse_diagonal, ridge, weights, copies, generalised=generalised)
    fitted = max(ridge, _SMALLEST_RIDGE) * coefficients.double() / weights.double()[:, None]
    return (fitted[group] + deviations.double()) / shares[group, None]


def _check_shapes(coefficients: Tensor, inverse_diagonal: Tensor) -> None:
    if coefficients.ndim != 2 or inverse_diagonal.shape != coefficients.shape[:1]:
        raise InputError(
            "coefficients (n, C) and a diagonal (n,)",
            f"shapes {tuple(coefficients.shape)} and {tuple(inverse_diagonal.shape)}",
            "Pass those of one fit.",
        )
