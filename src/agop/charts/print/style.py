"""Style of figures for print: sizes, type, legends, color bars and files (matplotlib, extra ``report``)."""

from __future__ import annotations

import math
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from agop.extras import require
from agop.runs.files import replacing

__all__ = [
    "COLUMN",
    "LETTER",
    "PAGE",
    "SUFFIXES",
    "TALLEST",
    "Make",
    "color_bar",
    "entry_width",
    "legend",
    "legend_below",
    "legend_height",
    "legend_inside",
    "new_figure",
    "print_style",
    "shortened",
    "slant",
    "wrapped",
    "write_figure",
]

Make: TypeAlias = Callable[..., Any]
"""Called with a width and a height in inches; returns what is drawn on."""

COLUMN, PAGE, TALLEST = 3.3, 6.8, 9.0
"""Widths of one column and of two, and the largest height, in inches."""

LETTER = 0.06
"""Width of a letter in inches, roughly."""

_UNDATED: Mapping[str, Mapping[str, None]] = MappingProxyType(
    {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {"Software": None}}
)
"""What is left out of a file, by its suffix."""

SUFFIXES = tuple(_UNDATED)
"""Suffixes of the files that can be written."""

_STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.columnspacing": 1.2,
    "legend.labelspacing": 0.3,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "patch.linewidth": 0,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "agop",
}


@contextmanager
def print_style() -> Iterator[None]:
    """Settings of matplotlib for print in place of those of the user, until the block ends.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    with require("matplotlib.style", "report").context(["default", _STYLE]):
        yield


def new_figure(width: float, height: float, layout: str = "constrained", tallest: float = TALLEST) -> Any:
    """An empty figure, in inches, not higher than a page."""
    figure = require("matplotlib.figure", "report").Figure
    return figure(figsize=(width, min(height, tallest)), layout=layout)


def write_figure(figure: Any, path: Path, *, dpi: int = 300) -> None:
    """Write a figure as SVG, PDF or PNG by the suffix of ``path``, which is replaced whole or left as it was.

    There is no date in it, and letters stay letters: the same figure gives the same bytes.
    """
    kept = {name: value for name, value in _STYLE.items() if name.startswith(("svg.", "pdf."))}
    with (
        replacing(path) as temporary,
        require("matplotlib", "report").rc_context(kept),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # in names that the user gave
        figure.savefig(temporary, format=path.suffix[1:], dpi=dpi, metadata=_UNDATED[path.suffix])


def legend(figure: Any, entries: Mapping[str, Any], width: float) -> None:
    """Names of lines or bars below all axes of a figure of a width, unless there is only one."""
    _add_legend(figure, entries, width, loc="outside lower center")


def legend_below(axes: Any, entries: Mapping[str, Any], width: float) -> None:
    """Names of lines below axes and the title of their places, within a width, unless there is only one."""
    shift = require("matplotlib.transforms", "report").ScaledTranslation(0, -0.34, axes.figure.dpi_scale_trans)
    place = {"bbox_to_anchor": (0.5, 0), "bbox_transform": axes.transAxes + shift, "borderaxespad": 0.0}
    _add_legend(axes, entries, width, loc="upper center", **place)


def legend_inside(axes: Any, entries: Mapping[str, Any], width: float) -> None:
    """Names of lines in the middle of axes of a width, which show nothing else."""
    axes.axis("off")
    _add_legend(axes, entries, width, loc="center")


def _add_legend(owner: Any, entries: Mapping[str, Any], width: float, **place: Any) -> None:
    if len(entries) < 2:
        return
    names: Any = ["name"] * len(entries)
    drawn = owner.legend(list(entries.values()), names, ncols=_legend_columns(list(entries), width), **place)
    for text, name in zip(drawn.get_texts(), entries, strict=True):
        text.set(text=shortened(name, 40), parse_math=False)


def legend_height(names: Sequence[str], width: float) -> float:
    """Inches that the legend below a figure of this width takes."""
    return 0.17 * math.ceil(len(names) / _legend_columns(names, width)) if len(names) > 1 else 0.0


def entry_width(names: Iterable[str]) -> float:
    """Inches that the widest entry of a legend takes."""
    return 0.5 + LETTER * max(len(shortened(name, 40)) for name in names)


def _legend_columns(names: Sequence[str], width: float) -> int:
    rows = math.ceil(len(names) / max(1, int(width / entry_width(names))))
    return math.ceil(len(names) / rows)


def color_bar(figure: Any, image: Any, axes: Any, title: str, length: float) -> None:
    """The scale of an image beside axes that are ``length`` inches long."""
    bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=max(8, 14 * length), fraction=0.06)
    bar.ax.tick_params(which="both", labelsize=7, width=0.5)
    bar.outline.set_visible(False)
    bar.set_label(wrapped(title, length), parse_math=False)


def shortened(name: str, letters: int = 25) -> str:
    """A long name without its middle, since the end may be a level or a layer.

    Examples
    --------
    >>> shortened("a name that is much longer than it should be"), shortened("age")
    ('a name that …it should be', 'age')
    """
    half = max(1, (letters - 1) // 2)
    return name if len(name) <= letters else f"{name[:half]}…{name[-half:]}"


def wrapped(text: str, inches: float) -> str:
    """Text in lines that are about as long as ``inches`` at most; a value stays with the name that it is of."""
    kept = re.sub(r" ([=−]) ", "\u00a0\\1\u00a0", text)
    return textwrap.fill(kept, max(10, int(inches / LETTER)))


def slant(names: Iterable[str]) -> float:
    """Height of slanted names in inches."""
    return 0.7 * LETTER * max((len(shortened(name)) for name in names), default=0)
