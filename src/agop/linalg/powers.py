"""Powers and summaries of positive semi-definite matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.errors import InputError
from agop.inputs import all_finite
from agop.linalg.products import gram

__all__ = ["effective_rank", "largest_positive", "psd_eigen", "psd_power"]

_NEGATIVE = 1e-3
"""Negative eigenvalues, and asymmetry, up to this share of the largest are taken for rounding."""


def psd_power(matrix: Tensor, exponent: float) -> Tensor:
    r"""Symmetric power :math:`A^p = U \max(\Lambda, 0)^p U^T` of a positive semi-definite matrix.

    Computed in the precision of the matrix, with that dtype's machine epsilon eps. Eigenvalues below
    ``2 sqrt(d) eps`` times the largest are rounding, of either sign, and count as zero, so that the null space
    stays one.

    Parameters
    ----------
    matrix
        (d, d) symmetric positive semi-definite, or (d,) for a diagonal matrix.
    exponent
        Positive power ``p``; 1/2 is the symmetric square root.

    Returns
    -------
    Tensor
        Same shape as ``matrix``, in its precision; float64 unless that is float32.

    Raises
    ------
    InputError
        If the matrix is not a finite, symmetric, positive semi-definite one, or the exponent not positive.

    Examples
    --------
    >>> psd_power(torch.tensor([[2.0, 0.0], [0.0, 9.0]]), 0.5).diagonal()
    tensor([1.4142, 3.0000])
    """
    if not exponent > 0:
        raise InputError("a positive exponent", str(exponent), "Negative powers of singular matrices diverge.")
    if matrix.ndim not in (1, 2) or matrix.shape[0] != matrix.shape[-1]:
        raise InputError("a square matrix or a diagonal", f"shape {tuple(matrix.shape)}", "Pass (d, d) or (d,).")
    if not all_finite(matrix):
        raise InputError("finite entries", "NaN or infinity", "Check the data that the matrix was made from.")
    if matrix.dtype != torch.float32:
        matrix = matrix.double()
    if matrix.ndim == 1:
        if matrix.min() < -_NEGATIVE * matrix.abs().max():
            raise InputError("a non-negative diagonal", f"{matrix.min():.2g}", "Pass that of an AGOP or a covariance.")
        return matrix.clamp_min(0).pow(exponent)
    eigenvalues, eigenvectors = psd_eigen(matrix)
    power: Tensor = (eigenvectors * eigenvalues.pow(exponent)) @ eigenvectors.mT
    return power


def psd_eigen(matrix: Tensor, eps: float | None = None) -> tuple[Tensor, Tensor]:
    """Eigenvalues (r,), ascending, and eigenvectors (d, r) of a finite positive semi-definite matrix (d, d).

    Eigenvalues up to ``2 sqrt(d) eps`` times the largest are rounding, of either sign, and are left out; eps is that of
    the matrix's dtype if None.

    Raises
    ------
    InputError
        If the matrix is not symmetric, or has eigenvalues that are negative beyond rounding.

    Examples
    --------
    >>> psd_eigen(torch.diag(torch.tensor([2.0, 0.0, 9.0])))[0]
    tensor([2., 9.])
    """
    eps = torch.finfo(matrix.dtype).eps if eps is None else eps
    eigenvalues, eigenvectors = torch.linalg.eigh(matrix)
    asymmetry, largest = torch.stack([*(matrix - matrix.mT).aminmax(), *matrix.aminmax()]).abs().view(2, 2).amax(1)
    if eigenvalues[0] < -_NEGATIVE * eigenvalues[-1].abs() or asymmetry > _NEGATIVE * largest:
        got = f"eigenvalues from {eigenvalues[0]:.2g} to {eigenvalues[-1]:.2g}, or an asymmetric matrix"
        raise InputError("a symmetric positive semi-definite matrix", got, "Pass an AGOP or a covariance.")
    first = int((eigenvalues <= 2 * len(matrix) ** 0.5 * eps * eigenvalues[-1].clamp_min(0)).sum())
    return eigenvalues[first:], eigenvectors[:, first:]


def effective_rank(rows: Tensor) -> float:
    r"""Participation ratio :math:`(\mathrm{tr}\, S)^2 / \|S\|_F^2` of :math:`S = X^T X`.

    It lies between 1 and the rank of S, and equals the rank when all non-zero eigenvalues agree.

    Parameters
    ----------
    rows
        X of shape (n, d); subtract the mean first for the effective rank of a covariance.

    Returns
    -------
    float
        The ratio, or 0.0 for X = 0.

    Raises
    ------
    InputError
        If ``rows`` is not a finite matrix.

    Examples
    --------
    >>> effective_rank(torch.eye(3))
    3.0
    """
    if rows.ndim != 2 or not all_finite(rows):
        raise InputError("a finite (n, d) matrix", f"shape {tuple(rows.shape)}", "Remove NaN and infinity.")
    scale = rows.abs().max().item() if rows.numel() else 0.0
    if scale == 0:
        return 0.0
    rows = rows.double() / scale
    smaller = gram(rows.mT if rows.shape[0] < rows.shape[1] else rows)
    return (smaller.trace().square() / smaller.square().sum()).item()


def largest_positive(vectors: Tensor) -> Tensor:
    """Vectors (..., d) with the sign that makes their entry of largest magnitude positive, as for eigenvectors.

    Examples
    --------
    >>> largest_positive(torch.tensor([[1.0, -3.0], [2.0, -1.0]]))
    tensor([[-1.,  3.],
            [ 2., -1.]])
    """
    return vectors * vectors.gather(-1, vectors.abs().argmax(-1, keepdim=True)).sign()
