"""Kernels: hyper-parameters, values, and gradients."""

from agop.kernels.distances import euclidean_distances
from agop.kernels.kernel import Kernel
from agop.kernels.matrix import GramOperator
from agop.kernels.metric import Metric
from agop.kernels.product import ProductLaplace
from agop.kernels.radial import Gaussian, GeneralizedGaussian, Laplace, RadialKernel, weighted_gradients

__all__ = [
    "Gaussian",
    "GeneralizedGaussian",
    "GramOperator",
    "Kernel",
    "Laplace",
    "Metric",
    "ProductLaplace",
    "RadialKernel",
    "euclidean_distances",
    "weighted_gradients",
]
