"""Average gradient outer products: of any function, of a kernel machine, of gradients that stream."""

from agop.outer_product.centered import centered_agop, mean_gradients
from agop.outer_product.function import average_gradient_outer_product
from agop.outer_product.kernel import KernelAGOP, kernel_agop, normalized_agop
from agop.outer_product.plan import AGOPPlan
from agop.outer_product.value import OuterProduct

__all__ = [
    "AGOPPlan",
    "KernelAGOP",
    "OuterProduct",
    "average_gradient_outer_product",
    "centered_agop",
    "kernel_agop",
    "mean_gradients",
    "normalized_agop",
]
