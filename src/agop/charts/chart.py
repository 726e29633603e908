"""Charts as values, apart from their drawing: a page and a figure for print draw the same values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Bars",
    "Chart",
    "Choice",
    "Curve",
    "Curves",
    "Dash",
    "Grid",
    "HeatMap",
    "Panels",
    "Picture",
    "Pictures",
    "Series",
]

Dash: TypeAlias = Literal["solid", "dash", "dot"]
"""Style of a line."""

Values: TypeAlias = Sequence[float | None]
"""Numbers, None where there is none."""


@dataclass(frozen=True)
class Curve:
    """A curve with its band.

    Attributes
    ----------
    name
        In the legend.
    x
        (n,) numbers, or names where the axis is one of categories.
    y
        (n,) heights.
    low, high
        (n,) ends of an interval around each; None if there is none.
    color
        "#rrggbb".
    dash
        Style of the line.
    seeds
        (n,) heights of single seeds, by what tells them apart; thin lines.
    """

    name: str
    x: Sequence[float | str]
    y: Values
    color: str
    low: Values | None = None
    high: Values | None = None
    dash: Dash = "solid"
    seeds: Mapping[str, Values] = field(default_factory=dict)

    @property
    def heights(self) -> list[float | None]:
        """Everything that is drawn: the line, its band and its seeds."""
        rows = [self.y, self.low or (), self.high or (), *self.seeds.values()]
        return [height for row in rows for height in row]


@dataclass(frozen=True)
class Curves:
    """Curves over a common axis; ``y_range`` shows a part of the heights."""

    x_title: str
    y_title: str
    curves: Sequence[Curve]
    log_x: bool = False
    log_y: bool = True
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Panels:
    """Small multiples: curves by the titles of their panels, all over the same axes."""

    x_title: str
    y_title: str
    panels: Mapping[str, Sequence[Curve]]
    log_y: bool = True

    @property
    def charts(self) -> dict[str, Curves]:
        """Each panel as a chart by itself."""
        return {
            title: Curves(self.x_title, self.y_title, curves, log_y=self.log_y) for title, curves in self.panels.items()
        }


@dataclass(frozen=True)
class Series:
    """Lengths of the bars of one name, one for each category, and their standard errors: two are drawn on each side."""

    name: str
    values: Values
    color: str
    errors: Values | None = None


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, the first category on top; those of the series lie side by side, or end to end if stacked."""

    categories: Sequence[str]
    x_title: str
    series: Sequence[Series]
    stacked: bool = False


@dataclass(frozen=True)
class HeatMap:
    """Colored cells, the first row on top.

    Attributes
    ----------
    x, y
        Names or numbers of the columns and of the rows.
    values
        A sequence for each row.
    title
        Title of the values.
    log
        Colors by the logarithm; values are positive.
    numbers
        Write the value, to two digits, into each cell.
    picks
        Label of the choices that a click on a row sets to the name of the row.
    """

    x_title: str
    y_title: str
    x: Sequence[float | str]
    y: Sequence[str]
    values: Sequence[Values]
    title: str
    log: bool = False
    numbers: bool = False
    picks: str | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """A matrix as pixels: (h, w), or (h, w, 3) with the red, green and blue of an image."""

    title: str
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Matrices side by side on one scale.

    Attributes
    ----------
    pictures
        Pictures in their order.
    title
        Title of the values.
    low, high
        Ends of the scale. Where low is -high the colors diverge from 0, else they run from low to high.
    """

    pictures: Sequence[Picture]
    title: str
    low: float = -1.0
    high: float = 1.0

    @property
    def diverges(self) -> bool:
        """Whether the scale is symmetric about 0."""
        return self.low == -self.high


@dataclass(frozen=True, eq=False)
class Choice:
    """One of several charts at a time.

    Attributes
    ----------
    label
        Name of what is chosen, such as "layer".
    charts
        Charts by the names of what can be chosen, in their order.
    slider
        Choose on a scale from the first to the last; else from a list.
    start
        The one that is shown first; the last one if None.
    """

    label: str
    charts: Mapping[str, Chart]
    slider: bool = False
    start: str | None = None


@dataclass(frozen=True, eq=False)
class Grid:
    """Curves in rows and columns, for print: charts by the titles of their columns, by the titles of the rows."""

    rows: Mapping[str, Mapping[str, Curves]]


Chart: TypeAlias = Curves | Panels | Bars | HeatMap | Pictures | Choice
