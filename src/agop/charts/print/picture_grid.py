"""Matrices and images in rows, as they are printed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from agop.charts.chart import Picture, Pictures
from agop.charts.print.axes import MISSING
from agop.charts.print.style import COLUMN, LETTER, PAGE, TALLEST, Make, color_bar, new_figure, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

__all__ = ["draw_pictures"]

_BESIDE = 6
"""Pictures side by side at most."""


def draw_pictures(charts: Mapping[str, Pictures], make: Make = new_figure) -> Any:
    """Rows of pictures of each chart, with one color bar where all have one scale, else with one for each chart."""
    most = max(len(chart.pictures) for chart in charts.values())
    columns = max(1, math.ceil(most / math.ceil(max(most, 1) / _BESIDE)))
    rows: list[tuple[str, list[Picture]]] = [
        (name, list(chart.pictures[start : start + columns]))
        for name, chart in charts.items()
        for start in range(0, max(1, len(chart.pictures)), columns)
    ]
    ratios = [max(map(_height_per_width, row), default=1.0) for _, row in rows]
    scaled = {name: chart for name, chart in charts.items() if any(each.values.ndim == 2 for each in chart.pictures)}
    side = 0.7 * bool(scaled) + 0.2 * (len(charts) > 1) + 0.1
    titles = 0.2 * len(rows) + 0.1
    for width in (COLUMN, PAGE):
        panel = min((width - side) / columns, (TALLEST - titles) / sum(ratios))
        if panel >= 1.2:
            break
    figure = make(width, titles + panel * sum(ratios), "compressed")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    letters = max(8, int(panel / LETTER))
    images: dict[str, tuple[Any, list[Any]]] = {}
    for place, (name, row) in enumerate(rows):
        starts = place == 0 or rows[place - 1][0] != name
        grid[place, 0].set_ylabel(shortened(name, letters) if starts else "", size=7, parse_math=False)
        for axes, picture in zip(grid[place], row, strict=False):
            axes.set_title(shortened(picture.title, letters), size=7, parse_math=False)
            image = _draw_picture(axes, picture, charts[name])
            if picture.values.ndim == 2:
                images.setdefault(name, (image, []))[1].append(axes)
        for axes in grid[place, len(row) :]:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
    if len({(chart.low, chart.high, chart.title) for chart in scaled.values()}) == 1:
        images = {name: (image, list(grid.flat)) for name, (image, _) in list(images.items())[:1]}
    for name, (image, beside) in images.items():
        length = panel * math.ceil(len(beside) / columns)
        color_bar(figure, image, beside, charts[name].title, length)
    return figure


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
