"""Labels of logarithmic axes: below two decades no digit stands for two numbers."""

from __future__ import annotations

import numpy as np
import pytest

from agop.charts import write_page
from agop.charts.chart import Curve, Curves, HeatMap
from agop.charts.document import Document, Plot
from agop.charts.print.figures import draw
from agop.charts.print.log_ticks import label_logarithms, log_ticks
from charts.browser import Visit, chromium

mpl = pytest.importorskip("matplotlib")
from matplotlib.figure import Figure  # noqa: E402 (after the check that it is there)

RANGES = {"a": (5.0, 0.15), "b": (0.7, 0.61), "c": (0.5, 0.5), "d": (1.0, 4.9), "e": (0.02, 1.0)}


def chart(values, **options):
    return Curves("layer", "NC1", [Curve("input", list(range(len(values))), list(values), "#2b7bba")], **options)


def labels(axis):
    """Labels within the axis, as numbers."""
    axis.figure.draw_without_rendering()
    low, high = sorted(axis.get_view_interval())
    shown = [(place, label.get_text()) for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)]
    return {text: place for place, text in shown if low <= place <= high}


@pytest.mark.parametrize("values", RANGES.values(), ids=RANGES)
def test_labels_in_print_are_their_numbers(values):
    axis = draw(chart(values)).axes[0].yaxis
    found = labels(axis)
    assert len(found) >= 3
    assert [float(text) for text in found] == pytest.approx(list(found.values()))
    assert not [text for text in axis.get_minorticklabels() if text.get_text()]


def test_one_two_five():
    assert list(map(float, labels(draw(chart((0.2, 5.0))).axes[0].yaxis))) == [0.2, 0.5, 1, 2, 5]


def test_two_decades_have_powers_of_ten():
    figure = draw(chart((10.0, 0.02)))
    assert {"$\\mathdefault{10^{0}}$", "$\\mathdefault{10^{-1}}$"} <= labels(figure.axes[0].yaxis).keys()
    assert log_ticks(0.02, 10.0) == []


def test_long_numbers_have_a_power():
    assert set(labels(draw(chart((1e-5, 5e-4))).axes[0].yaxis)) >= {r"$2\times10^{-5}$", r"$10^{-4}$"}


def test_the_scale_of_colors():
    cells = HeatMap("epoch", "layer", [0, 1], ["a", "b"], [[0.15, 0.5], [2.0, 4.0]], "NC1", log=True)
    bar = draw(cells).axes[-1]
    assert [float(text) for text in labels(bar.yaxis)] == [0.2, 0.5, 1, 2]


def test_ticks_that_were_chosen_stay():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0.3, 1.0, 2.0], [1.0, 2.0, 3.0])
    axes.set_xscale("log")
    axes.set_xticks([0.3, 2.0], ["low", "high"])
    label_logarithms(figure)
    assert list(labels(axes.xaxis)) == ["low", "high"]


@pytest.mark.parametrize(
    ("low", "high"), [(0.3, 0.9), (0.6, 3.1), (0.02, 1.9), (7.0, 8.0), (1e-9, 2e-9), (99.0, 101.0)]
)
def test_there_are_always_some(low, high):
    found = np.array(log_ticks(low, high))
    assert 2 <= len(found) <= 8
    assert ((low <= found) & (found <= high)).all()


def test_labels_on_the_page(tmp_path):
    plots = [Plot(name, name, chart(values), [], "caption") for name, values in RANGES.items()]
    names = ["mass [kg]", "rate [/h]", "<b>x</b>"]
    cells = HeatMap("epoch", "layer", [0, 1], names, [[0.15, 0.5], [1.0, 2.0], [3.0, 4.0]], "NC1", log=True)
    plots.append(Plot("map", "map", cells, [], "caption"))
    path = write_page(Document("axes", "lead", [], plots, []), tmp_path / "page.html")
    with chromium() as browser, browser.new_context() as context:
        visit = Visit(context, path)
        for name, (first, last) in RANGES.items():
            texts = visit.plot(name).locator(".yaxislayer-above .ytick text, .ytick text").all_text_contents()
            found = [float(text) for text in texts]
            assert len(set(found)) == len(found) >= 3
            assert min(first, last) / 10.1 <= min(found) <= max(found) <= max(first, last) * 10.1
        assert set(visit.plot("map").locator(".cbaxis text").all_text_contents()) == {"0.2", "0.5", "1", "2"}
        assert visit.plot("map").locator(".ytick text").all_text_contents() == names
        assert visit.complaints == []


SCALES = [(0.31, 0.99), (0.51, 1.28), (1.01, 4.99), (7.0, 8.0), (0.2, 19.0), (1e-5, 3e-5), (101.0, 109.0)]


@pytest.mark.parametrize("width", [320, 1400])
def test_no_label_of_a_short_scale_of_colors_lies_on_another(tmp_path, width):
    maps = {
        f"map{number}": HeatMap("epoch", "layer", [0, 1], ["a", "b"], [[low, high], [low, high]], "NC1", log=True)
        for number, (low, high) in enumerate(SCALES)
    }
    plots = [Plot(name, name, cells, [], "caption") for name, cells in maps.items()]
    path = write_page(Document("scales", "lead", [], plots, []), tmp_path / "page.html")
    with chromium() as browser, browser.new_context(viewport={"width": width, "height": 900}) as context:
        visit = Visit(context, path)
        visit.until_whole()
        assert visit.unreadable() == []
        for name in maps:
            assert visit.plot(name).locator(".cbaxis text").count() >= 2
