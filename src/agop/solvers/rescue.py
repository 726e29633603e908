"""What a factorization tries where a matrix is numerically singular: more digits, then a bounded jitter."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from agop.errors import JitterWarning, NotPositiveDefiniteError

__all__ = ["Attempt", "first_factor"]


class Factor(Protocol):
    """A factorization."""

    @property
    def pivots(self) -> Tensor:
        """(n,) diagonal of the triangular factor."""


AnyFactor = TypeVar("AnyFactor", bound=Factor)

Attempt = Callable[[torch.dtype, float], AnyFactor | None]
"""Factor of A + jitter I in some data type, or None where that is not positive definite."""


def first_factor(
    attempt: Attempt[AnyFactor], dtype: torch.dtype, scale: Callable[[], float], max_jitter: float
) -> tuple[AnyFactor, float]:
    """The first factor that serves, and its jitter.

    Tried are ``dtype``, whose smallest pivot must have three digits; float64; and float64 with multiples of the
    identity from its rounding level up to ``max_jitter``, each ten times the last. One factor is kept at a time.

    Parameters
    ----------
    attempt
        Function of the data type and the jitter.
    dtype
        Data type of the first attempt.
    scale
        Function that gives the mean diagonal of A, in units of which the jitter is.
    max_jitter
        Largest jitter that is tried, relative to ``scale``.

    Raises
    ------
    NotPositiveDefiniteError
        If the largest jitter does not help.

    Warns
    -----
    JitterWarning
        If a jitter was needed.
    """
    factor = attempt(dtype, 0.0)
    if dtype != torch.float64 and (factor is None or _digits_lost(factor.pivots)):
        factor = None  # free it before the next one is built
        factor = attempt(torch.float64, 0.0)
    if factor is not None:
        return factor, 0.0
    relative = torch.finfo(torch.float64).eps
    while relative <= max_jitter:
        jitter = relative * scale()
        if (factor := attempt(torch.float64, jitter)) is not None:
            message = f"the kernel matrix is singular; added {jitter:.1e} to its diagonal. Set a ridge."
            warnings.warn(message, JitterWarning, stacklevel=4)
            return factor, jitter
        relative *= 10
    raise NotPositiveDefiniteError(
        "a positive definite kernel matrix",
        f"one that stays indefinite with {max_jitter:.0e} of its mean diagonal added",
        "Set a larger ridge, or look for repeated samples or a bandwidth that is far too large.",
    )


def _digits_lost(pivots: Tensor) -> bool:
    """Whether the smallest pivot is known to fewer than three digits."""
    squares = pivots.square()
    return bool(squares.min() < 1e3 * torch.finfo(pivots.dtype).eps * squares.max())
