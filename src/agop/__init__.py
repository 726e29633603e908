"""Average gradient outer product: what a model learned, and why its classes collapse.

The average gradient outer product (AGOP) of a predictor f with Jacobian J at the samples x_1 .. x_n is
(1/n) sum_i J(x_i)^T J(x_i). It says which directions of the input f depends on. The package measures it,
measures neural collapse, and builds kernel machines that learn features through it.
"""

from __future__ import annotations

from agop.collapse import (
    Collapse,
    between_total_ratio,
    between_total_ratio_beaglehole2024,
    between_total_ratio_beaglehole2024_from_gram,
    between_total_ratio_from_gram,
    gnc2,
    gnc2_from_gram,
    nc1_cdnv,
    nc1_cdnv_from_gram,
    nc1_pinv,
    nc1_pinv_from_gram,
    nc1_trace_ratio,
    nc1_trace_ratio_beaglehole2024,
    nc1_trace_ratio_beaglehole2024_from_gram,
    nc1_trace_ratio_from_gram,
    nc2_angle_spread,
    nc2_angle_spread_from_gram,
    nc2_equiangularity,
    nc2_equiangularity_from_gram,
    nc2_equinorm,
    nc2_equinorm_from_gram,
    nc2_etf_error,
    nc2_etf_error_from_gram,
    nc2_gram_mse,
    nc2_gram_mse_from_gram,
    nc3_etf_error,
    nc3_etf_error_from_gram,
    nc3_self_duality,
    nc3_self_duality_by_class,
    nc3_self_duality_by_class_from_gram,
    nc3_self_duality_from_gram,
    nc4_agreement,
    nc4_agreement_from_gram,
    nc5_orthogonality,
    nc5_orthogonality_from_gram,
    unc3,
    unc3_from_gram,
    within_total_ratio,
    within_total_ratio_from_gram,
)
from agop.deep_rfm import (
    CosineFeatures,
    DeepRFMClassifier,
    GaussianCosineFeatures,
    LaplaceCosineFeatures,
    ReLUFeatures,
)
from agop.estimator import load, save
from agop.kernel_machine import KernelMachine, fit_kernel_machine
from agop.kernels import Gaussian, GeneralizedGaussian, Kernel, Laplace, Metric, ProductLaplace
from agop.moments import ClassMoments
from agop.network import (
    LayerRecord,
    NetworkRecord,
    Rademacher,
    Tracker,
    measure,
    network_agop,
    neural_feature_matrix,
    nfa_correlation,
)
from agop.outer_product import OuterProduct, average_gradient_outer_product, kernel_agop
from agop.report import report
from agop.rfm import RFMClassifier, RFMRegressor, TreeRFMClassifier, TreeRFMRegressor
from agop.solvers import Cholesky, ConjugateGradient
from agop.tables import Explanation, TableEncoder, explain, table_pipeline

__version__ = "0.1.0"

__all__ = [  # noqa: RUF022 - grouped by idea
    "__version__",
    # measure
    "ClassMoments",
    "Collapse",
    "LayerRecord",
    "NetworkRecord",
    "OuterProduct",
    "Rademacher",
    "Tracker",
    "measure",
    # collapse, from moments
    "between_total_ratio",
    "between_total_ratio_beaglehole2024",
    "gnc2",
    "nc1_cdnv",
    "nc1_pinv",
    "nc1_trace_ratio",
    "nc1_trace_ratio_beaglehole2024",
    "nc2_angle_spread",
    "nc2_equiangularity",
    "nc2_equinorm",
    "nc2_etf_error",
    "nc2_gram_mse",
    "nc3_etf_error",
    "nc3_self_duality",
    "nc3_self_duality_by_class",
    "nc4_agreement",
    "nc5_orthogonality",
    "unc3",
    "within_total_ratio",
    # collapse, from a Gram matrix
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
    "nc3_etf_error_from_gram",
    "nc3_self_duality_by_class_from_gram",
    "nc3_self_duality_from_gram",
    "nc4_agreement_from_gram",
    "nc5_orthogonality_from_gram",
    "unc3_from_gram",
    "within_total_ratio_from_gram",
    # explain
    "Explanation",
    "average_gradient_outer_product",
    "explain",
    "kernel_agop",
    "network_agop",
    "neural_feature_matrix",
    "nfa_correlation",
    "report",
    # kernels
    "Gaussian",
    "GeneralizedGaussian",
    "Kernel",
    "KernelMachine",
    "Laplace",
    "Metric",
    "ProductLaplace",
    "fit_kernel_machine",
    # solvers
    "Cholesky",
    "ConjugateGradient",
    # random features
    "CosineFeatures",
    "GaussianCosineFeatures",
    "LaplaceCosineFeatures",
    "ReLUFeatures",
    # build
    "DeepRFMClassifier",
    "RFMClassifier",
    "RFMRegressor",
    "TableEncoder",
    "TreeRFMClassifier",
    "TreeRFMRegressor",
    "load",
    "save",
    "table_pipeline",
]
