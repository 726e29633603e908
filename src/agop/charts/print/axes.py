"""Axes of matplotlib as they are printed: their style, names below columns, and values with gaps."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agop.charts.chart import Values
from agop.charts.print.style import LETTER, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MISSING", "inches_of", "name_columns", "numbers", "style_axes"]

MISSING = "#e4e4e4"
"""Color of cells and pixels without a value."""


def style_axes(axes: Axes) -> None:
    """Settings that ticks take when they are made, which is when the figure is saved."""
    axes.tick_params(which="both", labelsize=7, width=0.5, grid_linewidth=0.4, grid_alpha=0.4)
    axes.tick_params(which="major", length=2.5)
    axes.tick_params(which="minor", length=1.5)


def name_columns(axes: Axes, names: Sequence[str], inches: float) -> None:
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


def inches_of(axes: Axes) -> float:
    """Width of axes before they are laid out."""
    return float(axes.get_window_extent().width / axes.figure.dpi)


def numbers(values: Values) -> NDArray[np.float64]:
    """Values as an array with NaN where there is none.

    Examples
    --------
    >>> numbers([1, None])
    array([ 1., nan])
    """
    return np.array([math.nan if value is None else float(value) for value in values])
