"""Plots in notebooks that have plotly: the figure has the numbers of the chart, and a picture is beside it."""

from __future__ import annotations

import json
import re
import sys

import pytest

from agop.charts.chart import Bars, Choice, Curve, Curves, HeatMap, Panels, Series
from agop.charts.document import Plot
from agop.charts.interactive import MIME, plotly_figure
from agop.charts.notebook import PlotView

EVIL = "<a href='javascript:alert(1)'>&amp;"

BAND = Curve("input", ["2", "1", "fc"], [4.0, None, 1.0], "#2b7bba", [3.0, None, 0.5], [5.5, None, 2.0], "dot")
SEEDS = Curve(EVIL, ["2", "1", "fc"], [1.0, 2.0, float("nan")], "#d55e00", seeds={"seed 0": [0.5, 1.0, 2.0]})
CURVES = Curves(EVIL, "NC1", [BAND, SEEDS], y_range=(1e-2, 10.0))
EFFECT = Series("effect", [0.5, None, 0.25], "#2b7bba", [0.0625, None, 0.125])
BARS = Bars(["a", EVIL, "a"], "% of the variance", [EFFECT])

OTHERS = {
    "map": HeatMap("epoch", "layer", [0, 1], ["a", "b"], [[1.0, 2.0], [3.0, 4.0]], "NC1"),
    "panels": Panels("block", "NC1", {"q": [SEEDS], "k": [BAND]}),
    "choice": Choice("run", {"a": BARS, "b": BARS}),
}


def plot_of(chart):
    return Plot("name", EVIL, chart, [], "A caption. " * 30)


def bundle_of(chart):
    """The bundle of a plot, once it is what notebooks store: text by MIME type, JSON for types that end so."""
    bundle = PlotView(plot_of(chart))._repr_mimebundle_(include=None, exclude=None)
    for mime, content in bundle.items():
        assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", mime)
        assert isinstance(content, dict if mime.endswith("+json") else str)
    return json.loads(json.dumps(bundle, allow_nan=False))


def test_curves_have_the_numbers_of_the_chart():
    band, seed, line = plotly_figure(plot_of(CURVES))["data"]
    assert (band["x"], band["y"]) == (list(BAND.x), list(BAND.y))
    assert (band["error_y"]["array"], band["error_y"]["arrayminus"]) == ([1.5, None, 1.0], [1.0, None, 0.5])
    assert (band["line"]["color"], band["line"]["dash"]) == ("#2b7bba", "dot")
    assert line["y"] == [1.0, 2.0, None]  # JSON has no NaN
    assert line["error_y"] == {"visible": False}
    assert seed["y"] == [0.5, 1.0, 2.0]
    assert seed["legendgroup"] == line["legendgroup"] != band["legendgroup"]
    assert [trace.get("showlegend", True) for trace in (band, seed, line)] == [True, False, True]


def test_axes_are_those_of_the_chart():
    layout = plotly_figure(plot_of(CURVES))["layout"]
    assert layout["xaxis"]["categoryarray"] == ["2", "1", "fc"]  # in the order of the layers, whatever their names
    assert layout["yaxis"]["type"] == "log"
    assert layout["yaxis"]["range"] == [-2.0, 1.0]
    numbers = Curves("epoch", "accuracy", [Curve("a", [1, 10], [0.5, 0.75], "#2b7bba")], log_x=True, log_y=False)
    layout = plotly_figure(plot_of(numbers))["layout"]
    assert (layout["xaxis"]["type"], layout["yaxis"]["type"]) == ("log", "linear")


def test_bars_have_two_standard_errors_and_every_category_a_place():
    figure = plotly_figure(plot_of(BARS))
    (bars,) = figure["data"]
    assert (bars["x"], bars["y"]) == ([0.5, None, 0.25], [0, 1, 2])
    assert bars["error_x"]["array"] == [0.125, None, 0.25]
    assert figure["layout"]["yaxis"]["ticktext"][::2] == ["a", "a"]
    assert figure["layout"]["yaxis"]["autorange"] == "reversed"  # the first on top


@pytest.mark.parametrize("chart", [CURVES, BARS])
def test_plotly_takes_the_figure_and_names_stay_text(chart):
    figure = plotly_figure(plot_of(chart))
    pytest.importorskip("plotly.graph_objects").Figure(figure)  # refuses what it does not know
    text = json.dumps(figure)
    assert "<a" not in text
    assert "&lt;a href='javascript:alert(1)'&gt;&amp;amp;" in text
    assert figure["layout"]["annotations"][0]["text"].replace("<br>", " ") == ("A caption. " * 30).strip()


def test_a_picture_is_beside_the_figure():
    pytest.importorskip("plotly")
    pytest.importorskip("matplotlib")
    bundle = bundle_of(CURVES)
    assert set(bundle) == {MIME, "text/plain", "text/html", "image/svg+xml"}
    assert bundle[MIME] == plotly_figure(plot_of(CURVES))
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["image/svg+xml"] in bundle["text/html"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_charts_are_pictures(name):
    pytest.importorskip("matplotlib")
    assert set(bundle_of(OTHERS[name])) == {"text/plain", "text/html", "image/svg+xml"}


def test_without_plotly_there_is_the_picture(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setitem(sys.modules, "plotly", None)
    assert set(bundle_of(BARS)) == {"text/plain", "text/html", "image/svg+xml"}
