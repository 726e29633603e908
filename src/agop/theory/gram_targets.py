"""A Gram matrix and targets, checked, and the one linear system that theory solves with them."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.errors import InputError
from agop.inputs import ArrayLike, as_matrix, require_finite
from agop.solvers import Cholesky

__all__ = ["gram_and_targets", "solve_shifted"]


def gram_and_targets(gram: ArrayLike, targets: ArrayLike) -> tuple[Tensor, Tensor]:
    """Gram matrix (n, n) and targets (n, C) in float64.

    Raises
    ------
    InputError
        If shapes do not agree or entries are not finite.

    Examples
    --------
    >>> gram_and_targets(torch.eye(2), torch.ones(2, 1))[1].dtype
    torch.float64
    """
    gram = as_matrix(gram, "gram").double()
    if not len(gram) or gram.shape[1] != len(gram):
        raise InputError("a Gram matrix (n, n)", f"shape {tuple(gram.shape)}", "Pass all inner products.")
    targets = as_matrix(targets, "targets", n_rows=len(gram)).to(gram)
    require_finite(gram, "gram")
    require_finite(targets, "targets")
    return gram, targets


def solve_shifted(gram: Tensor, targets: Tensor, shift: float) -> Tensor:
    """(G + shift I)^-1 Y, float64.

    Raises
    ------
    NotPositiveDefiniteError
        If G has eigenvalues of -shift or less.

    Examples
    --------
    >>> solve_shifted(torch.eye(2, dtype=torch.float64), torch.tensor([[4.0], [2.0]]), 1.0).T
    tensor([[2., 1.]], dtype=torch.float64)
    """

    def shifted(dtype: torch.dtype) -> Tensor:
        matrix = gram.to(dtype, copy=True)
        matrix.diagonal().add_(shift)
        return matrix

    return Cholesky().factorise(shifted, torch.float64).solve(targets)
