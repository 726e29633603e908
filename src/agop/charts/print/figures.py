"""Figures for print of the charts of a report, drawn with matplotlib (extra ``report``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from agop.charts.chart import Bars, Chart, Choice, Curves, Grid, HeatMap, Panels, Pictures
from agop.charts.document import Plot
from agop.charts.print.bars import draw_bar_panels
from agop.charts.print.heat_maps import draw_heat_maps
from agop.charts.print.log_ticks import label_logarithms
from agop.charts.print.picture_grid import draw_pictures
from agop.charts.print.small_multiples import draw_curve_panels, draw_grid
from agop.charts.print.style import SUFFIXES, Make, new_figure, print_style, write_figure
from agop.errors import InputError
from agop.extras import require
from agop.runs.files import check_writable

__all__ = ["draw", "draw_beside", "save_charts", "save_figures"]

_PANELS: Mapping[type, int] = {Curves: 12, Panels: 1, Bars: 6, HeatMap: 6, Pictures: 5}
"""Charts of a choice that are shown, by their kind."""

T = TypeVar("T")


def draw(chart: Chart | Grid, make: Make = new_figure) -> Any:
    """A figure of one column (3.3 inches) or two (6.8) that shows a chart.

    Of a choice several charts are shown, evenly spaced from the first to the last: curves as small multiples with
    common axes, pictures in rows or columns, bars and heat maps below each other. Of charts that are
    small multiples themselves the first is shown.

    Parameters
    ----------
    chart
        Any chart, or a grid. The charts of a choice are of one kind; choices in it are resolved.
    make
        Makes what is drawn on, such as a part of a larger figure.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    InputError
        If a choice has no charts, or charts of several kinds.

    Examples
    --------
    >>> from agop.charts.chart import Curve
    >>> figure = draw(Curves("layer", "NC1", [Curve("input", [1, 2, 3], [4.0, None, 0.1], "#2b7bba")]))
    >>> figure.axes[0].get_yscale(), float(figure.get_figwidth())
    ('log', 3.3)
    """
    with print_style():
        if isinstance(chart, Grid):
            figure = draw_grid(chart)
            label_logarithms(figure)
            return figure
        if not isinstance(chart, Choice):
            return _drawn({"": chart}, make)
        charts = _resolved(chart)
        kinds = {type(each) for each in charts.values()}
        if len(kinds) != 1:
            got = ", ".join(sorted(kind.__name__ for kind in kinds)) or "none"
            raise InputError(f"charts of one kind to choose the {chart.label} from", got, "Make several plots of it.")
        (kind,) = kinds
        shown = spaced(list(charts), _PANELS[kind])
        return _drawn({_titled(chart.label, name): charts[name] for name in shown}, make)


def draw_beside(charts: Sequence[Chart | Grid]) -> Any:
    """A figure that shows several charts side by side, each as it is drawn alone.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    sizes = [draw(chart).get_size_inches() for chart in charts]
    widths = [width for width, _ in sizes]
    figure = new_figure(sum(widths), max(height for _, height in sizes))
    parts = figure.subfigures(1, len(charts), width_ratios=widths, squeeze=False)[0]
    for part, chart in zip(parts, charts, strict=True):
        draw(chart, lambda *size, part=part: part)
    return figure


def save_charts(charts: Sequence[Chart | Grid], path: str | os.PathLike[str]) -> None:
    """Write a chart, or several side by side, into a file, which is replaced whole or left as it was.

    Parameters
    ----------
    charts
        One or more; a grid is alone.
    path
        File whose suffix is one of ``SUFFIXES``.

    Raises
    ------
    InputError
        If the suffix is another one, or the folder does not exist.
    MissingExtraError
        If matplotlib is not installed.
    """
    path = Path(path)
    _check_suffixes(path.suffix)
    figure = draw(charts[0]) if len(charts) == 1 else draw_beside(charts)
    with print_style():
        write_figure(figure, path)


def save_figures(
    plots: Sequence[Plot], folder: str | os.PathLike[str], suffixes: Sequence[str] = (".pdf", ".svg")
) -> list[Path]:
    """Write each plot to ``folder/NAME.SUFFIX``; the same plots give the same bytes.

    Parameters
    ----------
    plots
        Plots to draw, each under its name.
    folder
        Made if it does not exist. Files in it are replaced whole or left as they were.
    suffixes
        Out of ``SUFFIXES``.

    Returns
    -------
    list of Path
        Files in the order of the plots.

    Raises
    ------
    InputError
        If a suffix is another one, or the folder is a file; nothing is written then.
    OutputError
        If a file cannot be written, before any is drawn.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from agop.charts.chart import Curve
    >>> chart = Curves("layer", "NC1", [Curve("input", [1, 2, 3], [4.0, 1.0, 0.1], "#2b7bba")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in save_figures([Plot("nc1", "NC1 by layer", chart, [], "")], folder, [".svg"])]
    ['nc1.svg']
    """
    _check_suffixes(*suffixes)
    require("matplotlib", "report")
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"a folder {folder}", "a file in its place", "Choose another folder.") from error
    paths = [[folder / f"{plot.name}{suffix}" for suffix in suffixes] for plot in plots]
    for path in chain.from_iterable(paths):
        check_writable(path)
    for plot, wanted in zip(plots, paths, strict=True):
        figure = draw(plot.chart)
        for path in wanted:
            with print_style():
                write_figure(figure, path)
    return list(chain.from_iterable(paths))


def _check_suffixes(*suffixes: str) -> None:
    for suffix in suffixes:
        if suffix not in SUFFIXES:
            raise InputError(f"figures in {', '.join(SUFFIXES)}", suffix or "no suffix", "Choose out of these.")


def spaced(items: Sequence[T], count: int) -> list[T]:
    """At most ``count`` items, evenly spaced from the first to the last.

    Examples
    --------
    >>> spaced(range(1, 21), 5)
    [1, 6, 11, 15, 20]
    """
    if len(items) <= count or count == 1:
        return list(items[:count])
    return [items[round(place * (len(items) - 1) / (count - 1))] for place in range(count)]


def _drawn(charts: Mapping[str, Any], make: Make) -> Any:
    """A figure of charts of one kind by their titles."""
    figure = _DRAWINGS[type(next(iter(charts.values())))](charts, make)
    label_logarithms(figure)
    return figure


def _resolved(choice: Choice) -> dict[str, Any]:
    """Charts by name; those of a choice within it by both names."""
    found: dict[str, Any] = {}
    for name, chart in choice.charts.items():
        if isinstance(chart, Choice):
            found |= {f"{name}, {_titled(chart.label, inner)}": each for inner, each in _resolved(chart).items()}
        else:
            found[name] = chart
    return found


def _titled(label: str, name: str) -> str:
    """A name as a title: numbers say what they count."""
    return f"{label} {name}" if name.replace(".", "").isdecimal() else name


def _small_multiples(charts: Mapping[str, Panels], make: Make) -> Any:
    """The panels of a single chart."""
    (chart,) = charts.values()
    return draw_curve_panels(chart.charts, make)


_DRAWINGS: Mapping[type, Callable[[Any, Make], Any]] = {
    Curves: draw_curve_panels,
    Panels: _small_multiples,
    Bars: draw_bar_panels,
    HeatMap: draw_heat_maps,
    Pictures: draw_pictures,
}
"""Functions that draw charts of a kind, one or several of them by their titles."""
