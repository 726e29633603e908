"""Solvers: a configuration, and the factorisation or solution it returns."""

from agop.solvers.cholesky import Cholesky, CholeskyFactor
from agop.solvers.conjugate_gradient import ConjugateGradient

__all__ = ["Cholesky", "CholeskyFactor", "ConjugateGradient"]
