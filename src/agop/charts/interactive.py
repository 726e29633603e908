"""Curves and bars as figures of plotly, in the JSON that notebooks draw."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from html import escape
from math import log10
from typing import Any

from agop.charts.chart import Bars, Curve, Curves, Values
from agop.charts.document import Plot
from agop.runs.storage import JSON, to_json

__all__ = ["MIME", "plotly_figure"]

MIME = "application/vnd.plotly.v1+json"
"""Type under which a notebook takes a figure of plotly."""

_LETTERS = 110
"""Letters of a line of a caption."""


def plotly_figure(plot: Plot) -> JSON:
    """Figure of plotly with the numbers of a chart of curves or of bars, its title and its caption; None for others.

    An interval is an error bar, and a single seed a thin line. Bars have two standard errors on each side.

    Parameters
    ----------
    plot
        Plot of a page.

    Returns
    -------
    dict or None
        "data" and "layout", which ``plotly.graph_objects.Figure`` takes as well.

    Examples
    --------
    >>> curve = Curve("input", [1, 2], [4.0, 0.5], "#2b7bba")
    >>> figure = plotly_figure(Plot("nc1", "NC1 by layer", Curves("layer", "NC1", [curve]), [], "Caption."))
    >>> figure["data"][0]["y"], figure["layout"]["yaxis"]["type"]
    ([4.0, 0.5], 'log')
    """
    chart = plot.chart
    if isinstance(chart, Curves):
        data, layout = list(_lines(chart)), _curve_layout(chart)
    elif isinstance(chart, Bars):
        data, layout = list(_bars(chart)), _bar_layout(chart)
    else:
        return None
    caption = textwrap.wrap(plot.caption, _LETTERS)
    below = {
        "text": "<br>".join(map(_text, caption)),
        "font": {"size": 11},
        "align": "left",
        "showarrow": False,
        "xref": "paper",
        "x": 0,
        "xanchor": "left",
        "yref": "paper",
        "y": 0,
        "yanchor": "top",
        "yshift": -50,
    }
    frame: dict[str, Any] = {
        "title": {"text": _text(plot.title)},
        "annotations": [below],
        "margin": {"b": 60 + 15 * len(caption)},
    }
    whole: dict[str, Any] = {**frame, **layout}
    return to_json({"data": data, "layout": whole})


def _text(text: str) -> str:
    """A text that plotly, which reads some HTML, shows as it is."""
    return escape(text, quote=False)


def _lines(chart: Curves) -> Iterator[dict[str, Any]]:
    """Traces of each curve: its seeds, and the line with its intervals."""
    for place, curve in enumerate(chart.curves):
        line: dict[str, Any] = {
            "type": "scatter",
            "x": list(curve.x),
            "name": _text(curve.name),
            "legendgroup": str(place),
            "line": {"color": curve.color, "dash": curve.dash},
            "connectgaps": False,
        }
        for seed, heights in curve.seeds.items():
            thin = {"mode": "lines", "line": {**line["line"], "width": 0.8}, "opacity": 0.6, "showlegend": False}
            yield {**line, **thin, "y": list(heights), "name": _text(f"{curve.name}, {seed}")}
        yield {**line, "mode": "lines+markers", "y": list(curve.y), "error_y": _interval(curve)}


def _interval(curve: Curve) -> dict[str, Any]:
    """Error bars from the ends of the intervals."""
    if curve.low is None or curve.high is None:
        return {"visible": False}
    above, below = _differences(curve.high, curve.y), _differences(curve.y, curve.low)
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1}


def _differences(larger: Values, smaller: Values) -> list[float | None]:
    return [None if a is None or b is None else a - b for a, b in zip(larger, smaller, strict=True)]


def _curve_layout(chart: Curves) -> dict[str, Any]:
    places: Sequence[float | str] = list(dict.fromkeys(x for curve in chart.curves for x in curve.x))
    named = any(isinstance(x, str) for x in places)
    # A layer may be called "2".
    names: dict[str, Any] = {"type": "category", "categoryorder": "array", "categoryarray": places}
    x_axis = names if named else {"type": "log" if chart.log_x else "linear"}
    y_axis: dict[str, Any] = {"type": "log" if chart.log_y else "linear", "exponentformat": "power"}
    if chart.y_range is not None:
        y_axis["range"] = [log10(end) if chart.log_y else end for end in chart.y_range]
    return {
        "xaxis": {"title": {"text": _text(chart.x_title)}, **x_axis},
        "yaxis": {"title": {"text": _text(chart.y_title)}, **y_axis},
    }


def _bars(chart: Bars) -> Iterator[dict[str, Any]]:
    for series in chart.series:
        errors = [None if error is None else 2 * error for error in series.errors or ()]
        yield {
            "type": "bar",
            "orientation": "h",
            "name": _text(series.name),
            "marker": {"color": series.color},
            "x": list(series.values),
            "y": list(range(len(chart.categories))),
            "error_x": {"type": "data", "array": errors, "thickness": 1} if errors else {"visible": False},
            "hovertext": [_text(category) for category in chart.categories],
            "hoverinfo": "x+text+name",
        }


def _bar_layout(chart: Bars) -> dict[str, Any]:
    places = list(range(len(chart.categories)))
    names = {"tickvals": places, "ticktext": [_text(category) for category in chart.categories]}
    return {
        "barmode": "relative" if chart.stacked else "group",
        "height": 220 + 15 * len(places) * (1 if chart.stacked else len(chart.series)),
        "xaxis": {"title": {"text": _text(chart.x_title)}},
        "yaxis": {"autorange": "reversed", "automargin": True, **names},
    }
