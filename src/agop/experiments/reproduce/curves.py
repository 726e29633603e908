"""Numbers that verdicts are made from: means over seeds, falls in decades, rank correlation."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeAlias

from scipy import stats

from agop.records import SeedSummary

__all__ = ["curve", "number", "power_of_ten", "rank_correlation", "select", "values_of"]

Line: TypeAlias = Mapping[str, Any]


def select(lines: Iterable[Line], **wanted: object) -> list[Line]:
    """Lines whose columns have these values.

    Examples
    --------
    >>> select([{"layer": 1, "nc1": 4.0}, {"layer": 2, "nc1": 2.0}], layer=2)
    [{'layer': 2, 'nc1': 2.0}]
    """
    return [line for line in lines if all(line.get(name) == value for name, value in wanted.items())]


def values_of(lines: Iterable[Line], column: str) -> list[Any]:
    """Different values of a column, in the order in which they come, without null."""
    return list(dict.fromkeys(line[column] for line in lines if line.get(column) is not None))


def curve(lines: Iterable[Line], measure: str, along: str, *, log: bool = True) -> dict[Any, float]:
    """Mean of a measure over seeds by the values of a column, geometric if ``log``; null values are left out.

    Examples
    --------
    >>> curve([{"layer": 1, "nc1": 1.0}, {"layer": 1, "nc1": 4.0}, {"layer": 2, "nc1": None}], "nc1", "layer")
    {1: 2.0}
    """
    found: dict[Hashable, list[float]] = defaultdict(list)
    for line in lines:
        value = line.get(measure)
        if value is not None and (value > 0 or not log):
            found[line[along]].append(value)
    return {x: SeedSummary.of(values, log=log).mean for x, values in found.items()}


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
