"""Cholesky factorisation of kernel matrices, with bounded rescue when they are numerically singular."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from agop.errors import InputError, JitterWarning, NotPositiveDefiniteError
from agop.storable import storable

__all__ = ["Cholesky", "CholeskyFactor"]


@dataclass(frozen=True)
class CholeskyFactor:
    """The factorisation K + jitter I = L L^T.

    Attributes
    ----------
    lower
        L, (n, n) lower triangular.
    jitter
        What was added to the diagonal beyond the caller's ridge; 0.0 in the regular case.
    """

    lower: Tensor
    jitter: float

    def solve(self, targets: Tensor) -> Tensor:
        """Solve (K + jitter I) A = Y for Y of shape (n, C), in the precision of the factor."""
        half = torch.linalg.solve_triangular(self.lower, targets.to(self.lower.dtype), upper=False)
        solution: Tensor = torch.linalg.solve_triangular(self.lower.mT, half, upper=True)
        return solution


@storable
@dataclass(frozen=True)
class Cholesky:
    r"""Direct solver for symmetric positive definite systems: n^3/3 multiply-adds, n^2 memory.

    A float32 matrix that is not positive definite, or whose smallest pivot leaves its coefficients fewer
    than three digits, is built again in float64. If that is singular too, multiples of the identity are
    added, from the rounding level of float64 up to ``max_jitter`` times the mean diagonal, with a warning;
    then it raises.

    Parameters
    ----------
    max_jitter
        Largest relative jitter that is tried.

    Examples
    --------
    >>> gram = torch.tensor([[2.0, 1.0], [1.0, 2.0]])
    >>> Cholesky().factorise(lambda dtype: gram.to(dtype), torch.float64).solve(torch.ones(2, 1))
    tensor([[0.3333],
            [0.3333]], dtype=torch.float64)
    """

    max_jitter: float = 1e-8

    def factorise(self, build: Callable[[torch.dtype], Tensor], dtype: torch.dtype) -> CholeskyFactor:
        """Factorise the matrix that ``build(dtype)`` returns; it is overwritten.

        Asking for the matrix instead of taking it keeps one n x n array in memory, not two, and lets a
        rescue in float64 start from the data rather than from rounded entries.

        Raises
        ------
        InputError
            If the matrix is not finite.
        NotPositiveDefiniteError
            If the largest jitter does not help.

        Warns
        -----
        JitterWarning
            If a jitter was needed.
        """
        lower = _attempt(build(dtype))
        if dtype != torch.float64 and (lower is None or _digits_lost(lower)):
            lower = None  # free it before the next one is built
            lower = _attempt(build(torch.float64))
        if lower is not None:
            return CholeskyFactor(lower, 0.0)
        relative = torch.finfo(torch.float64).eps
        while relative <= self.max_jitter:
            matrix = build(torch.float64)
            jitter = relative * matrix.diagonal().mean().item()
            matrix.diagonal().add_(jitter)
            if (lower := _attempt(matrix)) is not None:
                message = f"the kernel matrix is singular; added {jitter:.1e} to its diagonal. Set a ridge."
                warnings.warn(message, JitterWarning, stacklevel=3)
                return CholeskyFactor(lower, jitter)
            relative *= 10
        raise NotPositiveDefiniteError(
            "a positive definite kernel matrix",
            f"one that stays indefinite with {self.max_jitter:.0e} of its mean diagonal added",
            "Set a larger ridge, or look for repeated samples or a bandwidth that is far too large.",
        )


def _attempt(matrix: Tensor) -> Tensor | None:
    """Factor in place of a symmetric row-major matrix, or None if it is not positive definite."""
    if not torch.isfinite(matrix.sum()):
        raise InputError("a finite kernel matrix", "NaN or infinity", "Check the data and the bandwidth.")
    column_major = matrix.mT
    info = torch.empty((), dtype=torch.int32, device=matrix.device)
    torch.linalg.cholesky_ex(column_major, out=(column_major, info))
    return column_major if info.item() == 0 else None


def _digits_lost(lower: Tensor) -> bool:
    """Whether the smallest pivot is known to fewer than three digits."""
    pivots = lower.diagonal().square()
    return bool(pivots.min() < 1e3 * torch.finfo(lower.dtype).eps * pivots.max())
