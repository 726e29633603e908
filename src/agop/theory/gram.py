"""Gram matrices: checked with their targets, normalized, centered."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.errors import InputError, UndefinedMeasureError
from agop.inputs import ArrayLike, as_matrix, require_finite

__all__ = ["centered", "centered_gram", "gram_and_targets", "normalize_gram"]


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
    gram = _checked(gram)
    targets = as_matrix(targets, "targets", n_rows=len(gram)).to(gram)
    require_finite(targets, "targets")
    return gram, targets


def normalize_gram(gram: Tensor) -> Tensor:
    """Gram matrix of rows divided by their norms: a unit diagonal, or 0 for a zero row.

    Examples
    --------
    >>> normalize_gram(torch.tensor([[4.0, 1.0], [1.0, 1.0]]))
    tensor([[1.0000, 0.5000],
            [0.5000, 1.0000]])
    """
    norms = gram.diagonal().clamp(min=0).sqrt()
    norms = norms.where(norms > 0, torch.ones_like(norms))
    normalized = gram / norms[:, None] / norms
    normalized.diagonal().copy_((gram.diagonal() > 0).to(gram))
    return normalized


def centered_gram(gram: ArrayLike) -> Tensor:
    r"""Inner products of samples about their mean, scaled to a mean diagonal of 1.

    :math:`n\, H G H / \mathrm{tr}(H G H)` with :math:`H = I - 11^T/n`, (n, n) float64, for G (n, n).

    Raises
    ------
    InputError
        If the matrix is not square and finite.
    UndefinedMeasureError
        If all samples coincide.

    Examples
    --------
    >>> centered_gram(torch.tensor([[4.0, 2.0], [2.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]], dtype=torch.float64)
    """
    gram = _checked(gram)
    about_mean = centered(gram)
    size = float(about_mean.diagonal().mean())
    if size <= 1e-14 * float(gram.diagonal().mean()):
        raise UndefinedMeasureError("samples that differ", "equal ones", "Inner products about the mean are all 0.")
    return about_mean / size


def centered(matrix: Tensor) -> Tensor:
    """Matrix H K H with the projection H off the constant vector."""
    matrix = matrix - matrix.mean(0)
    return matrix - matrix.mean(1, keepdim=True)


def _checked(gram: ArrayLike) -> Tensor:
    """A square finite matrix in float64."""
    gram = as_matrix(gram, "gram").double()
    if not len(gram) or gram.shape[1] != len(gram):
        raise InputError("a Gram matrix (n, n)", f"shape {tuple(gram.shape)}", "Pass all inner products.")
    require_finite(gram, "gram")
    return gram
