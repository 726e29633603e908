"""NC5, out-of-distribution samples become orthogonal to the class means."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.collapse.geometry import ClassGeometry
from agop.errors import InputError, UndefinedMeasureError
from agop.inputs import ArrayLike, as_matrix, require_finite
from agop.moments import ClassMoments

__all__ = ["nc5_orthogonality"]


def nc5_orthogonality(moments: ClassMoments | ClassGeometry, ood_features: ArrayLike) -> float:
    r"""Mean over the classes of :math:`|\cos(\mu_c, \mu_{OOD})|`, both uncentered (Ammar et al. 2024).

    Parameters
    ----------
    moments
        Moments of the training features of C >= 1 classes.
    ood_features
        (m, d) of out-of-distribution samples, whose mean is :math:`\mu_{OOD}`; their mean as one row will do.

    Returns
    -------
    float
        Mean from 0, orthogonal, to 1.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    UndefinedMeasureError
        If a mean is zero and has no direction.
    InputError
        If there are no out-of-distribution samples, or they are not a finite real matrix of d columns.

    Examples
    --------
    >>> moments = ClassMoments.of(torch.eye(2), torch.arange(2), 2)
    >>> nc5_orthogonality(moments, torch.tensor([[1.0, 0.0], [3.0, 0.0]]))
    0.5
    """
    moments = ClassGeometry.of(moments).moments
    moments.global_mean()
    ood_features = as_matrix(ood_features, "ood_features", n_columns=moments.means.shape[1])
    if not len(ood_features):
        raise InputError("one or more out-of-distribution samples", "none", "Leave NC5 out.")
    ood_mean = _mean(ood_features).to(moments.means)
    lengths = torch.linalg.vector_norm(moments.means, dim=1)
    ood_length = torch.linalg.vector_norm(ood_mean)
    if not (lengths.all() and ood_length):
        advice = "0, as of units that are all dead, has no direction."
        raise UndefinedMeasureError("means away from the origin", "a mean at 0", advice)
    return float((moments.means / lengths[:, None] @ (ood_mean / ood_length)).abs().mean())


def _mean(features: Tensor) -> Tensor:
    """Mean (d,) in float64 about the first row, so that a common offset costs no digits."""
    first = features[0].double()
    total = torch.zeros_like(first)
    for rows in row_chunks(len(features), 8 * len(first)):
        total += (features[rows] - first).sum(0)
    mean = first + total / len(features)
    require_finite(mean, "ood_features")
    return mean
