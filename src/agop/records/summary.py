"""Lines of a run's metrics.jsonl, summarised over seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from scipy import stats

from agop.records.lines import Line

__all__ = ["SeedSummary", "summarise_along", "summarise_seeds"]


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
    """

    mean: float
    low: float
    high: float
    n_seeds: int

    @classmethod
    def of(cls, values: Iterable[float], *, log: bool = True) -> SeedSummary:
        """Summarise positive values by their logarithms, or any values as they are.

        Examples
        --------
        >>> SeedSummary.of([1.0, 100.0]).mean, SeedSummary.of([1.0, 100.0], log=False).mean
        (10.0, 50.5)
        """
        found = np.array(list(values), dtype=np.float64)
        found = np.log10(found) if log else found
        mean, half = found.mean(), 0.0
        if len(found) > 1:
            half = stats.t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / len(found) ** 0.5
        low, middle, high = (float(10**x if log else x) for x in (mean - half, mean, mean + half))
        return cls(middle, low, high, len(found))


def summarise_along(lines: Iterable[Line], measure: str, along: str, *, log: bool = True) -> dict[Any, SeedSummary]:
    """Summaries of a measure by the values of a column, in the order in which they come.

    Values that are null, missing or not finite are left out, and with ``log`` those that are not positive.

    Examples
    --------
    >>> lines = [{"layer": 1, "nc1": 1.0}, {"layer": 1, "nc1": 4.0}, {"layer": 2, "nc1": None}]
    >>> {layer: summary.mean for layer, summary in summarise_along(lines, "nc1", "layer").items()}
    {1: 2.0}
    """
    found: dict[Any, list[float]] = defaultdict(list)
    for line in lines:
        value = line.get(measure)
        if value is not None and isfinite(value) and (value > 0 or not log):
            found[line[along]].append(value)
    return {x: SeedSummary.of(values, log=log) for x, values in found.items()}


def summarise_seeds(
    lines: Iterable[Mapping[str, Any]], measure: str, *, log: bool = True
) -> dict[tuple[bool, str], dict[int, SeedSummary]]:
    """Summaries of a measure by layer, for every (control, stage).

    Values that are null, missing or not finite are left out, and with ``log`` those that are not positive.

    Examples
    --------
    >>> lines = [{"seed": s, "control": False, "layer": 1, "stage": "input", "nc1": 2.0} for s in (0, 1)]
    >>> summarise_seeds(lines, "nc1")[False, "input"][1].mean
    2.0
    """
    parts: dict[tuple[bool, str], list[Line]] = defaultdict(list)
    for line in lines:
        parts[line["control"], line["stage"]].append(line)
    found = {key: summarise_along(part, measure, "layer", log=log) for key, part in parts.items()}
    return {key: dict(sorted(layers.items())) for key, layers in found.items() if layers}
