"""Neural collapse, NC1 to NC5: pure functions of class moments, or of a Gram matrix, to numbers.

NC1: the samples of a class come together. NC2: the class means become a simplex equiangular tight frame. NC3: the
classifier aligns with them. NC4: it decides by the nearest class mean. NC5: other samples become orthogonal to them.
"""

from __future__ import annotations

from agop.collapse.collapse import Collapse
from agop.collapse.gram import (
    between_total_ratio_beaglehole2024_from_gram,
    between_total_ratio_from_gram,
    gnc2_from_gram,
    nc1_cdnv_from_gram,
    nc1_pinv_from_gram,
    nc1_trace_ratio_beaglehole2024_from_gram,
    nc1_trace_ratio_from_gram,
    nc2_angle_spread_from_gram,
    nc2_equiangularity_from_gram,
    nc2_equinorm_from_gram,
    nc2_etf_error_from_gram,
    nc2_gram_mse_from_gram,
    within_total_ratio_from_gram,
)
from agop.collapse.gram_classifier import (
    nc3_etf_error_from_gram,
    nc3_self_duality_by_class_from_gram,
    nc3_self_duality_from_gram,
    nc4_agreement_from_gram,
    nc5_orthogonality_from_gram,
    unc3_from_gram,
)
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
from agop.collapse.nc3 import nc3_etf_error, nc3_self_duality, nc3_self_duality_by_class, unc3
from agop.collapse.nc4 import nc4_agreement
from agop.collapse.nc5 import nc5_orthogonality

__all__ = [
    "Collapse",
    "between_total_ratio",
    "between_total_ratio_beaglehole2024",
    "between_total_ratio_beaglehole2024_from_gram",
    "between_total_ratio_from_gram",
    "gnc2",
    "gnc2_from_gram",
    "moments_from_gram",
    "nc1_cdnv",
    "nc1_cdnv_from_gram",
    "nc1_pinv",
    "nc1_pinv_from_gram",
    "nc1_trace_ratio",
    "nc1_trace_ratio_beaglehole2024",
    "nc1_trace_ratio_beaglehole2024_from_gram",
    "nc1_trace_ratio_from_gram",
    "nc2_angle_spread",
    "nc2_angle_spread_from_gram",
    "nc2_equiangularity",
    "nc2_equiangularity_from_gram",
    "nc2_equinorm",
    "nc2_equinorm_from_gram",
    "nc2_etf_error",
    "nc2_etf_error_from_gram",
    "nc2_gram_mse",
    "nc2_gram_mse_from_gram",
    "nc3_etf_error",
    "nc3_etf_error_from_gram",
    "nc3_self_duality",
    "nc3_self_duality_by_class",
    "nc3_self_duality_by_class_from_gram",
    "nc3_self_duality_from_gram",
    "nc4_agreement",
    "nc4_agreement_from_gram",
    "nc5_orthogonality",
    "nc5_orthogonality_from_gram",
    "unc3",
    "unc3_from_gram",
    "within_total_ratio",
    "within_total_ratio_from_gram",
]
