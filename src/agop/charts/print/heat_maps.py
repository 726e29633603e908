"""Heat maps for print, below each other, with one scale of colors."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agop.charts.chart import HeatMap
from agop.charts.print.axes import MISSING, name_columns, numbers, style_axes
from agop.charts.print.style import COLUMN, LETTER, PAGE, Make, color_bar, new_figure, shortened, slant, wrapped
from agop.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.image import AxesImage

__all__ = ["draw_heat_maps"]

_SMALLEST = 6.0
"""Size of the smallest letters, in points."""


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
        image = _draw_heat_map(axes, chart, _heat_norm(shown if same else [chart]), width - labels - 1.1)
        axes.set_title(shortened(title, 60), parse_math=False)
        axes.set_xlabel(chart.x_title, parse_math=False)
        axes.set_ylabel(wrapped(chart.y_title, height), parse_math=False)
        if not same:
            color_bar(figure, image, axes, chart.title, height)
    if same:
        color_bar(figure, image, list(grid), shown[0].title, sum(heights))
    return figure


def _draw_heat_map(axes: Axes, chart: HeatMap, norm: Normalize, inches: float) -> AxesImage:
    """Cells in colors by ``norm``; ``inches`` is the width of the axes, by which names and numbers are fitted."""
    style_axes(axes)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_facecolor(MISSING)
    values = np.array([numbers(row) for row in chart.values]).reshape(len(chart.y), len(chart.x))
    shown = np.ma.masked_where(~np.isfinite(values) | (chart.log & ~(values > 0)), values)
    colors = "cividis" if chart.log or not chart.numbers else "Blues"
    image = axes.imshow(shown, colors, norm=norm, aspect="auto", interpolation="nearest")
    name_columns(axes, [str(x) if isinstance(x, str) else f"{x:g}" for x in chart.x], inches)
    step = math.ceil(len(chart.y) / 40)
    axes.set_yticks(range(0, len(chart.y), step), [shortened(name) for name in chart.y[::step]], parse_math=False)
    if chart.numbers:
        _write_numbers(axes, image, shown, inches)
    return image


def _heat_norm(charts: Sequence[HeatMap]) -> Normalize:
    """Scale of the colors that the maps share, by the logarithm if they are so."""
    log = all(chart.log for chart in charts)
    values = np.concatenate([numbers(row) for chart in charts for row in chart.values] or [np.zeros(0)])
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    low, high = (float(values.min()), float(values.max())) if len(values) else (1.0, 1.0)
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    colors = require("matplotlib.colors", "report")
    return (colors.LogNorm if log else colors.Normalize)(low, high)  # type: ignore[no-any-return]


def _write_numbers(axes: Axes, image: AxesImage, shown: np.ma.MaskedArray[Any, Any], inches: float) -> None:
    """The value of each cell to two digits, as far as they can be read at its width."""
    texts = {(i, j): _two_digits(float(shown[i, j])) for i, j in np.argwhere(~np.ma.getmaskarray(shown)).tolist()}
    longest = max(map(len, texts.values()), default=1)
    size = min(7.0, 0.9 * inches / shown.shape[1] / longest / LETTER * 7)
    if size < _SMALLEST:
        return
    for (row, column), text in texts.items():
        color = "black" if _lightness(image.to_rgba(shown[row, column])) > 0.18 else "white"
        axes.text(column, row, text, ha="center", va="center", size=size, color=color)


def _two_digits(value: float) -> str:
    """A number to two digits, short.

    Examples
    --------
    >>> _two_digits(0.01234), _two_digits(1.2e-5), _two_digits(1234.0), _two_digits(98765.0), _two_digits(0.0)
    ('0.012', '1.2e-5', '1200', '9.9e4', '0')
    """
    rounded = float(f"{value:.2g}")
    if rounded == 0 or 1e-3 <= abs(rounded) < 1e4:
        return np.format_float_positional(rounded, trim="-")
    return re.sub(r"e([-+])0*", lambda sign: "e" + sign[1].replace("+", ""), f"{rounded:.2g}")


def _lightness(rgba: NDArray[np.float64]) -> float:
    """Relative luminance; black and white text are equally legible at 0.18."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgba[:3]]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
