"""A terminal, or a file in its place, on which texts appear as they are and cannot do anything."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.segment import Segment

__all__ = ["PlainConsole"]

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that color a terminal, move its cursor, rename its window or turn the direction of what follows."""


class PlainConsole(Console):
    r"""A console for texts that come from files: brackets are no markup, and control characters are left out.

    Examples
    --------
    >>> PlainConsole().print("[bold]mass\x1b[31m [kg]")
    [bold]mass[31m [kg]
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
        """What is printed, piece by piece."""
        for text, style, control in super().render(*arguments, **options):
            yield Segment(text if control else _printable(text), style, control)


def _printable(text: str) -> str:
    """Text without control characters, and with escapes for the bytes of a file's name that are no text."""
    return _CONTROLS.sub("", text).encode(errors="backslashreplace").decode()
