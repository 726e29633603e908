"""Public names, and the module of each, which is imported when the name is first used."""

from .centered import centered_agop as centered_agop
from .centered import mean_gradients as mean_gradients
from .function import average_gradient_outer_product as average_gradient_outer_product
from .kernel import KernelAGOP as KernelAGOP
from .kernel import kernel_agop as kernel_agop
from .kernel import normalized_agop as normalized_agop
from .plan import AGOPPlan as AGOPPlan
from .value import OuterProduct as OuterProduct
