"""Bars and heat maps for print, below each other, with one legend or one scale of colors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agop.charts.chart import Bars, HeatMap
from agop.charts.print.panels import draw_bars, draw_heat_map, heat_norm
from agop.charts.print.style import (
    COLUMN,
    LETTER,
    PAGE,
    Make,
    color_bar,
    legend,
    legend_height,
    new_figure,
    shortened,
    slant,
    wrapped,
)
from agop.extras import require

__all__ = ["draw_bar_panels", "draw_heat_maps"]


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
        draw_bars(axes, chart)
        axes.set_title(shortened(title, 40), parse_math=False)
        if not same or chart is shown[-1]:
            axes.set_xlabel(wrapped(chart.x_title, COLUMN - labels - 0.3), parse_math=False)
    legend(figure, styles, COLUMN)
    return figure


def draw_heat_maps(charts: Mapping[str, HeatMap], make: Make = new_figure) -> Any:
    """Maps by title below each other, in the same colors where their values mean the same."""
    shown = list(charts.values())
    labels = LETTER * max((len(shortened(name)) for chart in shown for name in chart.y), default=0)
    columns = max(len(chart.x) for chart in shown)
    needed = columns * (0.28 if any(chart.numbers for chart in shown) else 0.1)
    width = COLUMN if needed + labels + 1.1 <= COLUMN else PAGE
    heights = [max(1.3, 0.19 * len(chart.y)) for chart in shown]
    tilted = slant(x for chart in shown for x in chart.x if isinstance(x, str))
    figure = make(width, sum(heights) + (0.55 + tilted) * len(shown))
    same = len({(chart.title, chart.log) for chart in shown}) == 1
    grid = figure.subplots(len(shown), squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, chart), height in zip(grid, charts.items(), heights, strict=True):
        image = draw_heat_map(axes, chart, heat_norm(shown if same else [chart]), width - labels - 1.1)
        axes.set_title(shortened(title, 60), parse_math=False)
        axes.set_xlabel(chart.x_title, parse_math=False)
        axes.set_ylabel(wrapped(chart.y_title, height), parse_math=False)
        if not same:
            color_bar(figure, image, axes, chart.title, height)
    if same:
        color_bar(figure, image, list(grid), shown[0].title, sum(heights))
    return figure
