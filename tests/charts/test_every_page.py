"""Pages of every kind of run can be read: on a phone, a tablet and a screen no text is cut or lies on another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agop import Laplace, RFMClassifier, RFMRegressor, report, save, table_pipeline
from agop.charts.kind import all_kinds
from agop.conv_rfm import ConvRFMSettings, run_conv_rfm
from agop.datasets import load
from agop.deep_rfm import DeepRFMSettings, run_deep_rfm
from agop.paper import TrainSettings, run_train
from agop.reports import result_of
from agop.tables import ExplainSettings, run_explain
from charts.browser import Visit, chromium
from network.record.made import transformer

pytest.importorskip("plotly")

ROOT = Path(__file__).parents[2]


def network(folder):
    settings = TrainSettings(samples=150, test_samples=20, width=8, fc_layers=2, epochs=3, every=1, seeds=(0, 1))
    return [run_train(settings, load("digits"), folder / "small").path]


def networks(folder):
    settings = {"samples": 150, "test_samples": 20, "width": 8, "fc_layers": 2, "epochs": 2, "every": 1, "seeds": (0,)}
    names = ("learning rate 0.1", "a learning rate that is much smaller")
    return [
        run_train(TrainSettings(**settings, lr=lr), load("digits"), folder / name).path
        for name, lr in zip(names, (0.1, 0.001), strict=True)
    ]


def deep_network(folder):
    transformer(30, 32).save(folder / "blocks.safetensors")
    return [folder / "blocks.safetensors"]


def deep_rfm(folder):
    settings = DeepRFMSettings(samples=150, test_samples=20, depth=3, width=32, control=True, seeds=(0, 1))
    return [run_deep_rfm(settings, load("digits"), folder / "deep").path]


def conv_rfm(folder):
    settings = ConvRFMSettings(samples=150, test_samples=20)
    return [run_conv_rfm(settings, load("digits"), folder / "conv").path]


def table(folder):
    """Columns of long and of short names, categories, and targets of tens of thousands."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    names = ["age", "fine_aggregate_of_the_mixture", "coarse_aggregate_of_the_mixture", "population", "x", "y"]
    frame = pandas.DataFrame(rng.normal(size=(80, 6)), columns=names)
    frame["ocean_proximity"] = rng.choice(["<1H OCEAN", "INLAND", "NEAR BAY"], 80)
    frame["price"] = 1e5 * (1 + frame["age"] ** 2 + frame["x"] * frame["y"])
    rfm = RFMRegressor(Laplace(5.0), ridge=0.1, n_iterations=1, selection=None)
    return [explained(folder, "prices", rfm, frame, frame["price"], "price")]


def explained(folder, name, rfm, frame, targets, target):
    pipeline = table_pipeline(rfm).fit(frame.drop(columns=target), targets.to_numpy())
    pipeline[0].target_ = target
    save(pipeline, folder / f"{name}.safetensors")
    settings = ExplainSettings(model=str(folder / f"{name}.safetensors"), table="rows", folds=2, swaps=200)
    return run_explain(settings, pipeline, frame, folder / name).path


def tables(folder):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.random.default_rng(1).normal(size=(60, 3)), columns=["a", "b", "c"])
    frame["kind"] = np.where(frame["a"] > 0, "yes", "no")
    rfm = RFMClassifier(Laplace(5.0), ridge=0.1, n_iterations=1, selection=None)
    return [*table(folder), explained(folder, "kinds", rfm, frame, frame["kind"], "kind")]


def figure(folder):
    if not (ROOT / "results").is_dir():
        pytest.skip("a source distribution has no results")
    return [ROOT / "results/reproduce-cpu/initialization"]


PAGES = [network, networks, deep_network, deep_rfm, conv_rfm, table, tables, figure]


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module", params=PAGES, ids=lambda make: make.__name__)
def page(request, tmp_path_factory):
    """A page, and the kinds of the runs on it."""
    folder = tmp_path_factory.mktemp("page")
    runs = request.param(folder)
    return report(runs, folder / "report.html"), request.param, {type(result_of(run)) for run in runs}


SHOWN = {}


@pytest.mark.parametrize("width", [320, 768, 1400])
def test_every_text_can_be_read(browser, page, width):
    """In light and in dark colors."""
    path, make, kinds = page
    SHOWN[make] = kinds
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        visit = Visit(context, path)
        visit.until_whole()
        assert visit.page.locator("section .chart .main-svg text").count() > 10
        assert visit.unreadable() == []
        assert visit.pale() == []
        visit.darken()
        assert visit.unreadable() == []
        assert visit.pale() == []
        assert visit.complaints == []


def test_no_kind_is_left_out():
    """Of the pages that were shown above, if all were."""
    if len(SHOWN) < len(PAGES):
        pytest.skip("some pages were not shown")
    assert {kind.result for kind in all_kinds().values()} == set.union(*SHOWN.values())


def test_what_cannot_be_read_is_found(browser, tmp_path):
    text = '<text x="{}" y="20">one</text>'
    svg = "<svg class='main-svg' width='100' height='40'>" + "".join(map(text.format, (5, 12, 90))) + "</svg>"
    chart = "<div class='chart' style='width: 100px; overflow: hidden'>{}</div>"
    pale = "<p style='color: #999'>pale</p><p style='background: #111'>dark</p><p>black</p>"
    bad = f"{pale}<section id='a'>{chart.format(svg)}</section><section id='b'>{chart.format('')}</section>"
    (tmp_path / "bad.html").write_text(f"{bad}<div style='width: 5000px'>wide</div>", encoding="utf-8")
    with browser.new_context(viewport={"width": 600, "height": 900}) as context:
        visit = Visit(context, tmp_path / "bad.html")
        found, pale = visit.unreadable(), visit.pale()
    assert found[:3] == ["a: one is cut", "a: one lies on one", "b is not drawn"]
    assert "wide" in found[3]
    assert [text.split(":")[0] for text in pale] == ["pale", "dark"]
