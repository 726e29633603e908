"""Kernels: hyper-parameters, values, and gradients."""

from agop.kernels.bandwidth import LeaveOneOutBandwidth, MedianDistance
from agop.kernels.distances import euclidean_distances
from agop.kernels.inner_product import Exponential, InnerProductKernel, Polynomial
from agop.kernels.kernel import Kernel
from agop.kernels.matrix import KernelMatrix
from agop.kernels.metric import Metric
from agop.kernels.named import KERNELS, named
from agop.kernels.product import ProductLaplace
from agop.kernels.radial import Gaussian, GeneralizedGaussian, Laplace, RadialKernel, weighted_gradients

__all__ = [
    "KERNELS",
    "Exponential",
    "Gaussian",
    "GeneralizedGaussian",
    "InnerProductKernel",
    "Kernel",
    "KernelMatrix",
    "Laplace",
    "LeaveOneOutBandwidth",
    "MedianDistance",
    "Metric",
    "Polynomial",
    "ProductLaplace",
    "RadialKernel",
    "euclidean_distances",
    "named",
    "weighted_gradients",
]
