"""A picture of what a predictor on a table depends on, drawn with matplotlib (extra ``report``)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agop.charts.print.style import shortened, write_figure
from agop.errors import InputError
from agop.extras import require
from agop.tables.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PICTURES", "explanation_figure", "save_explanation_figure"]

PICTURES = (".svg", ".png", ".pdf")
"""Suffixes of the files that can be written."""

_COLUMNS, _FEATURES = 12, 6
"""Columns shown, features shown of a direction."""

_BLUE, _ORANGE, _GREEN = "#0072B2", "#D55E00", "#009E73"
"""Of Okabe and Ito's palette."""


def save_explanation_figure(explanation: Explanation, path: str | os.PathLike[str]) -> None:
    """Write :func:`explanation_figure` as SVG, PNG or PDF; ``path`` is replaced whole or left as it was.

    Parameters
    ----------
    explanation
        What :func:`agop.tables.explain` found.
    path
        File whose suffix is one of ``PICTURES``.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    InputError
        If the suffix is another one, or the folder does not exist.
    """
    path = Path(path)
    if path.suffix not in PICTURES:
        raise InputError(f"a picture in {', '.join(PICTURES)}", path.suffix or "no suffix", "Choose one of these.")
    write_figure(explanation_figure(explanation), path, dpi=150)


def explanation_figure(explanation: Explanation) -> Figure:
    """Effects of the columns with their steepness, leading directions, and interactions of pairs if some were tried.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    panels = 3 if explanation.interactions else 2
    new = require("matplotlib.figure", "report").Figure
    figure: Figure = new(figsize=(5.2 * panels, 5.6), layout="constrained")
    parts = figure.subfigures(1, panels, wspace=0.04, squeeze=False)[0]
    _draw_effects(parts[0].subplots(), explanation)
    rows = parts[1].subplots(len(explanation.directions), 1, squeeze=False)[:, 0]
    for number, axes in enumerate(rows):
        _draw_direction(axes, explanation, number)
    if explanation.interactions:
        _draw_interactions(parts[2].subplots(), explanation)
    return figure


def _draw_effects(axes: Axes, explanation: Explanation) -> None:
    """Bars of the largest effects, the first on top, with two standard errors on each side, and of the steepness."""
    shown = explanation.ranking()[:_COLUMNS]
    places = np.arange(len(shown))
    lines = 2 * explanation.errors[shown]
    label = "effect: share of the variance, ± 2 standard errors"
    axes.barh(places - 0.2, explanation.effects[shown], 0.4, xerr=lines, label=label, color=_BLUE)
    label = "steepness: share of the AGOP"
    axes.barh(places + 0.2, explanation.steepness[shown], 0.4, label=label, color=_GREEN)
    _name(axes, "y", places, [explanation.columns[index] for index in shown])
    axes.invert_yaxis()
    left_out = len(explanation.columns) - len(shown)
    title = "columns" if not left_out else f"columns: the first {len(shown)} of {len(explanation.columns)}"
    axes.set(title=title, xlim=(0, None))
    axes.legend(loc="lower right", fontsize="small")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def _draw_direction(axes: Axes, explanation: Explanation, number: int) -> None:
    """Bars of the largest entries of a direction."""
    entries = explanation.directions[number]
    shown = np.argsort(-np.abs(entries), kind="stable")[:_FEATURES]
    colors = [_BLUE if entries[index] >= 0 else _ORANGE for index in shown]
    axes.barh(np.arange(len(shown)), entries[shown], color=colors)
    _name(axes, "y", np.arange(len(shown)), [explanation.features[index] for index in shown])
    axes.invert_yaxis()
    axes.set(
        title=f"direction {number + 1}: {explanation.shares[number]:.0%} of the AGOP",
        xlim=(-1, 1),
        xticks=(-1, -0.5, 0, 0.5, 1),
    )
    axes.axvline(0, color="black", lw=0.8)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def _draw_interactions(axes: Axes, explanation: Explanation) -> None:
    """Heat map of the pairs that were tried, in per cent of the variance; the diagonal is empty."""
    tried = {name for pair in explanation.interactions for name in pair[:2]}
    names = [explanation.columns[index] for index in explanation.ranking() if explanation.columns[index] in tried]
    shares = interaction_matrix(names, explanation.interactions)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=max(np.nanmax(shares), 1e-12))
    for (row, column), share in np.ndenumerate(shares):
        if row != column:
            dark = share > 0.6 * np.nanmax(shares)
            axes.text(column, row, f"{100 * share:.1f}", ha="center", va="center", color="white" if dark else "black")
    _name(axes, "y", np.arange(len(names)), names)
    _name(axes, "x", np.arange(len(names)), names)
    axes.tick_params(axis="x", rotation=60)
    axes.set_title("interactions: % of the variance")


def interaction_matrix(
    names: Sequence[str], interactions: Sequence[tuple[str, str, float, float]]
) -> NDArray[np.float64]:
    """Symmetric (p, p) shares of the pairs of ``names``, NaN where a pair was not tried and on the diagonal.

    Examples
    --------
    >>> interaction_matrix(["a", "b"], [("b", "a", 0.25, 0.01)])
    array([[ nan, 0.25],
           [0.25,  nan]])
    """
    place = {name: index for index, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for a, b, share, _ in interactions:
        matrix[place[a], place[b]] = matrix[place[b], place[a]] = share
    return matrix


def _name(axes: Axes, axis: str, places: NDArray[np.intp], names: Sequence[str]) -> None:
    """Names as they are, not as formulas; long ones without their middle, since the end may be a level."""
    short = [shortened(name) for name in names]
    getattr(axes, f"set_{axis}ticks")(places, short, fontsize="small", parse_math=False)
