"""Horizontal bars for print, panels below each other with one legend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from agop.charts.chart import Bars
from agop.charts.print.axes import numbers, style_axes
from agop.charts.print.style import COLUMN, LETTER, Make, legend, legend_height, new_figure, shortened, wrapped
from agop.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_bar_panels"]


def draw_bar_panels(charts: Mapping[str, Bars], make: Make = new_figure) -> Any:
    """Panels by title below each other with one legend; the lengths are on one axis where they mean the same."""
    shown = list(charts.values())
    patch = require("matplotlib.patches", "report").Patch
    styles = {series.name: patch(color=series.color) for chart in shown for series in chart.series}
    pitches = [0.2 if chart.stacked else max(0.2, 0.1 * len(chart.series) + 0.04) for chart in shown]
    heights = [max(1, len(chart.categories)) * pitch for chart, pitch in zip(shown, pitches, strict=True)]
    labels = LETTER * max((len(shortened(name)) for chart in shown for name in chart.categories), default=0)
    figure = make(COLUMN, sum(heights) + 0.3 * len(shown) + 0.5 + legend_height(list(styles), COLUMN))
    same = len({chart.x_title for chart in shown}) == 1
    grid = figure.subplots(len(shown), sharex=same, squeeze=False, height_ratios=heights)
    for axes, (title, chart) in zip(grid[:, 0], charts.items(), strict=True):
        _draw_bars(axes, chart)
        axes.set_title(shortened(title, 40), parse_math=False)
        if not same or chart is shown[-1]:
            axes.set_xlabel(wrapped(chart.x_title, COLUMN - labels - 0.3), parse_math=False)
    legend(figure, styles, COLUMN)
    return figure


def _draw_bars(axes: Axes, chart: Bars) -> None:
    """Horizontal bars, the first category and the first series on top; negative stacked bars go left from 0.

    Across their ends lie two standard errors on each side, where there are any.
    """
    style_axes(axes)
    axes.grid(axis="x")
    count = len(chart.categories)
    ends = np.zeros((2, count))
    height = 0.75 if chart.stacked else 0.8 / max(1, len(chart.series))
    for number, series in enumerate(chart.series):
        lengths = numbers(series.values)
        there = np.flatnonzero(np.isfinite(lengths))
        lengths = lengths[there]
        if chart.stacked:
            side, places = (lengths < 0).astype(int), there.astype(float)
            starts = ends[side, there]
            ends[side, there] += lengths
        else:
            starts, places = np.zeros(len(there)), there + height * (number + 0.5) - 0.4
        errors = None if series.errors is None else 2 * numbers(series.errors)[there]
        axes.barh(places, lengths, height, starts, color=series.color, xerr=errors, error_kw={"elinewidth": 0.8})
    if any(value is not None and value < 0 for series in chart.series for value in series.values):
        axes.axvline(0, color="black", lw=0.6)
    axes.set_yticks(range(count), [shortened(name) for name in chart.categories], parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(count, 1) - 0.5, -0.5)
