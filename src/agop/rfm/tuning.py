"""Bandwidth and ridge: what may be chosen, and the search among it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from sklearn.base import clone
from torch import Tensor

from agop.kernels import Kernel, LeaveOneOutBandwidth, Metric

__all__ = ["BANDWIDTH_FACTORS", "RIDGES", "Setting", "Tuner"]

BANDWIDTH_FACTORS = LeaveOneOutBandwidth().factors
"""Bandwidths that may be chosen, in multiples of the median distance between two rows."""

RIDGES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0)
"""Ridges that are tried; kernels are 1 at distance 0, so that a ridge is a ratio of noise to signal."""

_FLAT = 1e-3
"""Relative excess over the smallest error within which the largest ridge is taken: it is the stabler one."""

_ROWS = 1000
"""Rows whose distances give a median."""


@dataclass(frozen=True)
class Setting:
    """Kernel and ridge of one iterate.

    Attributes
    ----------
    kernel
        The kernel; its bandwidth is of no account where ``factor`` says what it is.
    ridge
        lambda.
    factor
        Bandwidth in multiples of the median distance between two rows at the metric of the iterate, or None.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> Setting(Laplace(), 0.1, factor=2.0).kernel_at(torch.tensor([[0.0], [1.0], [4.0]]), None)
    Laplace(bandwidth=6.0)
    """

    kernel: Kernel
    ridge: float
    factor: float | None = None

    def kernel_at(self, inputs: Tensor, metric: Metric | None) -> Kernel:
        """The kernel with its bandwidth for inputs (n, d) at a metric, whose median is that of at most 1,000 rows."""
        if self.factor is None:
            return self.kernel
        rows = inputs[torch.linspace(0, len(inputs) - 1, min(len(inputs), _ROWS), device=inputs.device).long()]
        rows = rows.double() if metric is None else metric.map(rows.double(), rows.double().mean(0))
        return self.with_median(self.kernel.median_distance(rows))

    def with_median(self, median: float) -> Kernel:
        """The kernel where the median distance is known."""
        return self.kernel if self.factor is None else clone(self.kernel).set_params(bandwidth=self.factor * median)


@dataclass(frozen=True)
class Tuner:
    """What may be chosen at an iterate.

    Attributes
    ----------
    kernel
        Kernel whose bandwidth is to be chosen.
    factors
        Increasing multiples of the median distance between two rows, at the metric; None keeps the kernel's own
        bandwidth.
    ridges
        Increasing ridges.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> setting = Tuner(Laplace()).search(lambda s: (s.ridge - 0.3) ** 2 + (s.factor - 8) ** 2)
    >>> setting.ridge, setting.factor
    (0.3, 8.0)
    """

    kernel: Kernel
    factors: tuple[float, ...] | None = BANDWIDTH_FACTORS
    ridges: tuple[float, ...] = RIDGES

    @property
    def choices(self) -> int:
        """Number of settings."""
        return len(self.ridges) * (1 if self.factors is None else len(self.factors))

    @property
    def first(self) -> Setting:
        """The first setting, which is the only one where nothing is to be chosen."""
        return Setting(self.kernel, self.ridges[0], None if self.factors is None else self.factors[0])

    def search(self, error: Callable[[Setting], float], start: Setting | None = None) -> Setting:
        """A setting whose neighbors have larger errors, with the largest ridge within 0.1 % of its error.

        Downhill over the bandwidths, and at each of them over the ridges, from ``start`` or the middle.
        """
        factors: tuple[float | None, ...] = (None,) if self.factors is None else self.factors
        ridge_of: dict[int, int] = {}
        begin = (len(factors) - 1) // 2, len(self.ridges) // 2
        if start is not None:
            begin = factors.index(start.factor), self.ridges.index(start.ridge)

        @cache
        def at(factor: int, ridge: int) -> float:
            return error(Setting(self.kernel, self.ridges[ridge], factors[factor]))

        @cache
        def best_ridge_error(factor: int) -> float:
            near = min(ridge_of, key=lambda other: abs(other - factor)) if ridge_of else None
            first = begin[1] if near is None else ridge_of[near]
            ridge_of[factor] = _downhill(lambda ridge: at(factor, ridge), first, len(self.ridges))
            return at(factor, ridge_of[factor])

        factor = _downhill(best_ridge_error, begin[0], len(factors))
        ridge = ridge_of[factor]
        bound = (1 + _FLAT) * at(factor, ridge)
        while ridge + 1 < len(self.ridges) and at(factor, ridge + 1) <= bound:
            ridge += 1
        return Setting(self.kernel, self.ridges[ridge], factors[factor])


def _downhill(error: Callable[[int], float], start: int, n: int) -> int:
    """From an index to one below both of its neighbors; errors fall, so it ends."""
    best = start
    while True:
        near = [index for index in (best, best - 1, best + 1) if 0 <= index < n]
        if (lowest := min(near, key=error)) == best:
            return best
        best = lowest
