"""Numbers that verdicts are made from: means over seeds, falls in decades, rank correlation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from scipy import stats

from agop.records import Line, summarise_along

__all__ = ["curve", "number", "power_of_ten", "rank_correlation"]


def curve(lines: Iterable[Line], measure: str, along: str, *, log: bool = True) -> dict[Any, float]:
    """Mean of a measure over seeds by the values of a column, geometric if ``log``; null values are left out.

    Examples
    --------
    >>> curve([{"layer": 1, "nc1": 1.0}, {"layer": 1, "nc1": 4.0}, {"layer": 2, "nc1": None}], "nc1", "layer")
    {1: 2.0}
    """
    return {x: summary.mean for x, summary in summarise_along(lines, measure, along, log=log).items()}


def power_of_ten(after: float, before: float) -> float:
    """Decades between two positive numbers, log10(before / after)."""
    return math.log10(before / after)


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
