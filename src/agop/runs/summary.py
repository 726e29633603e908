"""Lines of a run's metrics.jsonl, summarized over seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from scipy import stats

from agop.runs.lines import Line

__all__ = ["BAND_SEEDS", "LEAST_FALL", "SeedSummary", "summarize_along", "summarize_seeds"]

LEAST_FALL = math.log(1.05)
"""Fall of the logarithm of a measure below which a share of it says nothing."""

BAND_SEEDS = 5
"""Seeds from which on an interval is drawn as a band; fewer are drawn one by one."""


@dataclass(frozen=True)
class SeedSummary:
    """A quantity over seeds.

    Attributes
    ----------
    mean
        Geometric mean of a positive quantity, or arithmetic mean.
    low, high
        95 % interval of it (Student's t for the mean, of the logarithms if it is geometric); equal to the mean
        for one seed.
    n_seeds
        Number of seeds.
    values
        (seed, value) of each.
    """

    mean: float
    low: float
    high: float
    n_seeds: int
    values: tuple[tuple[Any, float], ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def of(cls, values: Iterable[float] | Mapping[Any, float], *, log: bool = True) -> SeedSummary:
        """Summarize positive values by their logarithms, or any values as they are; a mapping is by seed.

        Examples
        --------
        >>> SeedSummary.of([1.0, 100.0]).mean, SeedSummary.of({3: 1.0, 4: 100.0}, log=False).mean
        (10.0, 50.5)
        """
        pairs = tuple(values.items() if isinstance(values, Mapping) else enumerate(values))
        found = np.array([value for _, value in pairs], dtype=np.float64)
        found = np.log10(found) if log else found
        mean, half = found.mean(), 0.0
        if len(found) > 1:
            half = _quantile(len(found) - 1) * found.std(ddof=1) / len(found) ** 0.5
        low, middle, high = (float(10 ** min(x, 308.0) if log else x) for x in (mean - half, mean, mean + half))
        return cls(middle, low, high, len(found), pairs)

    @classmethod
    def with_zeros(cls, values: Mapping[Any, float]) -> SeedSummary:
        """Summary of values that are not negative: of their logarithms, or a mean of 0 where one of them is 0.

        Examples
        --------
        >>> SeedSummary.with_zeros({0: 0.0, 1: 4.0})
        SeedSummary(mean=0.0, low=0.0, high=4.0, n_seeds=2)
        """
        if min(values.values()) > 0:
            return cls.of(values)
        return cls(0.0, 0.0, max(values.values()), len(values), tuple(values.items()))

    def change_to(self, after: SeedSummary, *, log: bool = True) -> SeedSummary | None:
        """Change seed by seed, of the seeds that both have: later less earlier value, or with ``log`` their log ratio.

        None if no seed has both.

        Examples
        --------
        >>> before, after = SeedSummary.of({0: 1.0, 1: 9.0}, log=False), SeedSummary.of({1: 10.0, 2: 0.0}, log=False)
        >>> before.change_to(after, log=False).mean
        1.0
        """
        start, end = dict(self.values), dict(after.values)
        pairs = {seed: (start[seed], end[seed]) for seed in start if seed in end}
        changes = {seed: math.log(b) - math.log(a) if log else b - a for seed, (a, b) in pairs.items()}
        return SeedSummary.of(changes, log=False) if changes else None

    @property
    def is_beyond_spread(self) -> bool:
        """Whether a change is more than its spread over seeds: 0 lies outside the interval.

        That of one seed is a point. That of two is too wide to say anything: their mean must exceed their distance.

        Examples
        --------
        >>> changes = [0.5], [0.5, 0.6], [0.5, 1.6], [0.5, 0.6, 0.4], [0.5, 1.6, 0.1]
        >>> [SeedSummary.of(each, log=False).is_beyond_spread for each in changes]
        [True, True, False, True, False]
        """
        if self.n_seeds == 2:
            (_, one), (_, other) = self.values
            return abs(self.mean) > abs(one - other)
        return self.low > 0 or self.high < 0

    def differs_from(self, other: SeedSummary) -> bool:
        """Whether the intervals of both lie apart; those of single seeds are points, since their spread is not known.

        Examples
        --------
        >>> one, other = SeedSummary.of([1.0, 2.0]), SeedSummary.of([3.0, 4.0])
        >>> one.differs_from(other), SeedSummary.of([1.0]).differs_from(SeedSummary.of([3.0]))
        (False, True)
        """
        return self.high < other.low or other.high < self.low


def summarize_along(lines: Iterable[Line], measure: str, along: str, *, log: bool = True) -> dict[Any, SeedSummary]:
    """Summaries of a measure by the values of a column, in the order in which they come.

    Values that are null, missing or not finite are left out, and with ``log`` those that are not positive.

    Examples
    --------
    >>> lines = [{"layer": 1, "nc1": 1.0}, {"layer": 1, "nc1": 4.0}, {"layer": 2, "nc1": None}]
    >>> {layer: summary.mean for layer, summary in summarize_along(lines, "nc1", "layer").items()}
    {1: 2.0}
    """
    found: dict[Any, dict[Any, float]] = defaultdict(dict)
    for line in lines:
        value = line.get(measure)
        if value is not None and math.isfinite(value) and (value > 0 or not log):
            of_place = found[line[along]]
            seed = line.get("seed")
            of_place[seed if seed not in of_place else (seed, len(of_place))] = value
    return {x: SeedSummary.of(values, log=log) for x, values in found.items()}


def summarize_seeds(
    lines: Iterable[Mapping[str, Any]], measure: str, *, log: bool = True
) -> dict[tuple[bool, str], dict[int, SeedSummary]]:
    """Summaries of a measure by layer, for every (control, stage).

    Values that are null, missing or not finite are left out, and with ``log`` those that are not positive.

    Examples
    --------
    >>> lines = [{"seed": s, "control": False, "layer": 1, "stage": "input", "nc1": 2.0} for s in (0, 1)]
    >>> summarize_seeds(lines, "nc1")[False, "input"][1].mean
    2.0
    """
    parts: dict[tuple[bool, str], list[Line]] = defaultdict(list)
    for line in lines:
        parts[line["control"], line["stage"]].append(line)
    found = {key: summarize_along(part, measure, "layer", log=log) for key, part in parts.items()}
    return {key: dict(sorted(layers.items())) for key, layers in found.items() if layers}


@cache
def _quantile(degrees_of_freedom: int) -> float:
    """97.5 % quantile of Student's t, which is looked up for every place of every curve."""
    return float(stats.t.ppf(0.975, degrees_of_freedom))
