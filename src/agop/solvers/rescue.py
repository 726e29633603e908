"""What a factorization tries where a matrix is numerically singular: more digits, then a bounded jitter."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from agop.errors import JitterWarning, NotPositiveDefiniteError

__all__ = ["Attempt", "first_factor"]

_SURE = {torch.float32: 1e3, torch.float64: 10}
"""Rounding errors of its own that the square of a pivot must exceed: three digits, or one where there are no more."""


class Factor(Protocol):
    """A factorization."""

    @property
    def pivots(self) -> Tensor:
        """(n,) diagonal of the triangular factor."""


AnyFactor = TypeVar("AnyFactor", bound=Factor)

Attempt = Callable[[torch.dtype, float], AnyFactor | None]
"""Factor of A + jitter I in some data type, or None where that is not positive definite."""


def first_factor(
    attempt: Attempt[AnyFactor], dtype: torch.dtype, diagonal: Tensor, max_jitter: float
) -> tuple[AnyFactor, float]:
    """The first factor that serves, and its jitter.

    Tried are ``dtype``; float64; and float64 with multiples of the identity from its rounding level up to
    ``max_jitter``, each ten times the last. The square of a pivot, what is left of an entry of the diagonal, must have
    three digits in float32 and one in float64: less is rounding, of either sign, where the matrix is singular. One
    factor is kept at a time.

    Parameters
    ----------
    attempt
        Function of the data type and the jitter.
    dtype
        Data type of the first attempt.
    diagonal
        (n,) diagonal of A, float64; its mean is the unit of the jitter.
    max_jitter
        Largest jitter that is tried, in this unit.

    Raises
    ------
    NotPositiveDefiniteError
        If the largest jitter does not help.

    Warns
    -----
    JitterWarning
        If a jitter was needed.
    """

    def sure(dtype: torch.dtype, jitter: float) -> AnyFactor | None:
        factor = attempt(dtype, jitter)
        return None if factor is None or _digits_lost(factor.pivots, diagonal) else factor

    for precision in dict.fromkeys((dtype, torch.float64)):
        if (factor := sure(precision, 0.0)) is not None:
            return factor, 0.0
    relative, scale = torch.finfo(torch.float64).eps, diagonal.mean().item()
    while relative <= max_jitter:
        jitter = relative * scale
        if (factor := sure(torch.float64, jitter)) is not None:
            message = f"the kernel matrix is singular; added {jitter:.1e} to its diagonal. Set a ridge."
            warnings.warn(message, JitterWarning, stacklevel=4)
            return factor, jitter
        relative *= 10
    raise NotPositiveDefiniteError(
        "a positive definite kernel matrix",
        f"one that stays indefinite with {max_jitter:.0e} of its mean diagonal added",
        "Set a larger ridge, or look for repeated samples or a bandwidth that is far too large.",
    )


def _digits_lost(pivots: Tensor, diagonal: Tensor) -> bool:
    """Whether the square of a pivot is little more than the rounding of its entry of the diagonal."""
    rounding = torch.finfo(pivots.dtype).eps * diagonal
    return bool((pivots.double().square() < _SURE[pivots.dtype] * rounding).any())
