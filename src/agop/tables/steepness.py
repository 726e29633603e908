"""Steepness of the columns, directions and coupling: what the AGOP says of a predictor on a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.errors import InputError
from agop.inputs import ArrayLike, as_matrix
from agop.linalg import Spectrum, largest_positive, psd_power
from agop.tables.explanation import Explanation

__all__ = ["explain_agop"]


def explain_agop(
    agop: ArrayLike,
    covariance: ArrayLike,
    features: Sequence[str],
    column_of: Sequence[int] | NDArray[Any],
    columns: Sequence[str],
    *,
    effects: ArrayLike,
    errors: ArrayLike,
    n_directions: int = 3,
) -> Explanation:
    """Explanation from the AGOP and the effects of the columns, without interactions: those it does not show.

    Off the diagonal it holds E[d_a f d_b f], which is 0 for f = x_a x_b.

    Parameters
    ----------
    agop
        G, (d, d).
    covariance
        (d, d) of the features; only its blocks within the columns are used. The identity leaves G as it is.
    features, columns
        Names of the d features and of the p columns.
    column_of
        (d,) index of the column of each feature.
    effects, errors
        (p,) shares of the variance, and their standard errors.
    n_directions
        Number of eigenvectors at most.

    Raises
    ------
    InputError
        If shapes do not match, or the predictor depends on none of the columns.

    Examples
    --------
    >>> agop, names = np.array([[1.0, 0.6, 0.0], [0.6, 1.0, 0.0], [0.0, 0.0, 2.0]]), ("a", "b", "c")
    >>> effects, errors = [0.25, 0.25, 0.5], [0.01, 0.01, 0.02]
    >>> found = explain_agop(agop, np.eye(3), ("a", "b", "c=u"), (0, 1, 2), names, effects=effects, errors=errors)
    >>> found.coupling
    array([[1. , 0.6, 0. ],
           [0.6, 1. , 0. ],
           [0. , 0. , 1. ]])
    """
    d = len(features)
    owner = torch.as_tensor(np.asarray(column_of))
    if owner.shape != (d,) or not d or owner.min() < 0 or owner.max() >= len(columns):
        got = f"{d} features and column_of of shape {tuple(owner.shape)}"
        raise InputError(f"one of {len(columns)} columns for each feature", got, "Index them from 0.")
    root = _root(as_matrix(covariance, "covariance", n_rows=d, n_columns=d).double(), owner)
    scaled = root @ as_matrix(agop, "AGOP", n_rows=d, n_columns=d).double() @ root
    trace = scaled.trace()
    if not trace > 0:
        raise InputError(
            "a predictor that depends on its columns", "an AGOP of zero", "Check whether the targets are constant."
        )
    member = torch.nn.functional.one_hot(owner, len(columns)).double()
    top = Spectrum.of(scaled / trace).top(n_directions)
    found = Explanation(
        columns=tuple(columns),
        effects=np.asarray(effects, dtype=np.float64),
        errors=np.asarray(errors, dtype=np.float64),
        steepness=(member.mT @ (scaled / trace).diagonal()).numpy(),
        features=tuple(features),
        directions=largest_positive(top.vectors.mT).numpy(),
        shares=top.values.numpy(),
        coupling=_coupling(scaled / trace, member).numpy(),
    )
    found.check()
    return found


def _root(covariance: Tensor, owner: Tensor) -> Tensor:
    """Square root of the block-diagonal part; block by block, so that small columns are not rounded away."""
    root = torch.zeros_like(covariance)
    for column in set(owner.tolist()):
        block = torch.nonzero(owner == column)
        root[block, block.mT] = psd_power(covariance[block, block.mT], 0.5)
    return root


def _coupling(agop: Tensor, member: Tensor) -> Tensor:
    """Norms of the blocks over the geometric means of those on the diagonal; 0 for a column without any."""
    norms = (member.mT @ agop.square() @ member).sqrt()
    own = norms.diagonal().sqrt()
    coupling = norms / torch.outer(own, own).where(torch.outer(own, own) > 0, torch.inf)
    return coupling.fill_diagonal_(1.0)
