"""Public names, and the module of each, which is imported when the name is first used."""

from .bandwidth import LeaveOneOutBandwidth as LeaveOneOutBandwidth
from .bandwidth import MedianDistance as MedianDistance
from .distances import euclidean_distances as euclidean_distances
from .inner_product import Exponential as Exponential
from .inner_product import InnerProductKernel as InnerProductKernel
from .inner_product import Polynomial as Polynomial
from .kernel import Kernel as Kernel
from .matrix import KernelMatrix as KernelMatrix
from .metric import Metric as Metric
from .named import KERNELS as KERNELS
from .named import named as named
from .product import ProductLaplace as ProductLaplace
from .radial import Gaussian as Gaussian
from .radial import GeneralizedGaussian as GeneralizedGaussian
from .radial import Laplace as Laplace
from .radial import RadialKernel as RadialKernel
from .radial import weighted_gradients as weighted_gradients
