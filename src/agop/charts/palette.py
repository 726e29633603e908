"""Colors of curves and bars: one palette for pages in light and dark and for print."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ["GRAY", "PALETTE", "Ordered", "color", "shade"]

PALETTE = ("#2b7bba", "#d55e00", "#00916a", "#b5609d", "#a87b00", "#2a9ab5", "#7a5fd0", "#c23b3b")
"""Hues after Okabe and Ito; each has a contrast above 3 to white and to the dark page."""

GRAY = "#7d7d7d"
"""Color of what is there to compare with."""

Ordered: TypeAlias = Literal["layers", "settings"]
"""What an ordered family of curves is of; each has shades of its own, so that one palette has one meaning."""

_SHADES: dict[Ordered, tuple[str, ...]] = {
    "layers": ("#3b6fd4", "#7a5fd0", "#b04fb8", "#d04a86", "#d9553f", "#c07a10"),
    "settings": ("#0f7391", "#0a8a6e", "#4d9440", "#8f9a00"),
}


def color(place: int) -> str:
    """Color of the run, stage or class at a place; they come again after the last.

    Examples
    --------
    >>> color(0), color(8) == color(0)
    ('#2b7bba', True)
    """
    return PALETTE[place % len(PALETTE)]


def shade(place: int, count: int, of: Ordered = "layers") -> str:
    """Color of the member at a place of an ordered family of ``count`` curves.

    Examples
    --------
    >>> shade(0, 3), shade(1, 3), shade(2, 3)
    ('#3b6fd4', '#c04c9f', '#c07a10')
    >>> shade(0, 3, "settings")
    '#0f7391'
    """
    shades = _SHADES[of]
    position = place / max(1, count - 1) * (len(shades) - 1)
    low = min(int(position), len(shades) - 2)
    pairs = zip(_channels(shades[low]), _channels(shades[low + 1]), strict=True)
    mixed = (round(a + (b - a) * (position - low)) for a, b in pairs)
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(text: str) -> list[int]:
    return [int(text[start : start + 2], 16) for start in (1, 3, 5)]
