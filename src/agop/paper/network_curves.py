"""What a trained network shows, as numbers: by seed first, then over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

from agop.paper.curves import curve
from agop.runs import Line, hidden_layers, select, values_of

__all__ = ["LEAST_FALL", "epochs_of", "falls", "first_epoch", "last_nc1", "over_layers"]


LEAST_FALL = 0.3
"""Decades of NC1, a factor of two, below which a fall over the hidden layers is not shared out."""


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
