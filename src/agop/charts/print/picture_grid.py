"""Matrices and images in rows, as they are printed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from agop.charts.chart import Picture, Pictures
from agop.charts.print.axes import MISSING
from agop.charts.print.style import COLUMN, LETTER, PAGE, TALLEST, Make, color_bar, new_figure, shortened, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

__all__ = ["draw_pictures"]

_BESIDE = 6
"""Pictures side by side at most."""


class _Cell(NamedTuple):
    """A picture, what stands above it, and the name of the chart that it is of."""

    title: str
    picture: Picture
    chart: str


class _Row(NamedTuple):
    """Pictures beside each other, and what stands beside the first."""

    name: str
    cells: list[_Cell]


def draw_pictures(charts: Mapping[str, Pictures], make: Make = new_figure) -> Any:
    """Pictures of each chart in rows, or in a column where all charts have the same ones.

    There is one color bar where all have one scale, else one for each chart.
    """
    one_scale = len({(chart.low, chart.high, chart.title) for chart in charts.values() if _has_values(chart)}) == 1
    rows = _columns_of_charts(charts) if one_scale and _are_alike(charts) else _rows_of_charts(charts)
    columns, titled = max(len(row.cells) for row in rows), sum(any(cell.title for cell in row.cells) for row in rows)
    ratios = [max((_height_per_width(cell.picture) for cell in row.cells), default=1.0) for row in rows]
    side = 0.7 * any(map(_has_values, charts.values())) + 0.3 * any(row.name for row in rows) + 0.1
    titles = 0.2 * titled + 0.05 * len(rows) + 0.1
    for width in (COLUMN, PAGE):
        panel = min((width - side) / max(1, columns), (TALLEST - titles) / sum(ratios))
        if panel >= 1.2:
            break
    figure = make(width, titles + panel * sum(ratios), "compressed")
    grid = figure.subplots(len(rows), max(1, columns), squeeze=False)
    letters = max(8, int(panel / LETTER))
    images: dict[str, tuple[Any, list[Any]]] = {}
    for row, beside in zip(rows, grid, strict=True):
        beside[0].set_ylabel(wrapped(shortened(row.name, 2 * letters), panel), size=7, parse_math=False)
        for axes, cell in zip(beside, row.cells, strict=False):
            axes.set_title(shortened(cell.title, letters), size=7, parse_math=False)
            image = _draw_picture(axes, cell.picture, charts[cell.chart])
            if cell.picture.values.ndim == 2:
                images.setdefault(cell.chart, (image, []))[1].append(axes)
        for axes in beside[len(row.cells) :]:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
    if one_scale:
        images = {name: (image, list(grid.flat)) for name, (image, _) in list(images.items())[:1]}
    for name, (image, shown) in images.items():
        color_bar(figure, image, shown, charts[name].title, panel * math.ceil(len(shown) / columns))
    return figure


def _are_alike(charts: Mapping[str, Pictures]) -> bool:
    """Whether there are several charts with pictures of the same titles."""
    return len(charts) > 1 and len({tuple(each.title for each in chart.pictures) for chart in charts.values()}) == 1


def _has_values(chart: Pictures) -> bool:
    """Whether a chart has pictures whose colors are values."""
    return any(each.values.ndim == 2 for each in chart.pictures)


def _columns_of_charts(charts: Mapping[str, Pictures]) -> list[_Row]:
    """A column a chart, with its name above, and a row a picture."""
    titles = [each.title for each in next(iter(charts.values())).pictures]
    return [
        _Row(title, [_Cell("" if k else name, chart.pictures[k], name) for name, chart in charts.items()])
        for k, title in enumerate(titles)
    ]


def _rows_of_charts(charts: Mapping[str, Pictures]) -> list[_Row]:
    """Rows of each chart, of which the first has its name."""
    most = max(len(chart.pictures) for chart in charts.values())
    columns = max(1, math.ceil(most / math.ceil(max(most, 1) / _BESIDE)))
    return [
        _Row("" if start else name, [_Cell(each.title, each, name) for each in chart.pictures[start : start + columns]])
        for name, chart in charts.items()
        for start in range(0, max(1, len(chart.pictures)), columns)
    ]


def _draw_picture(axes: Axes, picture: Picture, chart: Pictures) -> AxesImage:
    """Pixels on the scale of the chart; those of a color image as signed shares of its largest magnitude."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.set_box_aspect(_height_per_width(picture))
    values = picture.values
    if values.ndim == 3:
        largest = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
        signed = np.nan_to_num(0.5 + values / (2 * largest), nan=0.5)
        return axes.imshow(signed, aspect="auto", interpolation="nearest")
    axes.set_facecolor(MISSING)
    shown, colors = np.ma.masked_invalid(values), "RdBu_r" if chart.diverges else "cividis"
    return axes.imshow(shown, colors, vmin=chart.low, vmax=chart.high, aspect="auto", interpolation="nearest")


def _height_per_width(picture: Picture) -> float:
    """Shape of a picture in print: pixels are square unless it would be a strip of more than 1 to 3.

    Examples
    --------
    >>> _height_per_width(Picture("W", np.zeros((20, 10)))), _height_per_width(Picture("W", np.zeros((1, 10))))
    (2.0, 0.3333333333333333)
    """
    height, width = picture.values.shape[:2]
    return float(min(3.0, max(1 / 3, height / max(1, width))))
