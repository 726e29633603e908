"""Small multiples of curves for print: panels in lines, on common scales where they mean the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from agop.charts.chart import Curves, Grid
from agop.charts.print.curves import categories_of, draw_curves
from agop.charts.print.legends import LegendGroup, draw_legends, legend_groups
from agop.charts.print.style import COLUMN, PAGE, Make, new_figure, shortened, slant, wrapped

__all__ = ["draw_curve_panels", "draw_grid"]

_ON_ONE_SCALE, _BESIDE = {COLUMN: 3, PAGE: 5}, {COLUMN: 2, PAGE: 4}
"""Panels beside each other at most, by the width of the figure: where they have the heights in common, and where each
has its own."""

_FEW, _FEW_NAMES = 6, 8
"""Panels up to which a figure takes one column, and names on the axes beside each other."""

_PITCHES = {COLUMN: (2.1, 1.6, 1.5), PAGE: (2.1, 1.9, 1.7, 1.6, 1.6)}
"""Height of a line of panels in inches, by their number."""


class _Line(NamedTuple):
    """Panels beside each other, by title, and the name of the row that they are of."""

    name: str
    charts: Sequence[tuple[str, Curves]]


def draw_curve_panels(charts: Mapping[str, Curves], make: Make = new_figure) -> Any:
    """Panels by title, in lines."""
    shown = list(charts.values())
    width = _width(shown)
    return _draw_lines(_lines({"": charts}, _BESIDE[width]), make, width, _on_one_scale(shown), categories_of(shown))


def draw_grid(grid: Grid, make: Make = new_figure) -> Any:
    """Rows and columns of panels; a long row goes on below. A row has one scale of heights where all mean the same.

    Curves of several columns have a legend below all panels, those of one a legend below it.
    """
    shared = all(_on_one_scale(charts.values()) for charts in grid.rows.values())
    width = _width([chart for charts in grid.rows.values() for chart in charts.values()])
    figure = _draw_lines(_lines(grid.rows, (_ON_ONE_SCALE if shared else _BESIDE)[width]), make, width, shared)
    if not shared and len(grid.rows) == 1:
        (name,) = grid.rows
        figure.suptitle(shortened(name, 60), x=0.01, ha="left", size=8, weight="bold", parse_math=False)
    return figure


def _width(charts: Sequence[Curves]) -> float:
    """Inches of a figure of panels: one column for few, two for more, and for many names on an axis."""
    names = max(len(categories_of([chart]) or ()) for chart in charts)
    return COLUMN if len(charts) <= _FEW and names * min(len(charts), 2) <= _FEW_NAMES else PAGE


def _lines(rows: Mapping[str, Mapping[str, Curves]], most: int) -> list[_Line]:
    """Lines of at most so many panels, as equal as they can be."""
    lines = []
    for name, charts in rows.items():
        items = list(charts.items())
        columns = math.ceil(len(items) / math.ceil(len(items) / most))
        lines += [_Line(name, items[start : start + columns]) for start in range(0, len(items), columns)]
    return lines


def _on_one_scale(charts: Iterable[Curves]) -> bool:
    return len({(chart.y_title, chart.log_y, chart.y_range) for chart in charts}) == 1


def _draw_lines(
    lines: Sequence[_Line], make: Make, width: float, shared: bool, categories: Sequence[str] | None = None
) -> Any:
    """A figure of the lines, so wide; where ``shared``, those of one name have the heights in common.

    ``categories`` are names that all panels have on their axis; each has its own if None.
    """
    columns = max(len(line.charts) for line in lines)
    placed = [item for line in lines for item in line.charts]
    shown = [chart for _, chart in placed]
    pitch = _PITCHES[width][columns - 1]
    free = pitch - 0.3 if len(lines[-1].charts) < columns else 0.0
    groups = legend_groups(placed, width, columns, free)
    legends = _legend_heights(lines, groups)
    figure = make(width, pitch * len(lines) + slant(categories_of(shown) or ()) + legends + 0.1)
    panels = figure.subplots(len(lines), columns, squeeze=False)
    first: dict[str, Any] = {}
    feet: dict[str, Any] = {}
    for line, row in zip(lines, panels, strict=True):
        for axes, (title, chart) in zip(row, line.charts, strict=False):
            if shared and first.setdefault(line.name, axes) is not axes:
                axes.sharey(first[line.name])
            draw_curves(axes, chart, categories or categories_of([chart]))
            axes.tick_params(axis="y", which="both", labelleft=not shared or axes is row[0])
            feet[title] = axes
        for axes in row[len(line.charts) :]:
            if axes is not panels[-1, -1] or not any(group.free for group in groups):
                axes.remove()
    _name_panels(lines, panels, width / columns, pitch, shared=shared)
    draw_legends(figure, groups, feet, panels[-1, -1])
    return figure


def _legend_heights(lines: Sequence[_Line], groups: Sequence[LegendGroup]) -> float:
    """Inches of the legends below each line, and below all."""
    feet = {title: place for place, line in enumerate(lines) for title, _ in line.charts}
    heights: dict[int | None, float] = {}
    for group in groups:
        place = None if group.title is None else feet[group.title]
        heights[place] = max(heights.get(place, 0.0), group.height)
    return sum(heights.values())


def _name_panels(lines: Sequence[_Line], panels: Any, width: float, height: float, *, shared: bool) -> None:
    """Titles, unless the panel above has the same one; names of places, unless the panel below has the same ones."""
    several = len({line.name for line in lines}) > 1
    for place, line in enumerate(lines):
        for column, (title, chart) in enumerate(line.charts):
            axes, above, below = panels[place, column], _at(lines, place - 1, column), _at(lines, place + 1, column)
            if above is None or above[0] != title:
                axes.set_title(wrapped(title, width - 0.35), parse_math=False)
            goes_on = bool(line.name) and below is not None and lines[place + 1].name == line.name
            if below is None or goes_on or below[1].x_title != chart.x_title:
                axes.set_xlabel(wrapped(chart.x_title, width), parse_math=False)
            told = bool(line.name) and (chart.y_title in line.name if shared else chart.y_title in title)
            texts = [line.name] * (shared or several) * (column == 0)
            texts += [] if told or (shared and column) else [chart.y_title]
            axes.set_ylabel("\n".join(wrapped(text, height - 0.4) for text in texts if text), parse_math=False)


def _at(lines: Sequence[_Line], place: int, column: int) -> tuple[str, Curves] | None:
    """Title and chart at a place, if there are any."""
    there = 0 <= place < len(lines) and column < len(lines[place].charts)
    return lines[place].charts[column] if there else None
