"""Kernel ridge regression: a frozen predictor, its fit, and what the fit will cost."""

from agop.kernel_machine.cost import SolvePlan, cheapest_solver, multiply_adds_per_second, solve_plan
from agop.kernel_machine.fit import Fit, fit_kernel_machine
from agop.kernel_machine.machine import KernelMachine

__all__ = [
    "Fit",
    "KernelMachine",
    "SolvePlan",
    "cheapest_solver",
    "fit_kernel_machine",
    "multiply_adds_per_second",
    "solve_plan",
]
