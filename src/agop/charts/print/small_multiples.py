"""Figures of one or several charts of a kind: curves side by side, bars and heat maps below each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from agop.charts.chart import Bars, Curves, Grid, HeatMap
from agop.charts.print.panels import DASHES, categories_of, draw_bars, draw_curves, draw_heat_map, heat_norm
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
    wrapped,
)
from agop.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_bar_panels", "draw_curve_panels", "draw_grid", "draw_heat_maps"]


def draw_curve_panels(charts: Mapping[str, Curves], make: Make = new_figure) -> Any:
    """Panels by title with one legend; axes are shared where they mean the same."""
    shown = list(charts.values())
    styles = _styles(shown)
    beside = len(styles) > 6
    rows = math.ceil(len(shown) / (3 if beside else 4))
    columns = math.ceil(len(shown) / rows)
    same_x = len({(chart.x_title, chart.log_x) for chart in shown}) == 1
    same_y = len({(chart.y_title, chart.log_y, chart.y_range) for chart in shown}) == 1
    categories = [categories_of(shown if same_x else [chart]) for chart in shown]
    wide = columns > 1 or beside or max(len(each or ()) for each in categories) > 8
    width, panel = PAGE if wide else COLUMN, (2.2, 2.0, 1.8, 1.5)[columns - 1]
    height = rows * panel + _slant(name for each in categories for name in each or ())
    below = 0.0 if beside else legend_height(list(styles), width)
    figure = make(width, max(height + below, 0.16 * min(len(styles), 24) + 0.2 if beside else 0))
    grid = figure.subplots(rows, columns, sharex=same_x, sharey=same_y, squeeze=False)
    panels: list[Axes] = list(grid.flat)
    for place, (axes, (title, chart), each) in enumerate(zip(panels, charts.items(), categories, strict=False)):
        draw_curves(axes, chart, each)
        axes.set_title(shortened(title, int(width / columns / LETTER)), parse_math=False)
        if place + columns >= len(shown):
            axes.tick_params(labelbottom=True)
        if place + columns >= len(shown) or not same_x:
            axes.set_xlabel(wrapped(chart.x_title, width / columns), parse_math=False)
        if not same_y or (rows == 1 and place == 0):
            axes.set_ylabel(wrapped(chart.y_title, panel - 0.4), parse_math=False)
    for axes in panels[len(shown) :]:
        axes.remove()
    if same_y and rows > 1:
        figure.supylabel(wrapped(shown[0].y_title, rows * panel), size=8, parse_math=False)
    legend(figure, styles, width, beside=beside)
    return figure


def draw_grid(grid: Grid) -> Any:
    """Rows and columns of panels with one legend; the rows have a common height scale where they mean the same."""
    rows = [list(row.items()) for row in grid.rows.values()]
    columns = max(map(len, rows))
    width, panel = max(PAGE if columns > 1 else COLUMN, 1.75 * columns), 1.6
    styles = _styles(chart for row in rows for _, chart in row)
    figure = new_figure(width, panel * len(rows) + 0.3 + legend_height(list(styles), width), tallest=math.inf)
    same_y = all(len({(chart.y_title, chart.log_y, chart.y_range) for _, chart in row}) == 1 for row in rows)
    panels = figure.subplots(len(rows), columns, sharey="row" if same_y else False, squeeze=False)
    titles = [[title for title, _ in row] for row in rows]
    for place, (name, row) in enumerate(zip(grid.rows, rows, strict=True)):
        for axes, (title, chart) in zip(panels[place], row, strict=False):
            draw_curves(axes, chart, categories_of([chart]))
            if place == 0 or titles[place] != titles[place - 1]:
                axes.set_title(wrapped(title, width / columns - 0.35), parse_math=False)
            if place == len(rows) - 1 or titles[place] != titles[place + 1]:
                axes.set_xlabel(chart.x_title, parse_math=False)
        for axes in panels[place, len(row) :]:
            axes.remove()
        named = [name, row[0][1].y_title] if same_y and row[0][1].y_title != name else [name]
        panels[place, 0].set_ylabel("\n".join(wrapped(text, panel) for text in named), parse_math=False)
    legend(figure, styles, width)
    return figure


def _styles(charts: Iterable[Curves]) -> dict[str, Any]:
    """A line for the legend by each name; curves without a name have none."""
    line = require("matplotlib.lines", "report").Line2D
    found: dict[str, Any] = {}
    for curve in (curve for chart in charts for curve in chart.curves if curve.name):
        found.setdefault(curve.name, line([], [], color=curve.color, ls=DASHES[curve.dash], lw=1.2))
    return found


def draw_bar_panels(charts: Mapping[str, Bars], make: Make = new_figure) -> Any:
    """Panels by title below each other with one legend; the lengths are on one axis where they mean the same."""
    shown = list(charts.values())
    patch = require("matplotlib.patches", "report").Patch
    styles = {series.name: patch(color=series.color) for chart in shown for series in chart.series}
    pitches = [0.2 if chart.stacked else max(0.2, 0.1 * len(chart.series) + 0.04) for chart in shown]
    heights = [max(1, len(chart.categories)) * pitch for chart, pitch in zip(shown, pitches, strict=True)]
    labels = LETTER * max((len(shortened(name)) for chart in shown for name in chart.categories), default=0)
    below = legend_height(list(styles), COLUMN)
    figure = make(COLUMN, sum(heights) + 0.3 * len(shown) + 0.5 + below)
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
    slant = _slant(x for chart in shown for x in chart.x if isinstance(x, str))
    figure = make(width, sum(heights) + (0.55 + slant) * len(shown))
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


def _slant(names: Iterable[str]) -> float:
    """Height of slanted names in inches."""
    return 0.7 * LETTER * max((len(shortened(name)) for name in names), default=0)
