"""Curves from summaries over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from agop.records import SeedSummary
from agop.reports.charts import Curve, Dash

__all__ = ["seed_curve"]


def seed_curve(
    name: str,
    found: Mapping[Any, SeedSummary],
    colour: str,
    dash: Dash = "solid",
    *,
    at: Iterable[Any] | None = None,
    limits: tuple[float, float] = (-inf, inf),
) -> Curve:
    """Means by place with their 95 % interval as a band, if any place has several seeds.

    Parameters
    ----------
    name
        In the legend.
    found
        Summaries by place, see ``agop.records.summarise_along``.
    colour, dash
        Of the line.
    at
        Places in the order in which they are drawn, with gaps where nothing was found; those found if None.
    limits
        Least and largest possible value, at which the band ends.

    Examples
    --------
    >>> found = {1: SeedSummary.of([1.0, 4.0]), 2: SeedSummary.of([1.0])}
    >>> curve = seed_curve("input", found, "#000000")
    >>> curve.x, curve.y, curve.low[1]
    ((1, 2), (2.0, 1.0), 1.0)
    """
    places = tuple(found if at is None else at)
    summaries = [found.get(place) for place in places]
    several = any(each is not None and each.n_seeds > 1 for each in summaries)
    low, high = (
        tuple(None if each is None else _within(getattr(each, end), limits) for each in summaries) if several else None
        for end in ("low", "high")
    )
    return Curve(
        name, places, tuple(None if each is None else each.mean for each in summaries), colour, low, high, dash
    )


def _within(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])
