"""A Gram matrix and targets, checked."""

from __future__ import annotations

from torch import Tensor

from agop.errors import InputError
from agop.inputs import ArrayLike, as_matrix, require_finite

__all__ = ["gram_and_targets"]


def gram_and_targets(gram: ArrayLike, targets: ArrayLike) -> tuple[Tensor, Tensor]:
    """Gram matrix (n, n) and targets (n, C) in float64.

    Raises
    ------
    InputError
        If shapes do not agree or entries are not finite.

    Examples
    --------
    >>> import torch
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
