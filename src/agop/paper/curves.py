"""Numbers that verdicts are made from: means over seeds, falls in decades, rank correlation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from scipy import stats

from agop.runs import Line, select, summarize_along, values_of

__all__ = ["curve", "falls_by_seed", "number", "power_of_ten", "rank_correlation", "spread"]


def curve(lines: Iterable[Line], measure: str, along: str, *, log: bool = True) -> dict[Any, float]:
    """Mean of a measure over seeds by the values of a column, geometric if ``log``; null values are left out.

    Examples
    --------
    >>> curve([{"layer": 1, "nc1": 1.0}, {"layer": 1, "nc1": 4.0}, {"layer": 2, "nc1": None}], "nc1", "layer")
    {1: 2.0}
    """
    return {x: summary.mean for x, summary in summarize_along(lines, measure, along, log=log).items()}


def power_of_ten(after: float, before: float) -> float:
    """Decades between two positive numbers, log10(before / after)."""
    return math.log10(before / after)


def falls_by_seed(lines: Iterable[Line], measure: str, along: str) -> list[float]:
    """Decades by which a measure falls from the first to the last value of a column, for each seed.

    Examples
    --------
    >>> lines = [{"seed": s, "layer": l, "nc1": 10.0 ** -(s * l)} for s in (1, 2) for l in (1, 2, 3)]
    >>> falls_by_seed(lines, "nc1", "layer")
    [2.0, 4.0]
    """
    found = list(lines)
    by_seed = [curve(select(found, seed=seed), measure, along) for seed in values_of(found, "seed")]
    return [power_of_ten(values[max(values)], values[min(values)]) for values in by_seed if values]


def spread(values: Sequence[float]) -> str:
    """The values of all seeds for a sentence: one number, or the least and the largest.

    Examples
    --------
    >>> spread([3.5]), spread([3.5, 3.0, 3.2])
    ('3.5', '3 to 3.5')
    """
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"


def rank_correlation(first: Iterable[float], second: Iterable[float]) -> float | None:
    """Spearman's rank correlation; None with fewer than three pairs, or where one side is constant.

    Examples
    --------
    >>> rank_correlation([1, 2, 3], [10, 40, 90]), rank_correlation([1, 1, 1], [1, 2, 3])
    (1.0, None)
    """
    x, y = list(first), list(second)
    if len(x) < 3 or len(set(x)) == 1 or len(set(y)) == 1:
        return None
    return round(float(stats.spearmanr(x, y).statistic), 12)


def number(value: float | None) -> str:
    """A number for a sentence; a dash for None."""
    return "–" if value is None else f"{value:.3g}"
