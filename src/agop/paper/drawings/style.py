"""What the drawings share: one palette, curves with intervals over seeds, and a figure to draw on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from agop.charts.print.panels import numbers
from agop.charts.seed_curves import seed_curve
from agop.extras import require
from agop.runs import Line, summarize_along

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLORS", "STAGES", "finish", "new_figure", "palette", "plot_curve"]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette."""

STAGES = {
    "input": ("φ", COLORS[0]),
    "linear": ("S Vᵀφ", COLORS[1]),
    "output": ("σ(Wφ)", COLORS[2]),
    "agop_1/2": ("AGOP½φ", COLORS[3]),
}
"""Label and color of each stage of a layer of a network."""


def new_figure(rows: int, columns: int, size: tuple[float, float], *, one_scale: bool = False) -> tuple[Figure, Any]:
    """A figure with a grid of axes of a size each, in inches, and the (rows, columns) array of the axes.

    With ``one_scale`` the axes of a row have one scale.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    new = require("matplotlib.figure", "report").Figure
    figure = new(figsize=(size[0] * columns, size[1] * rows + 0.5), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, sharey="row" if one_scale else "none")


def palette(values: Sequence[Any]) -> dict[Any, Any]:
    """A color for each of some ordered values, from dark to bright."""
    colors = require("matplotlib", "report").colormaps["viridis"]
    return {value: colors(0.9 * i / max(1, len(values) - 1)) for i, value in enumerate(values)}


def plot_curve(axes: Any, lines: Iterable[Line], along: str, measure: str, *, log: bool = True, **style: Any) -> None:
    """Mean of a measure over seeds along a column, geometric if ``log``, with its 95 % interval or with few seeds."""
    found = summarize_along(lines, measure, along, log=log)
    xs = sorted(found)
    summaries = [found[x] for x in xs]
    (drawn,) = axes.plot(xs, [each.mean for each in summaries], **{"marker": ".", "lw": 1.5, **style})
    curve = seed_curve("", dict(zip(xs, summaries, strict=True)), "")
    look = {"color": drawn.get_color(), "ls": drawn.get_linestyle(), "lw": 0.5, "alpha": 0.6}
    for values in curve.seeds.values():
        axes.plot(xs, numbers(values), **look)
    if curve.low is not None and curve.high is not None:
        axes.fill_between(xs, numbers(curve.low), numbers(curve.high), color=look["color"], alpha=0.2, lw=0)


def finish(axes: Any, *, log: bool = True, integer: bool = False, **labels: str) -> None:
    """Scale, grid and labels; a scale without anything to show stays linear."""
    if log and any(value > 0 for curve in axes.lines for value in curve.get_ydata()):
        axes.set_yscale("log")
    axes.set(**labels)
    axes.grid(alpha=0.3)
    if integer:
        axes.xaxis.get_major_locator().set_params(integer=True)
