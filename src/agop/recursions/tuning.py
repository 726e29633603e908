"""Bandwidth and ridge by leave-one-out in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from sklearn.base import clone
from torch import Tensor

from agop.errors import InputError
from agop.kernels import Kernel, Metric, ProductLaplace, RadialKernel, euclidean_distances
from agop.recursions.left_out import DistinctSamples
from agop.solvers.spectral import SpectralFactor

__all__ = ["BANDWIDTH_FACTORS", "RIDGES", "LeaveOneOutTuner", "Tuned"]

BANDWIDTH_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Bandwidths that may be chosen, in multiples of the median distance between two rows."""

RIDGES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0)
"""Ridges that are tried; kernels are 1 at distance 0, so that a ridge is a ratio of noise to signal."""

_FLAT = 1e-3
"""Relative excess over the smallest error within which the largest ridge is taken: it is the stabler one."""


@dataclass(frozen=True)
class Tuned:
    """What leave-one-out chose at one metric.

    Attributes
    ----------
    kernel
        The kernel with its bandwidth.
    ridge
        lambda.
    error
        Weighted mean, over samples and outputs, of the squared left-out residuals of single samples.
    """

    kernel: Kernel
    ridge: float
    error: float


@dataclass(frozen=True)
class LeaveOneOutTuner:
    """Bandwidth and ridge of kernel ridge regression as a function of the metric.

    Each bandwidth costs an eigendecomposition, after which a ridge costs two products with a vector; so the rows should
    be a random subset of a large data set. The ridge is a ratio of noise to signal: it does not depend on their number.

    Attributes
    ----------
    samples
        On which errors are compared.
    kernel
        Kernel whose bandwidth is to be chosen.
    bandwidth_factors
        Increasing multiples of the median distance between two rows, at the metric; None keeps the kernel's own
        bandwidth.
    ridges
        Ridges to choose from.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> x = torch.linspace(0, 1, 40, dtype=torch.float64)[:, None]
    >>> samples = DistinctSamples(x, torch.sin(6 * x), *torch.ones(2, 40), torch.zeros(40))
    >>> tuned = LeaveOneOutTuner(samples, Laplace("loo"))(None)
    >>> tuned.ridge, tuned.error < 1e-3
    (0.0001, True)
    """

    samples: DistinctSamples
    kernel: Kernel
    bandwidth_factors: Sequence[float] | None = BANDWIDTH_FACTORS
    ridges: Sequence[float] = RIDGES

    def __call__(self, metric: Metric | None) -> Tuned:
        """A bandwidth whose neighbours have larger errors, and the largest ridge with an error within 0.1 % of its."""
        points = self.samples.inputs.double()
        points = points if metric is None else metric.map(points, points.mean(0))
        if self.bandwidth_factors is None:
            return self._at(points, self.kernel)
        middle = median_distance(self.kernel, points)

        @cache
        def tuned(index: int) -> Tuned:
            return self._at(points, clone(self.kernel).set_params(bandwidth=factors[index] * middle))

        factors = self.bandwidth_factors
        best = (len(factors) - 1) // 2
        while True:  # downhill, which ends since errors fall
            near = [index for index in (best, best - 1, best + 1) if 0 <= index < len(factors)]
            if (lowest := min(near, key=lambda index: tuned(index).error)) == best:
                return tuned(best)
            best = lowest

    def _at(self, points: Tensor, kernel: Kernel) -> Tuned:
        samples, factor = self.samples, SpectralFactor.of(kernel(points), self.samples.weights)
        errors = [samples.error(*factor.solve(samples.targets, ridge), ridge) for ridge in self.ridges]
        good = [ridge for ridge, error in zip(self.ridges, errors, strict=True) if error <= (1 + _FLAT) * min(errors)]
        return Tuned(kernel, max(good), min(errors))


def median_distance(kernel: Kernel, points: Tensor) -> float:
    """Median distance between two of the points (n, d), in the norm of the kernel.

    Raises
    ------
    InputError
        If there is a single point, all are equal, or the kernel has no known distance.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> median_distance(Laplace(), torch.tensor([[0.0], [1.0], [4.0]]))
    3.0
    """
    if not isinstance(kernel, RadialKernel | ProductLaplace):
        got = type(kernel).__name__
        raise InputError("a kernel of agop for a bandwidth of 'loo' or 'median'", got, "Set a number.")
    if len(points) < 2:
        raise InputError("two distinct samples to choose a bandwidth", "one", "Set a number.")
    points = points.double()
    distances = euclidean_distances(points) if isinstance(kernel, RadialKernel) else torch.cdist(points, points, p=1)
    first, second = torch.triu_indices(len(points), len(points), offset=1, device=points.device)
    pairs = distances[first, second]
    return pairs[pairs > 0].median().item() if (pairs > 0).any() else 1.0
