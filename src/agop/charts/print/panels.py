"""Charts on axes of matplotlib, as they are printed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agop.charts.chart import Bars, Curve, Curves, HeatMap, Picture, Pictures, Values
from agop.charts.print.style import LETTER, shortened
from agop.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.image import AxesImage

__all__ = [
    "DASHES",
    "categories_of",
    "draw_bars",
    "draw_curves",
    "draw_heat_map",
    "draw_picture",
    "heat_norm",
    "height_per_width",
    "numbers",
]

DASHES = {"solid": "-", "dash": (0, (4, 2)), "dot": (0, (1, 1.5))}
"""Style of a line by its name."""

_MISSING = "#e4e4e4"
"""Color of cells and pixels without a value."""

_MARKED = 30
"""Points of a curve up to which each has a mark."""

_SMALLEST = 6.0
"""Size of the smallest letters, in points."""


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
    _style(axes)
    axes.grid(which="major")
    axes.set(xscale="log" if chart.log_x else "linear", yscale="log" if chart.log_y else "linear")
    floor = _least_positive(chart) if chart.log_y else -math.inf
    for curve in chart.curves:
        x = _places(curve, chart, categories)
        _draw_curve(axes, curve, x, floor)
        if chart.y_range is not None:
            _mark_beyond(axes, curve, x, chart)
    if categories is not None:
        _name_columns(axes, categories, _inches(axes))
        axes.set_xlim(-0.5, len(categories) - 0.5)
    elif not chart.log_x:
        places = {float(place) for curve in chart.curves for place in curve.x}
        whole = all(place.is_integer() for place in places)
        axes.locator_params(axis="x", integer=whole, min_n_ticks=1)
        if len(places) == 1:
            axes.set_xlim(min(places) - 0.5, min(places) + 0.5)
    if chart.y_range is not None:
        low, high = chart.y_range
        axes.set_ylim(None if chart.log_y and low <= 0 else low, high)


def draw_bars(axes: Axes, chart: Bars) -> None:
    """Horizontal bars, the first category and the first series on top; negative stacked bars go left from 0.

    Across their ends lie two standard errors on each side, where there are any.
    """
    _style(axes)
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


def draw_heat_map(axes: Axes, chart: HeatMap, norm: Normalize, inches: float) -> AxesImage:
    """Cells in colors by ``norm``; ``inches`` is the width of the axes, by which names and numbers are fitted."""
    _style(axes)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_facecolor(_MISSING)
    values = np.array([numbers(row) for row in chart.values]).reshape(len(chart.y), len(chart.x))
    shown = np.ma.masked_where(~np.isfinite(values) | (chart.log & ~(values > 0)), values)
    colors = "cividis" if chart.log or not chart.numbers else "Blues"
    image = axes.imshow(shown, colors, norm=norm, aspect="auto", interpolation="nearest")
    _name_columns(axes, [str(x) if isinstance(x, str) else f"{x:g}" for x in chart.x], inches)
    step = math.ceil(len(chart.y) / 40)
    axes.set_yticks(range(0, len(chart.y), step), [shortened(name) for name in chart.y[::step]], parse_math=False)
    if chart.numbers:
        _write_numbers(axes, image, shown, inches)
    return image


def draw_picture(axes: Axes, picture: Picture, chart: Pictures) -> AxesImage:
    """Pixels on the scale of the chart; those of a color image as signed shares of its largest magnitude."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.set_box_aspect(height_per_width(picture))
    values = picture.values
    if values.ndim == 3:
        largest = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
        signed = np.nan_to_num(0.5 + values / (2 * largest), nan=0.5)
        return axes.imshow(signed, aspect="auto", interpolation="nearest")
    axes.set_facecolor(_MISSING)
    shown, colors = np.ma.masked_invalid(values), "RdBu_r" if chart.diverges else "cividis"
    return axes.imshow(shown, colors, vmin=chart.low, vmax=chart.high, aspect="auto", interpolation="nearest")


def height_per_width(picture: Picture) -> float:
    """Shape of a picture in print: pixels are square unless it would be a strip of more than 1 to 3.

    Examples
    --------
    >>> height_per_width(Picture("W", np.zeros((20, 10)))), height_per_width(Picture("W", np.zeros((1, 10))))
    (2.0, 0.3333333333333333)
    """
    height, width = picture.values.shape[:2]
    return float(min(3.0, max(1 / 3, height / max(1, width))))


def heat_norm(charts: Sequence[HeatMap]) -> Normalize:
    """Scale of the colors that the maps share, by the logarithm if they are so."""
    log = all(chart.log for chart in charts)
    values = np.concatenate([numbers(row) for chart in charts for row in chart.values] or [np.zeros(0)])
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    low, high = (float(values.min()), float(values.max())) if len(values) else (1.0, 1.0)
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    colors = require("matplotlib.colors", "report")
    return (colors.LogNorm if log else colors.Normalize)(low, high)  # type: ignore[no-any-return]


def numbers(values: Values) -> NDArray[np.float64]:
    """Values as an array with NaN where there is none.

    Examples
    --------
    >>> numbers([1, None])
    array([ 1., nan])
    """
    return np.array([math.nan if value is None else float(value) for value in values])


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


def _name_columns(axes: Axes, names: Sequence[str], inches: float) -> None:
    """Names below the columns: all of them side by side, else numbers thinned out and other names slanted."""
    short = [shortened(name) for name in names]
    room = inches / max(1, len(short))
    longest = max(map(len, short), default=0) * LETTER + 0.06
    slanted = room < longest and not all(_is_number(name) for name in names)
    step = math.ceil((0.15 if slanted else longest) / room) if room < longest else 1
    style: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axes.set_xticks(range(0, len(short), step), short[::step], parse_math=False, **style)


def _is_number(name: str) -> bool:
    return re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", name) is not None


def _write_numbers(axes: Axes, image: AxesImage, shown: np.ma.MaskedArray[Any, Any], inches: float) -> None:
    """The value of each cell to two digits, as far as they can be read at its width."""
    texts = {(i, j): two_digits(float(shown[i, j])) for i, j in np.argwhere(~np.ma.getmaskarray(shown)).tolist()}
    longest = max(map(len, texts.values()), default=1)
    size = min(7.0, 0.9 * inches / shown.shape[1] / longest / LETTER * 7)
    if size < _SMALLEST:
        return
    for (row, column), text in texts.items():
        color = "black" if _lightness(image.to_rgba(shown[row, column])) > 0.18 else "white"
        axes.text(column, row, text, ha="center", va="center", size=size, color=color)


def two_digits(value: float) -> str:
    """A number to two digits, short.

    Examples
    --------
    >>> two_digits(0.01234), two_digits(1.2e-5), two_digits(1234.0), two_digits(98765.0), two_digits(0.0)
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


def _inches(axes: Axes) -> float:
    """Width of axes before they are laid out."""
    return float(axes.get_window_extent().width / axes.figure.dpi)


def _style(axes: Axes) -> None:
    """Settings that ticks take when they are made, which is when the figure is saved."""
    axes.tick_params(which="both", labelsize=7, width=0.5, grid_linewidth=0.4, grid_alpha=0.4)
    axes.tick_params(which="major", length=2.5)
    axes.tick_params(which="minor", length=1.5)
