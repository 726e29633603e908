"""Solvers of shifted positive semi-definite systems: one interface, a direct and an iterative method."""

from agop.solvers.cholesky import Cholesky, CholeskyFactor
from agop.solvers.conjugate_gradient import ConjugateGradient
from agop.solvers.panel_cholesky import PanelCholesky, PanelFactor
from agop.solvers.solver import DenseMatrix, ShiftedMatrix, Solution, Solver

__all__ = [
    "Cholesky",
    "CholeskyFactor",
    "ConjugateGradient",
    "DenseMatrix",
    "PanelCholesky",
    "PanelFactor",
    "ShiftedMatrix",
    "Solution",
    "Solver",
]
