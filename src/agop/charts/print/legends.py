"""Legends of small multiples: one below all panels for what several show, one below a panel for its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agop.charts.chart import Curve, Curves
from agop.charts.print.curves import DASHES
from agop.charts.print.style import entry_width, legend, legend_below, legend_height, legend_inside
from agop.extras import require

__all__ = ["LegendGroup", "draw_legends", "legend_groups"]


@dataclass(frozen=True, eq=False)
class LegendGroup:
    """Curves that are explained together.

    Attributes
    ----------
    curves
        A curve of each name.
    title
        Title of the only panels that show them; None if others do as well, or the names are wider than a panel.
    width
        Inches that there are for the legend.
    free
        Put the legend into a place without a panel.
    """

    curves: Mapping[str, Curve]
    title: str | None
    width: float
    free: bool = False

    @property
    def height(self) -> float:
        """Inches that the legend adds."""
        return 0.0 if self.free else legend_height(list(self.curves), self.width)


def legend_groups(
    charts: Sequence[tuple[str, Curves]], width: float, columns: int, free: float = 0.0
) -> list[LegendGroup]:
    """Groups of named curves that share a panel or a name, directly or by others between.

    Parameters
    ----------
    charts
        Charts with the titles of their panels, which are those of a column where there are rows.
    width, columns
        Inches of all panels beside each other, and their number.
    free
        Height of a place without a panel, in inches; 0 if there is none.

    Examples
    --------
    >>> curves = [[Curve(name, [1], [1.0], "#000000") for name in names] for names in ("ab", "b", "cd")]
    >>> charts = [(title, Curves("layer", "NC1", each)) for title, each in zip("PQR", curves, strict=True)]
    >>> groups = legend_groups(charts, 6.0, 3)
    >>> [(list(group.curves), group.title, group.width) for group in groups]
    [(['a', 'b'], None, 6.0), (['c', 'd'], 'R', 2.0)]
    """
    joint: list[tuple[dict[str, Curve], set[str]]] = []
    for title, chart in charts:
        curves, there = {curve.name: curve for curve in chart.curves if curve.name}, {title}
        joined = [group for group in joint if group[0].keys() & curves.keys()]
        joint = [group for group in joint if not group[0].keys() & curves.keys()]
        for others, more in reversed(joined):
            curves, there = others | {name: each for name, each in curves.items() if name not in others}, there | more
        joint += [(curves, there)] if curves else []
    found: dict[str | None, dict[str, Curve]] = {}
    for curves, there in joint:
        narrow = entry_width(curves) <= width / columns
        only = next(iter(there)) if len(there) == 1 and len(joint) > 1 and narrow else None
        found.setdefault(only, {}).update(curves)
    groups = []
    for at, curves in found.items():
        fits = at is None and 0 < legend_height(list(curves), width / columns) <= free
        groups.append(LegendGroup(curves, at, width / columns if fits or at is not None else width, fits))
    return groups


def draw_legends(figure: Any, groups: Sequence[LegendGroup], feet: Mapping[str, Any], free: Any) -> None:
    """Draw the legends; ``feet`` are the last axes of each title, ``free`` axes without a panel."""
    line = require("matplotlib.lines", "report").Line2D
    for group in groups:
        drawn = {
            name: line([], [], color=curve.color, ls=DASHES[curve.dash], lw=1.2) for name, curve in group.curves.items()
        }
        if group.free:
            legend_inside(free, drawn, group.width)
        elif group.title is None:
            legend(figure, drawn, group.width)
        else:
            legend_below(feet[group.title], drawn, group.width)
