"""Subspaces: the leading one of a matrix, and the angles between two."""

from __future__ import annotations

import torch
from scipy.linalg import subspace_angles
from torch import Tensor

from agop.errors import InputError
from agop.inputs import all_finite

__all__ = ["leading_subspace", "principal_angles"]


def leading_subspace(matrix: Tensor, dimension: int) -> Tensor:
    r"""Orthonormal eigenvectors (d, k), float64, of the k largest eigenvalues of a symmetric matrix, largest first.

    Parameters
    ----------
    matrix
        (d, d) symmetric, such as an AGOP.
    dimension
        Number k of eigenvectors, from 1 to d.

    Raises
    ------
    InputError
        If the matrix is not square, or has no such number of eigenvectors.

    Examples
    --------
    >>> leading_subspace(torch.diag(torch.tensor([1.0, 3.0, 2.0])), 2).abs()
    tensor([[0., 0.],
            [1., 0.],
            [0., 1.]], dtype=torch.float64)
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError("a square matrix", f"shape {tuple(matrix.shape)}", "Pass (d, d).")
    if not 1 <= dimension <= len(matrix):
        raise InputError(f"a dimension from 1 to {len(matrix)}", str(dimension), "Take as many as the matrix has.")
    eigenvectors: Tensor = torch.linalg.eigh(matrix.double()).eigenvectors
    return eigenvectors[:, -dimension:].flip(1)


def principal_angles(first: Tensor, second: Tensor) -> Tensor:
    r"""Principal angles between the spans of the columns of two matrices, in radians, largest first.

    :math:`\cos\theta_i` are the singular values of :math:`Q_1^T Q_2` for orthonormal bases :math:`Q_1, Q_2`; small
    angles are taken from the sines, which keep their digits.

    Parameters
    ----------
    first, second
        (d, k) and (d, m), whose columns need not be orthonormal.

    Returns
    -------
    Tensor
        (min(k, m),) in [0, pi/2], float64; fewer where columns are dependent.

    Raises
    ------
    InputError
        If one is no matrix of finite entries, or they have not the same number of rows.

    References
    ----------
    Björck and Golub 1973, Numerical methods for computing angles between linear subspaces. Computed by
    ``scipy.linalg.subspace_angles``.

    Examples
    --------
    >>> axes = torch.eye(3, dtype=torch.float64)
    >>> principal_angles(axes[:, :2], torch.stack([axes[0], axes[1] + axes[2]], 1)).rad2deg()
    tensor([45.,  0.], dtype=torch.float64)
    """
    if first.ndim != 2 or second.ndim != 2 or len(first) != len(second):
        got = f"shapes {tuple(first.shape)} and {tuple(second.shape)}"
        raise InputError("two matrices (d, k) and (d, m)", got, "Pass bases as columns.")
    if not (all_finite(first) and all_finite(second)):
        raise InputError("finite entries", "NaN or infinity", "Check where the matrices are from.")
    return torch.from_numpy(subspace_angles(*(basis.detach().double().cpu().numpy() for basis in (first, second))))
