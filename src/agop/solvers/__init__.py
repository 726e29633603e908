"""Solvers: a configuration, and the factorisation it returns."""

from agop.solvers.cholesky import Cholesky, CholeskyFactor

__all__ = ["Cholesky", "CholeskyFactor"]
