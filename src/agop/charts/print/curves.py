"""Curves on axes, as they are printed: lines, bands, single seeds, and marks where they leave the heights shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agop.charts.chart import Curve, Curves, Values
from agop.charts.print.axes import inches_of, name_columns, numbers, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DASHES", "categories_of", "draw_curves"]

DASHES = {"solid": "-", "dash": (0, (4, 2)), "dot": (0, (1, 1.5))}
"""Style of a line by its name."""

_MARKED = 30
"""Points of a curve up to which each has a mark."""


def categories_of(charts: Sequence[Curves]) -> list[str] | None:
    """Names on the common axis in the order in which they come; None if it is one of numbers.

    Examples
    --------
    >>> curves = [Curve("a", ["fc1", "fc2"], [1, 2], "#000000"), Curve("b", ["fc1", "out"], [1, 2], "#000000")]
    >>> categories_of([Curves("layer", "NC1", curves)])
    ['fc1', 'fc2', 'out']
    """
    places = [place for chart in charts for curve in chart.curves for place in curve.x]
    return list(dict.fromkeys(map(str, places))) if any(isinstance(place, str) for place in places) else None


def draw_curves(axes: Axes, chart: Curves, categories: Sequence[str] | None = None) -> None:
    """Lines with their bands; with ``categories`` their places are the x axis."""
    style_axes(axes)
    axes.grid(which="major")
    axes.set(xscale="log" if chart.log_x else "linear", yscale="log" if chart.log_y else "linear")
    floor = _least_positive(chart) if chart.log_y else -math.inf
    for curve in chart.curves:
        x = _places(curve, chart, categories)
        _draw_curve(axes, curve, x, floor)
        if chart.y_range is not None:
            _mark_beyond(axes, curve, x, chart)
    if categories is not None:
        name_columns(axes, categories, inches_of(axes))
        axes.set_xlim(-0.5, len(categories) - 0.5)
    elif not chart.log_x:
        places = {float(place) for curve in chart.curves for place in curve.x}
        whole = all(place.is_integer() for place in places)
        axes.locator_params(axis="x", integer=whole, min_n_ticks=min(2, len(places)))
        if len(places) == 1:
            axes.set_xlim(min(places) - 0.5, min(places) + 0.5)
    if chart.y_range is not None:
        low, high = chart.y_range
        axes.set_ylim(None if chart.log_y and low <= 0 else low, high)


def _draw_curve(axes: Axes, curve: Curve, x: NDArray[np.float64], floor: float) -> None:
    def shown(values: Values) -> NDArray[np.float64]:
        heights = numbers(values)
        return np.where((heights < floor) | np.isinf(heights) | np.isnan(x), math.nan, heights)

    y = shown(curve.y)
    padded = np.pad(np.isfinite(y), 1)
    alone = padded[1:-1] & ~padded[:-2] & ~padded[2:]
    marked = np.flatnonzero(np.isfinite(y) if len(y) <= _MARKED else alone).tolist()
    style: dict[str, Any] = {"color": curve.color, "ls": DASHES[curve.dash]}
    axes.plot(x, y, **style, lw=1.2, marker=".", ms=4, markevery=marked, zorder=2.5)
    for values in curve.seeds.values():
        axes.plot(x, shown(values), **style, lw=0.5, alpha=0.5, zorder=2.2)
    if curve.low is None or curve.high is None:
        return
    low, high = np.maximum(numbers(curve.low), floor), numbers(curve.high)
    axes.fill_between(x, low, high, color=curve.color, alpha=0.2, lw=0)
    if alone.any():
        axes.vlines(x[alone], low[alone], high[alone], color=curve.color, alpha=0.4, lw=2)


def _mark_beyond(axes: Axes, curve: Curve, x: NDArray[np.float64], chart: Curves) -> None:
    """Triangles on the edge of the shown heights, where a curve leaves them and, of few points, for all beyond."""
    low, high = chart.y_range or (-math.inf, math.inf)
    for values in (curve.y, *curve.seeds.values()):
        y = numbers(values)
        for edge, beyond, marker in ((high, y > high, "^"), (low, y < low, "v")):
            outside = beyond & np.isfinite(x) & (not chart.log_y or y > 0)
            inside = np.pad(~beyond & np.isfinite(y), 1)
            marked = outside if len(y) <= _MARKED else outside & (inside[:-2] | inside[2:])
            style: dict[str, Any] = {"color": curve.color, "ms": 3.5, "mew": 0, "clip_on": False, "zorder": 3}
            if marked.any():
                axes.plot(x[marked], np.full(marked.sum(), edge), ls="", marker=marker, **style)


def _places(curve: Curve, chart: Curves, categories: Sequence[str] | None) -> NDArray[np.float64]:
    if categories is not None:
        place = {name: index for index, name in enumerate(categories)}
        return np.array([place[str(each)] for each in curve.x], dtype=float)
    x = np.array([float(each) for each in curve.x])
    return np.where(x > 0, x, math.nan) if chart.log_x else x


def _least_positive(chart: Curves) -> float:
    """The smallest height on a logarithmic axis, of lines, bands and seeds; bands that reach 0 end there."""
    values = numbers([height for curve in chart.curves for height in curve.heights])
    return float(values[values > 0].min(initial=math.inf))
