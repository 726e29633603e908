"""Numbers that verdicts are made from: means over seeds, falls in decades, rank correlation, and what networks show."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from scipy import stats

from agop.charts.chart import Curve, Dash, Grid
from agop.charts.palette import Ordered, color, shade
from agop.charts.seed_curves import seed_curve
from agop.runs import Line, Run, hidden_layers, select, summarize_along, values_of

__all__ = [
    "LEAST_FALL",
    "course",
    "curve",
    "epochs_of",
    "falls",
    "falls_by_seed",
    "family",
    "first_epoch",
    "last_nc1",
    "over_layers",
    "power_of_ten",
    "rank_correlation",
    "rows_of",
]

LEAST_FALL = 0.3
"""Decades of NC1, a factor of two, below which a fall over the hidden layers is not shared out."""


def curve(lines: Iterable[Line], measure: str, along: str, *, log: bool = True) -> dict[Any, float]:
    """Mean of a measure over seeds by the values of a column, geometric if ``log``; null values are left out.

    Examples
    --------
    >>> curve([{"layer": 1, "nc1": 1.0}, {"layer": 1, "nc1": 4.0}, {"layer": 2, "nc1": None}], "nc1", "layer")
    {1: 2.0}
    """
    return {x: summary.mean for x, summary in summarize_along(lines, measure, along, log=log).items()}


def course(
    lines: Iterable[Line], along: str, measure: str, name: str, color: str, dash: Dash = "solid", *, log: bool = True
) -> Curve:
    """Curve of a measure over seeds along a column, geometric means if ``log``, with its band or its seeds."""
    found = summarize_along(lines, measure, along, log=log)
    return seed_curve(name, dict(sorted(found.items())), color, dash)


def family(
    lines: Sequence[Line],
    along: str,
    measure: str,
    of: tuple[str, Mapping[Any, str]],
    dash: Dash = "solid",
    *,
    ordered: Ordered | None = None,
    log: bool = True,
) -> list[Curve]:
    """Curve for each value of a column, by its name, in the colors of the palette, or in shades of what is ordered.

    Examples
    --------
    >>> lines = [{"layer": layer, "stage": "input", "nc1": 1 / layer} for layer in (1, 2)]
    >>> [(curve.name, curve.y) for curve in family(lines, "layer", "nc1", ("stage", {"input": "X"}))]
    [('X', (1.0, 0.5))]
    """
    column, names = of
    paints = [shade(place, len(names), ordered) if ordered else color(place) for place in range(len(names))]
    return [
        course(select(lines, **{column: value}), along, measure, name, paint, dash, log=log)
        for (value, name), paint in zip(names.items(), paints, strict=True)
    ]


def rows_of(run: Run, column: str, name: Callable[[list[Line]], str], panels: Callable[[list[Line]], Any]) -> Grid:
    """Grid with a row for each value of a column, named and filled from its lines."""
    lines: list[Line] = list(run.metrics())
    parts = [select(lines, **{column: value}) for value in values_of(lines, column)]
    return Grid({name(part): panels(part) for part in parts})


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


def epochs_of(lines: Iterable[Line]) -> tuple[int, int]:
    """First and last measured epoch that every seed has."""
    found = list(lines)
    by_seed = [{line["epoch"] for line in select(found, seed=seed)} for seed in values_of(found, "seed")]
    common = set.intersection(*by_seed)
    return min(common), max(common)


def falls(lines: Sequence[Line], epoch: int) -> tuple[float, float]:
    """Decades by which NC1 falls at the linear parts of the hidden layers, and over these layers as a whole.

    Sums over layers, means over seeds; layers without both are left out.
    """
    found = [
        line
        for line in select(lines, epoch=epoch, stage="input")
        if line.get("linear_log_fall") is not None and line.get("output_log_fall") is not None
    ]
    seeds = max(1, len(values_of(found, "seed")))
    sums = (sum(line[name] for line in found) for name in ("linear_log_fall", "output_log_fall"))
    linear, whole = (total / seeds / math.log(10) for total in sums)
    return linear, whole


def last_nc1(lines: Sequence[Line], epoch: int) -> float | None:
    """NC1 after the last hidden layer, geometric mean over seeds; None where it has no value."""
    last = hidden_layers(lines)[-1]
    return curve(select(lines, epoch=epoch, stage="output", layer=last), "nc1_trace_ratio", "layer").get(last)


def over_layers(lines: Sequence[Line], measure: str, epoch: int) -> float | None:
    """Mean of a measure of the input stage over the hidden layers and seeds; None where it has no value."""
    layers = set(hidden_layers(lines))
    found = [line.get(measure) for line in select(lines, epoch=epoch, stage="input") if line["layer"] in layers]
    known = [value for value in found if value is not None]
    return fmean(known) if known else None


def first_epoch(values: Iterable[tuple[int, float | None]], threshold: float, *, above: bool) -> int | None:
    """First epoch from which on all values are at or beyond a threshold; None if the last is not.

    Examples
    --------
    >>> first_epoch([(0, 0.7), (1, 0.4), (2, 0.6), (3, 0.8)], 0.5, above=True)
    2
    """
    first = None
    for epoch, value in values:
        beyond = value is not None and (value >= threshold if above else value <= threshold)
        first = (epoch if first is None else first) if beyond else None
    return first
