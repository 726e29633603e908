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

    Examples
    --------
    >>> import numpy as np
    >>> from agop import Laplace, RFMRegressor
    >>> x = np.linspace(0, 1, 41)[:, None]
    >>> model = RFMRegressor(Laplace(LeaveOneOutBandwidth((1.0, 2.0))), n_iterations=0).fit(x, x[:, 0] ** 2)
    >>> round(model.bandwidth_, 1)  # 2 x 0.3, the median distance
    0.6
    """

    factors: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


Bandwidth: TypeAlias = float | MedianDistance | LeaveOneOutBandwidth
"""A number, or a rule that the RFM estimators resolve."""
