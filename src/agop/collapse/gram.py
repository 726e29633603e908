r"""NC1 and NC2 from a Gram matrix :math:`K = \Phi \Phi^T` (n, n) in place of the features.

Each function is its namesake on :func:`~agop.collapse.moments_from_gram`: the same number, options
and errors. ``labels`` (n,) are integers; ``n_classes`` is ``max(labels) + 1`` if None.

Examples
--------
>>> import torch
>>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
>>> round(nc1_trace_ratio_from_gram(x @ x.T, y), 12), round(nc1_pinv_from_gram(x @ x.T, y), 12)
(0.2, 0.08)
"""

from __future__ import annotations

from typing import Literal

from agop.collapse.gram_moments import moments_from_gram
from agop.collapse.nc1 import (
    between_total_ratio,
    between_total_ratio_beaglehole2024,
    nc1_cdnv,
    nc1_pinv,
    nc1_trace_ratio,
    nc1_trace_ratio_beaglehole2024,
    within_total_ratio,
)
from agop.collapse.nc2 import gnc2, nc2_angle_spread, nc2_equiangularity, nc2_equinorm, nc2_etf_error, nc2_gram_mse
from agop.inputs import ArrayLike
from agop.moments import GlobalMean

__all__ = [
    "between_total_ratio_beaglehole2024_from_gram",
    "between_total_ratio_from_gram",
    "gnc2_from_gram",
    "nc1_cdnv_from_gram",
    "nc1_pinv_from_gram",
    "nc1_trace_ratio_beaglehole2024_from_gram",
    "nc1_trace_ratio_from_gram",
    "nc2_angle_spread_from_gram",
    "nc2_equiangularity_from_gram",
    "nc2_equinorm_from_gram",
    "nc2_etf_error_from_gram",
    "nc2_gram_mse_from_gram",
    "within_total_ratio_from_gram",
]


def within_total_ratio_from_gram(
    gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None, *, global_mean: GlobalMean = "classes"
) -> float:
    """:func:`~agop.collapse.within_total_ratio` of the features behind a Gram matrix."""
    return within_total_ratio(moments_from_gram(gram, labels, n_classes), global_mean=global_mean)


def between_total_ratio_from_gram(
    gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None, *, global_mean: GlobalMean = "classes"
) -> float:
    """:func:`~agop.collapse.between_total_ratio` of the features behind a Gram matrix."""
    return between_total_ratio(moments_from_gram(gram, labels, n_classes), global_mean=global_mean)


def between_total_ratio_beaglehole2024_from_gram(
    gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None, *, global_mean: GlobalMean = "classes"
) -> float:
    """:func:`~agop.collapse.between_total_ratio_beaglehole2024` of the features behind a Gram matrix."""
    return between_total_ratio_beaglehole2024(moments_from_gram(gram, labels, n_classes), global_mean=global_mean)


def nc1_trace_ratio_from_gram(
    gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None, *, global_mean: GlobalMean = "classes"
) -> float:
    """:func:`~agop.collapse.nc1_trace_ratio` of the features behind a Gram matrix."""
    return nc1_trace_ratio(moments_from_gram(gram, labels, n_classes), global_mean=global_mean)


def nc1_trace_ratio_beaglehole2024_from_gram(
    gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None, *, global_mean: GlobalMean = "classes"
) -> float:
    """:func:`~agop.collapse.nc1_trace_ratio_beaglehole2024` of the features behind a Gram matrix."""
    return nc1_trace_ratio_beaglehole2024(moments_from_gram(gram, labels, n_classes), global_mean=global_mean)


def nc1_pinv_from_gram(
    gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None, *, global_mean: GlobalMean = "classes"
) -> float:
    """:func:`~agop.collapse.nc1_pinv` of the features behind a Gram matrix."""
    return nc1_pinv(moments_from_gram(gram, labels, n_classes), global_mean=global_mean)


def nc1_cdnv_from_gram(gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None) -> float:
    """:func:`~agop.collapse.nc1_cdnv` of the features behind a Gram matrix."""
    return nc1_cdnv(moments_from_gram(gram, labels, n_classes))


def nc2_gram_mse_from_gram(
    gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None, *, global_mean: GlobalMean = "classes"
) -> float:
    """:func:`~agop.collapse.nc2_gram_mse` of the features behind a Gram matrix."""
    return nc2_gram_mse(moments_from_gram(gram, labels, n_classes), global_mean=global_mean)


def nc2_etf_error_from_gram(
    gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None, *, global_mean: GlobalMean = "classes"
) -> float:
    """:func:`~agop.collapse.nc2_etf_error` of the features behind a Gram matrix."""
    return nc2_etf_error(moments_from_gram(gram, labels, n_classes), global_mean=global_mean)


def nc2_equinorm_from_gram(
    gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None, *, global_mean: GlobalMean = "classes"
) -> float:
    """:func:`~agop.collapse.nc2_equinorm` of the features behind a Gram matrix."""
    return nc2_equinorm(moments_from_gram(gram, labels, n_classes), global_mean=global_mean)


def nc2_equiangularity_from_gram(
    gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None, *, global_mean: GlobalMean = "classes"
) -> float:
    """:func:`~agop.collapse.nc2_equiangularity` of the features behind a Gram matrix."""
    return nc2_equiangularity(moments_from_gram(gram, labels, n_classes), global_mean=global_mean)


def nc2_angle_spread_from_gram(
    gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None, *, global_mean: GlobalMean = "classes"
) -> float:
    """:func:`~agop.collapse.nc2_angle_spread` of the features behind a Gram matrix."""
    return nc2_angle_spread(moments_from_gram(gram, labels, n_classes), global_mean=global_mean)


def gnc2_from_gram(
    gram: ArrayLike,
    labels: ArrayLike,
    n_classes: int | None = None,
    *,
    statistic: Literal["variance", "mean"] = "variance",
    global_mean: GlobalMean = "classes",
) -> float:
    """:func:`~agop.collapse.gnc2` of the features behind a Gram matrix."""
    return gnc2(moments_from_gram(gram, labels, n_classes), statistic=statistic, global_mean=global_mean)
