"""Curves from summaries over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from agop.charts.chart import Curve, Dash
from agop.runs import BAND_SEEDS, SeedSummary

__all__ = ["SEED_BAND", "seed_caption", "seed_curve"]

SEED_BAND = (
    "95 % interval of the mean over five seeds or more by Student's t, of the logarithms where the axis is "
    "logarithmic; fewer seeds are drawn as thin lines.",
    "agop.runs.SeedSummary",
)
"""Meaning and source of the term "seed band"."""


def seed_curve(
    name: str,
    found: Mapping[Any, SeedSummary],
    color: str,
    dash: Dash = "solid",
    *,
    at: Iterable[Any] | None = None,
    limits: tuple[float, float] = (-inf, inf),
) -> Curve:
    """Means by place, with their 95 % interval as a band where there are enough seeds, or else with single seeds.

    An interval of fewer than ``BAND_SEEDS`` seeds is wider than they are apart and says little.

    Parameters
    ----------
    name
        In the legend.
    found
        Summaries by place, see ``agop.runs.summarize_along``.
    color, dash
        Color and dash of the line.
    at
        Places in the order in which they are drawn, with gaps where nothing was found; those found if None.
    limits
        Least and largest possible value, at which the band ends.

    Examples
    --------
    >>> curve = seed_curve("input", {1: SeedSummary.of([1.0, 4.0]), 2: SeedSummary.of([1.0])}, "#000000")
    >>> curve.x, curve.y, curve.low, curve.seeds
    ((1, 2), (2.0, 1.0), None, {'seed 0': (1.0, 1.0), 'seed 1': (4.0, None)})
    >>> seed_curve("input", {1: SeedSummary.of([1.0] * 5)}, "#000000").low
    (1.0,)
    """
    places = tuple(found if at is None else at)
    summaries = [found.get(place) for place in places]
    by_seed = [{} if each is None else dict(each.values) for each in summaries]
    seeds = list(dict.fromkeys(seed for values in by_seed for seed in values))
    low = high = None
    if len(seeds) >= BAND_SEEDS:
        wide = [None if each is None or each.n_seeds < BAND_SEEDS else each for each in summaries]
        low = tuple(None if each is None else _within(each.low, limits) for each in wide)
        high = tuple(None if each is None else _within(each.high, limits) for each in wide)
        seeds = []
    return Curve(
        name,
        places,
        tuple(None if each is None else each.mean for each in summaries),
        color,
        low,
        high,
        dash,
        {f"seed {seed}": tuple(values.get(seed) for values in by_seed) for seed in seeds if len(seeds) > 1},
    )


def seed_caption(curves: Iterable[Curve]) -> str:
    """Meaning of bands and thin lines among the curves, to go on a caption with; empty if there are none.

    Examples
    --------
    >>> seed_caption([seed_curve("input", {1: SeedSummary.of([1.0, 4.0])}, "#000000")])
    '; thin lines are single seeds'
    """
    curves = list(curves)
    bands = "; bands are 95 % intervals" if any(curve.low is not None for curve in curves) else ""
    return bands + ("; thin lines are single seeds" if any(curve.seeds for curve in curves) else "")


def _within(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])
