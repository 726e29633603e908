"""Products of a matrix with itself."""

from __future__ import annotations

from torch import Tensor

__all__ = ["gram"]

_LEAF = 128
"""Columns of a block that is not cut further: products of narrower ones are slow."""


def gram(rows: Tensor) -> Tensor:
    r"""Product :math:`X^T X` (d, d) of rows X (n, d), without the half that follows by symmetry.

    With :math:`X = [A, B]`, :math:`A^T B` is multiplied once, and :math:`A^T A` and :math:`B^T B` in the same way:
    down to half of the operations, in the precision of the rows.

    Examples
    --------
    >>> import torch
    >>> gram(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
    tensor([[1., 2.],
            [2., 5.]])
    """
    d = rows.shape[1]
    total = rows.new_empty(d, d)
    _fill(total, rows)
    return total


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
