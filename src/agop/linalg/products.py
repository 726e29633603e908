"""Products of a matrix with itself, and their factors."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.chunks import blocks

__all__ = ["gram", "product", "triangular_factor"]

_LEAF = 128
"""Columns of a block that is not cut further: products of narrower ones are slow."""


_ROWS = 1024
"""Rows of a block of a triangular factor, at least."""


def gram(rows: Tensor) -> Tensor:
    r"""Product :math:`X^T X` (d, d) of rows X (n, d) or (n, S, d), without the half that follows by symmetry.

    With :math:`X = [A, B]`, :math:`A^T B` is multiplied once, and :math:`A^T A` and :math:`B^T B` in the same way:
    down to half of the operations, in the precision of the rows. Rows (n, S, d) of images, whose positions lie side by
    side in memory, are multiplied as they lie, if products of each image take no more memory than a copy.

    Examples
    --------
    >>> import torch
    >>> gram(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
    tensor([[1., 2.],
            [2., 5.]])
    """
    d = rows.shape[-1]
    if rows.ndim == 3 and not rows.is_contiguous() and rows.shape[1] >= d:
        images: Tensor = rows.mT @ rows
        return images.sum(0)
    rows = rows.flatten(0, -2)
    total = rows.new_empty(d, d)
    _fill(total, rows)
    return total


def product(rows: Tensor, matrix: Tensor) -> Tensor:
    """Product (..., S, k) of rows (..., S, d) and a matrix (d, k), in the memory layout of the rows.

    Rows of images, whose positions lie side by side in memory, are multiplied as they lie.

    Examples
    --------
    >>> import torch
    >>> product(torch.ones(2, 3, 5).mT, torch.ones(3, 1)).shape
    torch.Size([2, 5, 1])
    """
    return rows @ matrix if rows.is_contiguous() else (matrix.mT @ rows.mT).mT


def triangular_factor(matrix: Tensor) -> Tensor:
    r"""Upper triangular R (min(n, d), d), float64, with :math:`R^T R = X^T X` for X (n, d).

    A block of rows at a time (TSQR, Demmel et al. 2012), so that X is never copied as a whole, and without
    :math:`X^T X`, which would lose half of the digits.

    Examples
    --------
    >>> rows = torch.arange(12.0).reshape(6, 2)
    >>> factor = triangular_factor(rows)
    >>> factor.shape, torch.allclose(factor.mT @ factor, (rows.mT @ rows).double())
    (torch.Size([2, 2]), True)
    """
    n, d = matrix.shape
    factor = matrix.new_empty(0, d, dtype=torch.float64)
    for rows in blocks(n, max(_ROWS, 4 * d)):
        factor = torch.linalg.qr(torch.cat([factor, matrix[rows].double()]), mode="r").R
    return factor


def _fill(total: Tensor, rows: Tensor) -> None:
    if rows.shape[1] <= _LEAF:
        total.copy_(rows.mT @ rows)
        return
    k = rows.shape[1] // 2
    across = rows[:, :k].mT @ rows[:, k:]
    total[:k, k:] = across
    total[k:, :k] = across.mT
    _fill(total[:k, :k], rows[:, :k])
    _fill(total[k:, k:], rows[:, k:])
