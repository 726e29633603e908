"""Public names, and the module of each, which is imported when the name is first used."""

from .cost import SolvePlan as SolvePlan
from .cost import cheapest_solver as cheapest_solver
from .cost import multiply_adds_per_second as multiply_adds_per_second
from .cost import solve_plan as solve_plan
from .fit import Fit as Fit
from .fit import fit_kernel_machine as fit_kernel_machine
from .machine import KernelMachine as KernelMachine
