"""Ticks of logarithmic axes: below two decades each label is a whole number of its own, such as 0.2, 0.5, 1, 2, 5."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agop.extras import require

__all__ = ["label_logarithms", "log_ticks"]

_DECADES = 2.0
"""Decades from which on whole powers of ten are enough."""

_FEWEST, _MOST = 3, 7
"""Labels that are wanted; where 1, 2 and 5 times powers of ten are fewer, there are round numbers instead."""


def log_ticks(low: float, high: float, fewest: int = _FEWEST, most: int = _MOST) -> list[float]:
    """Places of the labels between two positive numbers; empty for two decades or more, where powers of ten serve.

    Parameters
    ----------
    low, high
        Ends of the axis.
    fewest, most
        Labels that are wanted, and for which there is room.

    Examples
    --------
    >>> log_ticks(0.15, 7.0), log_ticks(0.61, 0.74), log_ticks(0.01, 2.0)
    ([0.2, 0.5, 1.0, 2.0, 5.0], [0.62, 0.64, 0.66, 0.68, 0.7, 0.72, 0.74], [])
    >>> log_ticks(0.15, 7.0, most=3), log_ticks(0.61, 0.74, most=3)
    ([0.3, 1.0, 3.0], [0.65, 0.7])
    """
    if math.log10(high / low) >= _DECADES:
        return []
    powers = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ([1, 2, 5], [1, 3], [1]):
        ticks = _within(np.outer(powers, factors).ravel(), low, high)
        if fewest <= len(ticks) <= most:
            return ticks
    locator = require("matplotlib.ticker", "report").MaxNLocator(most, steps=[1, 2, 5, 10])
    return _within(locator.tick_values(low, high), low, high)


def _within(places: NDArray[np.float64], low: float, high: float) -> list[float]:
    return [float(f"{place:.12g}") for place in places if low * (1 - 1e-9) <= place <= high * (1 + 1e-9)]


def label_logarithms(figure: Any) -> None:
    """Label the logarithmic axes of a figure that are shorter than two decades, unless their ticks were chosen."""
    ticker = require("matplotlib.ticker", "report")
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() != "log" or isinstance(axis.get_major_locator(), ticker.FixedLocator):
                continue
            axes.autoscale_view()
            beside = axis is axes.xaxis  # where there is less room than above each other
            low, high = sorted(axis.get_view_interval())
            if ticks := log_ticks(low, high, 2 if beside else _FEWEST, _room(axes, beside=beside)):
                axis.set_major_locator(ticker.FixedLocator(ticks))
                axis.set_major_formatter(ticker.FuncFormatter(_text))
                axis.set_minor_locator(ticker.NullLocator())


def _room(axes: Any, *, beside: bool) -> int:
    """Labels beside or above each other for which axes have room, before they are laid out."""
    place, inches = axes.get_subplotspec(), axes.figure.bbox.size / axes.figure.dpi
    if place is None:
        return _MOST
    grid = place.get_gridspec()
    room = (inches[0] / grid.ncols - 0.5) / 0.33 if beside else (inches[1] / grid.nrows - 0.6) / 0.17
    return min(_MOST, max(_FEWEST, int(room)))


def _text(value: float, _: Any) -> str:
    """A tick as it is written: plain, or with a power of ten where that would be long."""
    if 1e-3 <= value < 1e4:
        return f"{value:.4g}"
    first, power = f"{value:.3e}".split("e")
    factor = f"{float(first):g}"
    return rf"$10^{{{int(power)}}}$" if factor == "1" else rf"${factor}\times10^{{{int(power)}}}$"
