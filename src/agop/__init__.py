"""Average gradient outer product: what a model learned, and why its classes collapse.

The average gradient outer product (AGOP) of a predictor f with Jacobian J at the samples x_1 .. x_n is
(1/n) sum_i J(x_i)^T J(x_i). It says which directions of the input f depends on. The package measures it,
measures neural collapse, and builds kernel machines that learn features through it.
"""

from __future__ import annotations

from agop.collapse import Collapse
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
