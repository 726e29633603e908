"""Solvers of shifted positive semi-definite systems: one interface, direct and iterative methods, and few centers."""

from agop.solvers.cholesky import Cholesky, CholeskyFactor
from agop.solvers.conjugate_gradient import ConjugateGradient
from agop.solvers.nystrom import Nystrom
from agop.solvers.panel_cholesky import PanelCholesky
from agop.solvers.panel_factor import PanelFactor
from agop.solvers.solver import DenseMatrix, ShiftedMatrix, Solution, Solver

__all__ = [
    "Cholesky",
    "CholeskyFactor",
    "ConjugateGradient",
    "DenseMatrix",
    "Nystrom",
    "PanelCholesky",
    "PanelFactor",
    "ShiftedMatrix",
    "Solution",
    "Solver",
]
