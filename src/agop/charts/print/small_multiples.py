"""Figures of one or several charts of a kind: curves in rows and columns, bars and heat maps below each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

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

__all__ = ["draw_bar_panels", "draw_curve_panels", "draw_grid", "draw_heat_maps"]


def draw_curve_panels(charts: Mapping[str, Curves], make: Make = new_figure) -> Any:
    """Panels by title, four beside each other at most."""
    columns = math.ceil(len(charts) / math.ceil(len(charts) / 4))
    items = list(charts.items())
    rows = {str(start): dict(items[start : start + columns]) for start in range(0, len(items), columns)}
    return draw_grid(Grid(rows), make, named=False)


def draw_grid(grid: Grid, make: Make = new_figure, *, named: bool = True) -> Any:
    """Rows and columns of panels with one legend; rows have a common scale of heights where they mean the same."""
    rows = [list(row.items()) for row in grid.rows.values()]
    shown = [chart for row in rows for _, chart in row]
    columns = max(map(len, rows))
    scales = [{(chart.y_title, chart.log_y, chart.y_range) for _, chart in row} for row in rows]
    same_y = all(len(each) == 1 for each in scales)
    whole = same_y and not named and len(set.union(*scales)) == 1
    line = require("matplotlib.lines", "report").Line2D
    styles: dict[str, Any] = {}
    for curve in (curve for chart in shown for curve in chart.curves if curve.name):
        styles.setdefault(curve.name, line([], [], color=curve.color, ls=DASHES[curve.dash], lw=1.2))
    wide = columns > 1 or max(len(categories_of([chart]) or ()) for chart in shown) > 8
    width = max(PAGE if wide else COLUMN, 1.75 * columns if named else 0)
    panel = (2.2, 2.0, 1.8, 1.6)[min(columns, 4) - 1]
    slant = _slant(name for name in categories_of(shown) or ())
    height = panel * len(rows) + slant + legend_height(list(styles), width) + 0.3 * named
    figure = make(width, height, **({"tallest": math.inf} if named else {}))
    share = True if whole else "row" if same_y else False
    panels = figure.subplots(len(rows), columns, sharey=share, squeeze=False)
    titles = [[title for title, _ in row] for row in rows] if named else [[]] * len(rows)
    for place, (name, row) in enumerate(zip(grid.rows, rows, strict=True)):
        last = place == len(rows) - 1
        for number, (axes, (title, chart)) in enumerate(zip(panels[place], row, strict=False)):
            draw_curves(axes, chart, categories_of([chart] if named else shown))
            if not named or place == 0 or titles[place] != titles[place - 1]:
                axes.set_title(wrapped(title, width / columns - 0.35), parse_math=False)
            below = not last and number >= len(rows[place + 1])
            if last or below or titles[place] != titles[place + 1]:
                axes.set_xlabel(wrapped(chart.x_title, width / columns), parse_math=False)
            if not named and not same_y and number:
                axes.set_ylabel(wrapped(chart.y_title, panel - 0.4), parse_math=False)
        for axes in panels[place, len(row) :]:
            axes.remove()
        texts = [*[name] * named, *[row[0][1].y_title] * (not named or (same_y and row[0][1].y_title != name))]
        panels[place, 0].set_ylabel("\n".join(wrapped(text, panel - 0.4) for text in texts), parse_math=False)
    legend(figure, styles, width)
    return figure


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
