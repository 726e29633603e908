"""Matrices and images in rows and columns, as they are printed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agop.charts.chart import Picture, Pictures
from agop.charts.print.panels import draw_picture, height_per_width
from agop.charts.print.style import COLUMN, LETTER, PAGE, TALLEST, Make, color_bar, new_figure, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_pictures"]

_BESIDE = 5
"""Pictures side by side at most."""


@dataclass(frozen=True, eq=False)
class _Cell:
    """A place of the grid: a picture of the chart of this title, what is written above it and what left of it."""

    chart: str
    picture: Picture | None
    above: str = ""
    left: str = ""


def draw_pictures(charts: Mapping[str, Pictures], make: Make = new_figure) -> Any:
    """A row a picture and a column a chart; charts whose pictures have other titles each have rows of their own."""
    by_column = len(charts) > 1 and _titles_agree(list(charts.values()))
    rows = list(_by_title(charts) if by_column else _one_by_one(charts))
    scaled = {name: chart for name, chart in charts.items() if any(each.values.ndim == 2 for each in chart.pictures)}
    one_scale = len({(chart.low, chart.high, chart.title) for chart in scaled.values()}) == 1
    panel, size = _sized(rows, beside=bool(scaled) and (one_scale or not by_column), below=by_column and not one_scale)
    figure = make(*size, "compressed")
    grid = figure.subplots(len(rows), max(map(len, rows)), squeeze=False)
    letters = max(8, int(panel / LETTER))
    images: dict[str, tuple[Any, list[Axes]]] = {}
    for axes, cell in zip(grid.flat, (cell for row in rows for cell in row), strict=True):
        axes.set_title(shortened(cell.above, letters), size=7, parse_math=False)
        axes.set_ylabel(shortened(cell.left, letters), size=7, parse_math=False)
        if cell.picture is None:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            continue
        image = draw_picture(axes, cell.picture, charts[cell.chart])
        if cell.picture.values.ndim == 2:
            images.setdefault(cell.chart, (image, []))[1].append(axes)
    if one_scale:
        image, _ = next(iter(images.values()))
        color_bar(figure, image, list(grid.flat), next(iter(scaled.values())).title, panel * len(rows))
        return figure
    for name, (image, beside) in images.items():
        length = panel if by_column else panel * math.ceil(len(beside) / _BESIDE)
        color_bar(figure, image, beside, charts[name].title, length, below=by_column)
    return figure


def _titles_agree(charts: Sequence[Pictures]) -> bool:
    """Whether the pictures of all charts are some of those of the chart with the most."""
    titles = {picture.title for chart in charts for picture in chart.pictures}
    return len(titles) == max(len(chart.pictures) for chart in charts)


def _by_title(charts: Mapping[str, Pictures]) -> Iterator[list[_Cell]]:
    titles = dict.fromkeys(picture.title for chart in charts.values() for picture in chart.pictures)
    for i, title in enumerate(titles):
        yield [
            _Cell(name, found.get(title), "" if i else name, "" if j else title)
            for j, (name, chart) in enumerate(charts.items())
            for found in [{picture.title: picture for picture in chart.pictures}]
        ]


def _one_by_one(charts: Mapping[str, Pictures]) -> Iterator[list[_Cell]]:
    """The pictures of each chart in rows of about the same length."""
    most = max(len(chart.pictures) for chart in charts.values())
    columns = max(1, math.ceil(most / math.ceil(max(most, 1) / _BESIDE)))
    for name, chart in charts.items():
        for start in range(0, max(1, len(chart.pictures)), columns):
            shown = chart.pictures[start : start + columns]
            cells = [_Cell(name, picture, picture.title, "" if start or j else name) for j, picture in enumerate(shown)]
            yield [*cells, *[_Cell(name, None)] * (columns - len(shown))]


def _sized(rows: Sequence[Sequence[_Cell]], *, beside: bool, below: bool) -> tuple[float, tuple[float, float]]:
    """Width of a panel, and the size of a figure that has room for all of them and for color bars, in inches."""
    columns = len(rows[0])
    ratios = [
        max((height_per_width(cell.picture) for cell in row if cell.picture is not None), default=1.0) for row in rows
    ]
    side = 0.7 * beside + 0.2 * any(cell.left for row in rows for cell in row) + 0.1
    titles = sum(0.2 if any(cell.above for cell in row) else 0.06 for row in rows) + 0.45 * below + 0.1
    for width in (COLUMN, PAGE):
        panel = min((width - side) / columns, (TALLEST - titles) / sum(ratios))
        if panel >= 1.2:
            break
    return panel, (width, titles + panel * sum(ratios))
