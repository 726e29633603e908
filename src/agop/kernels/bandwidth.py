"""Rules for a bandwidth that depends on the data: objects in the place of a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from agop.storable import storable

__all__ = ["Bandwidth", "LeaveOneOutBandwidth", "MedianDistance"]


@storable
@dataclass(frozen=True)
class MedianDistance:
    """Bandwidth L that is the median distance between two of the rows of a fit, in the norm of the kernel.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> Laplace(MedianDistance())
    Laplace(bandwidth=MedianDistance())
    """


@storable
@dataclass(frozen=True)
class LeaveOneOutBandwidth:
    """Bandwidth L with the smallest leave-one-out error, chosen anew at each iterate of a recursion.

    Attributes
    ----------
    factors
        Increasing multiples, to choose from, of the median distance between two rows at the metric of the iterate.
    """

    factors: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


Bandwidth: TypeAlias = float | MedianDistance | LeaveOneOutBandwidth
"""A number, or a rule that the RFM estimators resolve."""
