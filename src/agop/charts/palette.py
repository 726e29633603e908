"""Colors of curves and bars: one palette for pages in light and dark and for print."""

from __future__ import annotations

__all__ = ["GRAY", "PALETTE", "color", "shade"]

PALETTE = ("#2b7bba", "#d55e00", "#00916a", "#b5609d", "#a87b00", "#2a9ab5", "#7a5fd0", "#c23b3b")
"""Hues after Okabe and Ito; each has a contrast above 3 to white and to the dark page."""

GRAY = "#7d7d7d"
"""Color of what is there to compare with."""

_SHADES = ("#3b6fd4", "#7a5fd0", "#b04fb8", "#d04a86", "#d9553f", "#c07a10")


def color(place: int) -> str:
    """Color of the run, stage or class at a place; they come again after the last.

    Examples
    --------
    >>> color(0), color(8) == color(0)
    ('#2b7bba', True)
    """
    return PALETTE[place % len(PALETTE)]


def shade(place: int, count: int) -> str:
    """Color of the member at a place of an ordered family of ``count`` curves, such as layers.

    Examples
    --------
    >>> shade(0, 3), shade(1, 3), shade(2, 3)
    ('#3b6fd4', '#c04c9f', '#c07a10')
    """
    position = place / max(1, count - 1) * (len(_SHADES) - 1)
    low = min(int(position), len(_SHADES) - 2)
    pairs = zip(_channels(_SHADES[low]), _channels(_SHADES[low + 1]), strict=True)
    mixed = (round(a + (b - a) * (position - low)) for a, b in pairs)
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(text: str) -> list[int]:
    return [int(text[start : start + 2], 16) for start in (1, 3, 5)]
