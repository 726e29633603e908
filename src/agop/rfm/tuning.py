"""Kernel, bandwidth, ridge and power of the AGOP: what may be chosen, and the search among it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import torch
from sklearn.base import clone
from torch import Tensor

from agop.kernels import Kernel, Laplace, LeaveOneOutBandwidth, MedianDistance, Metric, ProductLaplace, named
from agop.rfm.powers import POWERS, Powers
from agop.rfm.samples import Samples, random_rows

__all__ = ["MEDIAN_ROWS", "RIDGES", "Candidate", "Setting", "candidates_for"]

RIDGES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0)
"""Ridges that are tried; kernels are 1 at distance 0, so that a ridge is a ratio of noise to signal."""

_FLAT = 1e-3
"""Relative excess over the smallest error within which the largest ridge is taken: it is the stabler one."""

MEDIAN_ROWS = 300
"""Rows whose distances give a median."""

_STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0), (-1, 1), (1, -1))
"""Steps over bandwidths and ridges from a setting to its neighbors."""


@dataclass(frozen=True)
class Setting:
    """Kernel and ridge of one iterate, and the power of the AGOP that is its metric.

    Attributes
    ----------
    kernel
        The kernel; its bandwidth is of no account where ``factor`` says what it is.
    ridge
        lambda.
    factor
        Bandwidth in multiples of the median distance between two rows at the metric of the iterate, or None.
    power
        Power s > 0 of the AGOP, see ``Powers``; of no account at iterate 0, which has no metric.
    smoothing
        Multiple of the identity that is added to the AGOP, over its largest entry, before the power. Reweighted least
        squares, which the recursion with a linear kernel is, lets it fall from iterate to iterate (Daubechies, DeVore,
        Fornasier, Güntürk 2010, Iteratively reweighted least squares minimization for sparse recovery): without it a
        direction that an iterate has lost does not come back.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> Setting(Laplace(), 0.1, factor=2.0).kernel_at(torch.tensor([[0.0], [1.0], [4.0]]), None)
    Laplace(bandwidth=6.0)
    """

    kernel: Kernel
    ridge: float
    factor: float | None = None
    power: float = 1.0
    smoothing: float = 0.0

    def metric(self, powers: Powers | None) -> Metric | None:
        """The metric that an AGOP makes; None without one."""
        return None if powers is None else powers.metric(self.power, self.smoothing)

    def kernel_at(self, inputs: Tensor, metric: Metric | None) -> Kernel:
        """The kernel with its bandwidth for inputs (n, d) at a metric, whose median is that of at most 300 rows."""
        if self.factor is None:
            return self.kernel
        rows = inputs[torch.linspace(0, len(inputs) - 1, min(len(inputs), MEDIAN_ROWS), device=inputs.device).long()]
        rows = rows.double() if metric is None else metric.map(rows.double(), rows.double().mean(0))
        return self.with_median(self.kernel.median_distance(rows))

    def with_median(self, median: float) -> Kernel:
        """The kernel where the median distance is known."""
        if self.factor is None:
            return self.kernel
        kernel = copy(self.kernel)
        kernel.bandwidth = self.factor * median
        return kernel


@dataclass(frozen=True)
class Candidate:
    """A kernel with what may be chosen of it, and the kind of its metric.

    Attributes
    ----------
    kernel
        Kernel; its bandwidth is a number, or the rule ``LeaveOneOutBandwidth``.
    diagonal
        Whether the metric is the diagonal of the AGOP only.
    ridges, powers
        Increasing ridges, and powers of the AGOP.

    Examples
    --------
    >>> candidate = Candidate(Laplace(LeaveOneOutBandwidth()))
    >>> setting = candidate.search(lambda s: (s.ridge - 0.3) ** 2 + (s.factor - 8) ** 2)
    >>> setting.ridge, setting.factor
    (0.3, 8.0)
    """

    kernel: Kernel
    diagonal: bool = False
    ridges: tuple[float, ...] = RIDGES
    powers: tuple[float, ...] = (1.0,)

    @property
    def factors(self) -> tuple[float | None, ...]:
        """Bandwidths to choose from, in multiples of the median distance; None alone keeps that of the kernel."""
        rule = self.kernel.bandwidth
        return rule.factors if isinstance(rule, LeaveOneOutBandwidth) else (None,)

    @property
    def only(self) -> Setting | None:
        """The setting where nothing is to be chosen, else None."""
        one = len(self.ridges) == len(self.factors) == len(self.powers) == 1
        return Setting(self.kernel, self.ridges[0], self.factors[0], self.powers[0]) if one else None

    def search(
        self, error: Callable[[Setting], float], start: Setting | None = None, *, learned: bool = False
    ) -> Setting:
        """A setting whose neighbors have larger errors, with the largest ridge within 0.1 % of its error.

        Downhill on the grid of bandwidths and ridges from ``start``, or from the middle, along each line as far as it
        falls; a larger bandwidth with a smaller ridge, which is nearly the same fit, is a neighbor too. With a metric
        that was ``learned`` the power that is best at the start comes first; without one all powers are the same.
        """
        error = cache(error)
        ridges, factors = self.ridges, self.factors
        best = start or Setting(
            self.kernel, ridges[len(ridges) // 2], factors[(len(factors) - 1) // 2], self.powers[-1]
        )
        if learned:
            best = min((replace(best, power=power) for power in self.powers), key=error)
        last = None
        while best != last:
            last = best
            for step in _STEPS:
                while (further := self._moved(best, *step)) is not None and error(further) < error(best):
                    best = further
        bound = (1 + _FLAT) * error(best)
        while (further := self._moved(best, 0, 1)) is not None and error(further) <= bound:
            best = further
        return best

    def _moved(self, setting: Setting, up: int, right: int) -> Setting | None:
        """The setting so many bandwidths and ridges further, if there is one."""
        factor, ridge = self.factors.index(setting.factor) + up, self.ridges.index(setting.ridge) + right
        if not (0 <= factor < len(self.factors) and 0 <= ridge < len(self.ridges)):
            return None
        return replace(setting, factor=self.factors[factor], ridge=self.ridges[ridge])


def candidates_for(
    kernel: Kernel | str | None,
    ridge: float | Literal["loo"],
    power: float | Literal["loo"],
    diagonal: bool | None,
    samples: Samples,
    random_state: Any,
) -> list[Candidate]:
    """Kernels to choose from for distinct samples; the parameters are those of ``RFMRegressor``.

    Ridges are multiples of the mean weight at an input: the choice does not depend on the unit of weights.

    Raises
    ------
    InputError
        If a hyper-parameter of the kernel is out of range.
    """
    unit = samples.weights.mean().item()
    ridges = tuple(factor * unit for factor in RIDGES) if ridge == "loo" else (float(ridge),)
    powers = POWERS if power == "loo" else (float(power),)
    rule = LeaveOneOutBandwidth()
    if kernel is None:
        some = [Laplace(rule), ProductLaplace(rule)]
    else:
        some = [named(kernel, bandwidth=rule) if isinstance(kernel, str) else clone(kernel)]
    for each in some:
        if isinstance(each.bandwidth, MedianDistance):
            rows = random_rows(len(samples), MEDIAN_ROWS, random_state).to(samples.group)
            each.set_params(bandwidth=each.median_distance(samples.inputs[rows]))
        if isinstance(each.bandwidth, LeaveOneOutBandwidth):
            each.median_distance(samples.inputs[:2])  # says so at once if that is not possible
        else:
            each.check()
    return [Candidate(each, each.default_diagonal if diagonal is None else diagonal, ridges, powers) for each in some]
