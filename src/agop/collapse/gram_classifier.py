r"""NC3 to NC5 from Gram matrices in place of the features.

Besides :math:`K = \Phi \Phi^T` (n, n) and the integer labels (n,) they take

- ``coefficients`` (n, C) of a classifier :math:`W = \alpha^T \Phi`, as of kernel ridge regression;
- ``scores`` (n, C) of any classifier on the samples, bias included;
- ``cross_gram`` (n, m) and ``ood_gram`` (m, m), inner products with and among out-of-distribution samples.

The means and weights get coordinates with the same inner products, on which each namesake is evaluated.

Examples
--------
>>> x, y = torch.eye(3), torch.arange(3)
>>> round(nc3_self_duality_from_gram(x @ x.T, y, coefficients=5 * torch.eye(3)), 6)
0.605811
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.collapse.gram_moments import gram_coordinates, isometric_coordinates, moments_from_gram
from agop.collapse.nc3 import nc3_etf_error, nc3_self_duality, nc3_self_duality_by_class, unc3
from agop.collapse.nc4 import count_agreements
from agop.collapse.nc5 import nc5_orthogonality
from agop.inputs import ArrayLike, as_matrix, require_finite
from agop.moments import ClassMoments, GlobalMean

__all__ = [
    "nc3_etf_error_from_gram",
    "nc3_self_duality_by_class_from_gram",
    "nc3_self_duality_from_gram",
    "nc4_agreement_from_gram",
    "nc5_orthogonality_from_gram",
    "unc3_from_gram",
]


def nc3_self_duality_from_gram(
    gram: ArrayLike,
    labels: ArrayLike,
    coefficients: ArrayLike,
    *,
    global_mean: GlobalMean = "classes",
) -> float:
    """:func:`~agop.collapse.nc3_self_duality` with a weight in the span of the features."""
    moments, weight = _with_weight(gram, labels, coefficients)
    return nc3_self_duality(moments, weight, global_mean=global_mean)


def nc3_self_duality_by_class_from_gram(
    gram: ArrayLike,
    labels: ArrayLike,
    coefficients: ArrayLike,
    *,
    global_mean: GlobalMean = "classes",
) -> tuple[float, ...]:
    """:func:`~agop.collapse.nc3_self_duality_by_class` with a weight in the span of the features."""
    moments, weight = _with_weight(gram, labels, coefficients)
    return nc3_self_duality_by_class(moments, weight, global_mean=global_mean)


def nc3_etf_error_from_gram(
    gram: ArrayLike,
    labels: ArrayLike,
    coefficients: ArrayLike,
    *,
    global_mean: GlobalMean = "classes",
) -> float:
    """:func:`~agop.collapse.nc3_etf_error` with a weight in the span of the features."""
    moments, weight = _with_weight(gram, labels, coefficients)
    return nc3_etf_error(moments, weight, global_mean=global_mean)


def unc3_from_gram(
    gram: ArrayLike,
    labels: ArrayLike,
    coefficients: ArrayLike,
    *,
    cosine: bool = False,
    global_mean: GlobalMean = "classes",
) -> float:
    """:func:`~agop.collapse.unc3` with a weight in the span of the features."""
    moments, weight = _with_weight(gram, labels, coefficients)
    return unc3(moments, weight, cosine=cosine, global_mean=global_mean)


def nc4_agreement_from_gram(gram: ArrayLike, labels: ArrayLike, scores: ArrayLike) -> float:
    """:func:`~agop.collapse.nc4_agreement` of a classifier known by its scores."""
    scores = as_matrix(scores, "scores", n_rows=len(gram))
    coordinates, moments = gram_coordinates(gram, labels, scores.shape[1])
    require_finite(scores, "scores")
    return count_agreements(coordinates, moments.means, scores.to(coordinates.device)) / len(coordinates)


def nc5_orthogonality_from_gram(
    gram: ArrayLike,
    labels: ArrayLike,
    cross_gram: ArrayLike,
    ood_gram: ArrayLike,
    n_classes: int | None = None,
) -> float:
    """:func:`~agop.collapse.nc5_orthogonality` from all inner products."""
    moments = moments_from_gram(gram, labels, n_classes)
    n_classes, n = len(moments.counts), moments.n_samples
    ood_gram = as_matrix(ood_gram, "ood_gram")
    cross_gram = as_matrix(cross_gram, "cross_gram", n_rows=n, n_columns=len(ood_gram))
    group = torch.zeros(len(ood_gram), dtype=torch.int64)
    # Inner products between the class means and, as one more class, the mean of the other samples.
    of_classes = _class_averages(_class_averages(gram, labels, n_classes).mT, labels, n_classes)
    across = _class_averages(cross_gram, labels, n_classes).mean(1, keepdim=True)
    of_ood = _class_averages(ood_gram, group, 1).mean(1, keepdim=True)
    products = torch.cat([torch.cat([of_classes, across], 1), torch.cat([across.mT, of_ood], 1)])
    rows = isometric_coordinates(products)
    return nc5_orthogonality(replace(moments, means=rows[:-1], scatter=None), rows[-1:])


def _with_weight(gram: ArrayLike, labels: ArrayLike, coefficients: ArrayLike) -> tuple[ClassMoments, Tensor]:
    """Moments and weight (C, 2C) in common coordinates of the centred class means and the weight's rows."""
    gram = as_matrix(gram, "gram")
    alpha = as_matrix(coefficients, "coefficients", n_rows=len(gram)).to(gram.device, torch.float64)
    require_finite(alpha, "coefficients")
    n_classes = alpha.shape[1]
    moments = moments_from_gram(gram, labels, n_classes)
    means = ClassMoments.of(gram, labels, n_classes).centred_means()  # inner products with the samples
    weight = torch.cat([gram[rows].double() @ alpha for rows in row_chunks(len(gram), 8 * len(gram))]).mT
    across = means @ alpha
    products = torch.cat(
        [torch.cat([moments.means @ moments.means.mT, across], 1), torch.cat([across.mT, weight @ alpha], 1)]
    )
    rows = isometric_coordinates(products)
    return replace(moments, means=rows[:n_classes], scatter=None), rows[n_classes:]


def _class_averages(rows: ArrayLike, labels: ArrayLike, n_classes: int) -> Tensor:
    return ClassMoments.of(rows, labels, n_classes).means
