"""Average gradient outer product: what a model learned, and why its classes collapse.

The average gradient outer product (AGOP) of a predictor f with Jacobian J at the samples x_1 .. x_n is
(1/n) sum_i J(x_i)^T J(x_i). It says which directions of the input f depends on. The package measures it,
measures neural collapse, and builds kernel machines that learn features through it.

Here are the names that most people need; all others are in the modules: ``agop.collapse.nc1_pinv``.
"""

from __future__ import annotations

from agop import collapse, datasets, kernels, theory
from agop.collapse import Collapse
from agop.conv_rfm import ConvRFMClassifier, patch_agop
from agop.datasets import shard
from agop.deep_rfm import DeepRFMClassifier
from agop.estimator import load, save
from agop.kernel_machine import KernelMachine
from agop.kernels import Gaussian, Laplace, ProductLaplace
from agop.moments import ClassMoments
from agop.network import NetworkRecord, Rademacher, Tracker, measure, nfa_correlation
from agop.outer_product import OuterProduct, average_gradient_outer_product, kernel_agop
from agop.report import report
from agop.rfm import RFMClassifier, RFMRegressor, TreeRFMClassifier, TreeRFMRegressor
from agop.tables import Explanation, TableEncoder, explain, table_pipeline

__version__ = "0.1.0"

__all__ = [  # noqa: RUF022 - grouped by use
    "__version__",
    # modules
    "collapse",
    "datasets",
    "kernels",
    "theory",
    # measure a network
    "Collapse",
    "NetworkRecord",
    "Rademacher",
    "Tracker",
    "measure",
    "nfa_correlation",
    "report",
    "shard",
    # values that merge
    "ClassMoments",
    "OuterProduct",
    "average_gradient_outer_product",
    # models
    "ConvRFMClassifier",
    "DeepRFMClassifier",
    "RFMClassifier",
    "RFMRegressor",
    "TreeRFMClassifier",
    "TreeRFMRegressor",
    "load",
    "save",
    # tables
    "Explanation",
    "TableEncoder",
    "explain",
    "table_pipeline",
    # kernels
    "Gaussian",
    "KernelMachine",
    "Laplace",
    "ProductLaplace",
    "kernel_agop",
    "patch_agop",
]
