"""The measures of collapse that are one number, by name: those of class moments, and those of a classifier too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

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
from agop.collapse.nc3 import nc3_etf_error, nc3_self_duality, unc3
from agop.inputs import ArrayLike
from agop.moments import ClassMoments

__all__ = ["OF_CLASSIFIER", "OF_MOMENTS"]

OF_MOMENTS: Mapping[str, Callable[[ClassMoments], float]] = MappingProxyType(
    {
        "within_total_ratio": within_total_ratio,
        "between_total_ratio": between_total_ratio,
        "between_total_ratio_beaglehole2024": between_total_ratio_beaglehole2024,
        "nc1_trace_ratio": nc1_trace_ratio,
        "nc1_trace_ratio_beaglehole2024": nc1_trace_ratio_beaglehole2024,
        "nc1_pinv": nc1_pinv,
        "nc1_cdnv": nc1_cdnv,
        "nc2_gram_mse": nc2_gram_mse,
        "nc2_etf_error": nc2_etf_error,
        "nc2_equinorm": nc2_equinorm,
        "nc2_equiangularity": nc2_equiangularity,
        "nc2_angle_spread": nc2_angle_spread,
        "gnc2_variance": gnc2,
        "gnc2_mean": partial(gnc2, statistic="mean"),
    }
)
"""Functions of class moments; NC1 by the pseudo-inverse needs their pooled scatter."""

OF_CLASSIFIER: Mapping[str, Callable[[ClassMoments, ArrayLike], float]] = MappingProxyType(
    {
        "nc3_self_duality": nc3_self_duality,
        "nc3_etf_error": nc3_etf_error,
        "unc3": unc3,
        "unc3_cosine": partial(unc3, cosine=True),
    }
)
"""Functions of class moments and the weight (C, d) of the classifier on the same features."""
