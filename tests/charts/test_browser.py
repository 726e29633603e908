"""The page in a real browser: quiet, without requests, and everything on it works."""

from __future__ import annotations

import csv
import io
import itertools
import json
import pathlib
import re

import numpy as np
import pytest
from matplotlib import image

from agop.charts import write_page
from agop.charts.changes import plain_change
from agop.charts.chart import Bars, Choice, Curve, Curves, HeatMap, Panels, Picture, Pictures, Series
from agop.charts.document import Document, NumberTable, Plot, Summary
from agop.charts.findings import Finding
from agop.collapse.terms import TERMS
from agop.runs import summarize_seeds
from charts.browser import Visit, chromium

FOUND = Finding("NC1", "layer inputs", 0.5, course=plain_change(8.0, 0.5))

SHOWN = 5e-5
"""Relative error of numbers on a page, which have five digits."""


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def path(run, tmp_path_factory):
    from agop.reports import report

    return report(run, tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture
def visit(browser, path):
    with browser.new_context(color_scheme="light", viewport={"width": 1000, "height": 800}) as context:
        yield Visit(context, path)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """A page with a plot of each kind of chart, and texts that would do harm if they were taken for HTML."""
    evil = "</script><b>&"
    harm = Finding(evil, evil, None, notes=(evil,))
    curve = Curve(evil, [1, 2, 3], [4.0, None, 1.0], "#2b7bba", [3.0, None, 0.5], [5.0, None, 2.0])
    layers = {
        name: Curves("epoch", "NC1", [Curve("input", [0, 9], [factor, 1.0], "#2b7bba")])
        for factor, name in ((4.0, "fc.1"), (8.0, "fc.2"))
    }
    rng = np.random.default_rng(0)
    pictures = [Picture("gray", rng.normal(size=(4, 5))), Picture("color", rng.normal(size=(4, 5, 3)))]
    nested = {
        "a": Choice("direction", {k: Bars([evil, "y"], "entry", [Series("s", [0.5, -0.25], "#d55e00")]) for k in "12"}),
        "b": Choice("direction", {"1": Bars(["z"], "entry", [Series("s", [0.125], "#d55e00")])}),
    }
    plots = [
        Plot("curves", evil, Curves("layer", "NC1", [curve]), [harm], evil, ("NC1",)),
        Plot(
            "map",
            "Map",
            HeatMap("epoch", "layer", [0, 9], ["fc.1", "fc.2"], [[4.0, 1.0], [None, 2.0]], "NC1", True, picks="layer"),
            [FOUND],
            "caption",
        ),
        Plot("epochs", "Epochs", Choice("layer", layers), [FOUND], "caption"),
        Plot("pictures", "Pictures", Pictures(pictures, "entry", -3.0, 3.0), [FOUND], "caption"),
        Plot("nested", "Nested", Choice("run", nested, start="a"), [FOUND], "caption"),
    ]
    table = NumberTable("Numbers", ["layer", "NC1"], [["1", "4"]])
    page = Document(evil, "lead", [FOUND], plots, [table], ["note"], terms={"NC1": (evil, evil)})
    return write_page(page, tmp_path_factory.mktemp("kinds") / "report.html")


@pytest.fixture
def every_kind(browser, kinds):
    with browser.new_context(color_scheme="light", viewport={"width": 1000, "height": 800}) as context:
        yield Visit(context, kinds)


def test_quiet_and_offline(visit):
    for name in ("nc1", "nc2", "gram", "spectra", "accuracy"):
        visit.plot(name)
    assert visit.complaints == []
    assert visit.requests == []


def test_silence_means_something(browser, tmp_path):
    broken = tmp_path / "broken.html"
    broken.write_text("<script>missing()</script><img src='http://example.org/x.png'>", encoding="utf-8")
    with browser.new_context() as context:
        found = Visit(context, broken)
        assert any("missing" in text for text in found.complaints)
        assert found.requests == ["http://example.org/x.png"]


def test_the_policy_of_the_page_forbids_requests(visit):
    visit.page.evaluate("fetch('http://example.org/').catch(() => null)")
    assert any("Content Security Policy" in text for text in visit.complaints)


def test_an_old_browser_is_told_and_shows_the_rest(browser, path):
    with browser.new_context() as context:
        context.add_init_script("delete globalThis.DecompressionStream")
        visit = Visit(context, path)
        assert visit.page.get_by_text("need a browser of 2023 or later").is_visible()
        assert visit.page.locator(".main-svg").count() == 0
        assert visit.page.locator("section[aria-labelledby=findings] table").first.is_visible()
        assert visit.complaints == []


def test_a_link_to_a_plot_leads_there(browser, path):
    with browser.new_context(viewport={"width": 1000, "height": 600}) as context:
        page = context.new_page()
        page.goto(f"{path.as_uri()}#gram")
        page.locator("#gram .main-svg").first.wait_for()
        assert -5 < page.locator("#gram").bounding_box()["y"] < 60


def test_slider_moves_the_gram_panels(visit, run):
    last = visit.drawn("gram")
    assert [trace["name"] for trace in last] == ["X", "X M½", "X, control"]
    slider = visit.plot("gram").get_by_role("slider", name="layer")
    assert slider.get_attribute("aria-valuetext") == "layer 3"
    slider.focus()
    visit.page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "layer 2"
    visit.page.keyboard.press("Home")
    assert visit.plot("gram").locator(".value").text_content() == "1"
    expected = run.load_tensors()["agop/seed0/layer01/gram/input"].float().numpy()
    np.testing.assert_allclose(visit.drawn("gram")[0]["z"], expected, atol=1 / 254 + 1e-6)  # steps of 1/127


def test_curves_show_the_numbers(visit, run):
    drawn = visit.drawn("nc1")
    traces = [trace for trace in drawn if trace.get("showlegend", True)]
    found = summarize_seeds(run.metrics(), "nc1_trace_ratio")
    assert not [trace for trace in drawn if "fill" in trace]  # two seeds are drawn as lines
    thin = [trace["y"] for trace in drawn if not trace.get("showlegend", True)]
    for seed in (0, 1):
        values = [dict(layer.values)[seed] for layer in found[False, "input"].values()]
        assert thin[seed] == pytest.approx(values, rel=SHOWN)
    assert [trace["name"] for trace in traces][:2] == ["X (input)", "X M½ (AGOP)"]
    assert traces[0]["y"] == pytest.approx([layer.mean for layer in found[False, "input"].values()], rel=SHOWN)
    control = next(trace for trace in traces if trace["name"] == "X (input), control")
    assert control["line"]["dash"] == "dash"
    assert visit.page.evaluate("document.querySelector('#nc1 .chart').layout.yaxis.type") == "log"


def test_data_behind_the_buttons(visit, run):
    found = summarize_seeds(run.metrics(), "nc1_trace_ratio")[False, "agop"]
    rows = list(csv.DictReader(io.StringIO(visit.saved("nc1", "csv"))))
    mine = [row for row in rows if row["curve"] == "X M½ (AGOP)" and not row["seed"]]
    assert [int(row["layer"]) for row in mine] == [1, 2, 3]
    for row, layer in zip(mine, found.values(), strict=True):
        assert float(row["NC1"]) == pytest.approx(layer.mean, rel=SHOWN)
        assert "low" not in row  # two seeds are no interval, each has rows of its own
    for seed in (0, 1):
        own = [row for row in rows if row["curve"] == "X M½ (AGOP)" and row["seed"] == f"seed {seed}"]
        values = [dict(layer.values)[seed] for layer in found.values()]
        assert [float(row["NC1"]) for row in own] == pytest.approx(values, rel=SHOWN)
    as_json = json.loads(visit.saved("nc1", "json"))
    assert as_json["title"] == "NC1 by layer"
    assert len(as_json["rows"]) == len(rows)
    assert as_json["rows"][0]["curve"] == "X (input)"


def test_table_of_the_data(visit, run):
    section = visit.plot("nc1")
    section.get_by_text("Data as a table").click()
    section.locator("details.data tbody tr").first.wait_for()
    assert section.locator("details.data th").all_text_contents()[:2] == ["curve", "layer"]
    assert section.locator("details.data tbody tr").count() == 45  # five curves of three layers: means and two seeds
    gram = visit.plot("gram")
    gram.get_by_text("Data as a table").click()
    gram.locator("details.data tbody tr").first.wait_for()
    assert gram.locator("details.data tbody tr").count() == 3 * 12 * 12
    assert float(gram.locator("details.data tbody tr td").nth(3).text_content()) == pytest.approx(
        run.load_tensors()["agop/seed0/layer03/gram/input"][0, 0].item(), abs=0.005
    )


def test_theme_switches(visit):
    color = "getComputedStyle(document.body).backgroundColor"
    ink = "document.querySelector('#nc1 .chart').layout.font.color"
    visit.plot("nc1")
    light = visit.page.evaluate(color), visit.page.evaluate(ink)
    visit.page.get_by_role("button", name="Switch to dark colors").click()
    visit.until(f"{ink} !== '{light[1]}'")
    assert visit.page.evaluate(color) == "rgb(20, 23, 28)" != light[0]
    visit.page.get_by_role("button", name="Switch to light colors").click()
    visit.until(f"{ink} === '{light[1]}'")
    assert visit.page.evaluate(color) == light[0]


def test_dark_systems_get_a_dark_page(browser, path):
    with browser.new_context(color_scheme="dark") as context:
        page = Visit(context, path).page
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
        page.get_by_role("button", name="Switch to light colors").wait_for()


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_is_wider_than_a_phone(browser, path, kinds, width):
    with browser.new_context(viewport={"width": width, "height": 700}, has_touch=True, is_mobile=True) as context:
        for file in (path, kinds):
            visit = Visit(context, file)
            names = visit.page.eval_on_selector_all("section.plot", "all => all.map(each => each.id)")
            assert len(names) > 3
            for name in names:
                visit.plot(name)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
            assert visit.complaints == []


def test_plots_follow_the_width_of_the_window(visit):
    visit.plot("nc1")
    width = "document.querySelector('#nc1 .chart').layout.width"
    before = visit.page.evaluate(width)
    visit.page.set_viewport_size({"width": 600, "height": 800})
    visit.until(f"{width} < {before - 200}")


def test_everything_is_reached_by_keyboard(visit):
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the findings"
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(60):
        visit.page.keyboard.press("Tab")
        name = "e => [e.tagName, e.closest('section')?.id ?? '', e.type ?? ''].join(' ')"
        reached.add(visit.page.evaluate(f"({name})(document.activeElement)"))
    assert {"BUTTON nc1 button", "SUMMARY nc1 ", "INPUT gram range", "SUMMARY numbers "} <= reached


def test_names_for_screen_readers(visit):
    page = visit.page
    visit.plot("nc1")
    assert page.locator("html").get_attribute("lang") == "en"
    for section in page.locator("section.plot").all():
        image = section.locator("[role=img]")
        title, *texts = (image.get_attribute(f"aria-{name}") for name in ("labelledby", "describedby"))
        assert page.locator(f"#{title}").text_content()
        for text in texts[0].split():
            assert page.locator(f"#{text}").text_content().strip()
        assert section.locator(".downloads").get_attribute("aria-label").startswith("Files of ")
    levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(each => each.tagName)")
    assert levels[0] == "H1"
    assert levels.count("H1") == 1


def test_definitions_fold_out(visit):
    section = visit.plot("nc1")
    text, source = TERMS["NC1"]
    assert not section.get_by_text(text).is_visible()
    section.get_by_text("Definitions").click()
    assert section.get_by_text(text).is_visible()
    assert source in section.locator("cite").all_text_contents()


def test_print_is_light_and_narrow(visit, tmp_path):
    visit.plot("nc1")
    visit.page.get_by_role("button", name="Switch to dark colors").click()
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    visit.until("document.querySelector('#gram .chart').layout?.width === 660")
    assert visit.page.evaluate("document.documentElement.dataset.theme") == "light"
    visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
    visit.until("document.querySelector('#gram .chart').layout?.width !== 660")
    assert visit.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert visit.page.pdf().startswith(b"%PDF")


def test_texts_stay_texts(every_kind):
    assert every_kind.page.title() == "</script><b>&"
    for name in ("curves", "map", "epochs", "pictures", "nested"):
        every_kind.plot(name)
    assert every_kind.page.locator("b").count() == 0
    assert every_kind.complaints == []
    assert every_kind.plot("nested").locator(".ytick text").first.text_content() == "</script><b>&"


def test_gaps_and_bands(every_kind):
    band, curve = every_kind.drawn("curves")
    assert curve["y"] == [4, None, 1]
    assert band["fill"] == "toself"
    assert band["x"] == [1, 1, None, 3, 3, None]  # an outline on each side of the gap
    assert band["y"] == [3, 5, None, 0.5, 2, None]
    rows = list(csv.DictReader(io.StringIO(every_kind.saved("curves", "csv"))))
    assert [row["NC1"] for row in rows] == ["4", "", "1"]
    assert rows[0]["curve"] == "</script><b>&"


def test_a_click_on_a_layer_shows_its_curves(every_kind):
    assert every_kind.drawn("epochs")[0]["y"] == [8, 1]
    assert every_kind.drawn("map")[0]["z"][0] == pytest.approx([np.log10(4), 0.0])
    cells = every_kind.plot("map").locator(".nsewdrag").first.bounding_box()
    every_kind.page.mouse.move(cells["x"] + cells["width"] / 4, cells["y"] + cells["height"] / 4)
    every_kind.page.mouse.click(cells["x"] + cells["width"] / 4, cells["y"] + cells["height"] / 4)
    every_kind.until("document.querySelector('#epochs select').value === 'fc.1'")
    assert every_kind.drawn("epochs")[0]["y"] == [4, 1]
    assert every_kind.page.locator("#said").text_content() == "layer fc.1 is shown"


def test_a_list_chooses_by_keyboard(every_kind):
    every_kind.plot("epochs").get_by_role("combobox", name="layer").select_option("fc.1")
    assert every_kind.drawn("epochs")[0]["y"] == [4, 1]


def test_choices_inside_choices(every_kind):
    section = every_kind.plot("nested")
    section.get_by_role("combobox", name="direction").select_option("1")
    section.get_by_role("combobox", name="run").select_option("b")
    assert section.get_by_role("combobox", name="direction").count() == 0
    assert every_kind.drawn("nested")[0]["x"] == [0.125]
    rows = list(csv.DictReader(io.StringIO(every_kind.saved("nested", "csv"))))
    assert [(row["run"], row["direction"]) for row in rows] == [*[("a", "1")] * 2, *[("a", "2")] * 2, ("b", "1")]


def test_pictures_in_grey_and_color(every_kind):
    gray, color = every_kind.drawn("pictures")
    rng = np.random.default_rng(0)
    expected, image = rng.normal(size=(4, 5)), rng.normal(size=(4, 5, 3))
    np.testing.assert_allclose(gray["z"], expected, atol=np.abs(expected).max() / 253)
    np.testing.assert_allclose(color["z"], 127.5 * (1 + image / np.abs(image).max()), atol=1.01)
    rows = list(csv.DictReader(io.StringIO(every_kind.saved("pictures", "csv"))))
    assert len(rows) == 40
    assert float(rows[-1]["blue"]) == pytest.approx(image[-1, -1, 2], abs=np.abs(image).max() / 200)


# ---- charts at the edge of what can be drawn ---------------------------------------------------------------------

LAYERS = [f"backbone.layer{k}.1.conv2" for k in range(30)]
RUN = 'a "very" <long> & peculiar name of a run, longer than any phone is wide'


def _curve(y, low=None, high=None, name="input", x=None):
    return Curve(name, x or list(range(1, len(y) + 1)), y, "#2b7bba", low, high)


EDGES = {
    "cut": Curves("index", "eigenvalue", [_curve([1.0, 0.1, 1e-9, 1e-9, 0.5, 9.0])], y_range=(1e-5, 1.5)),
    "half": Curves("layer", "NC1", [_curve([1.26, 0.7, 0.23])]),
    "money": Bars(["a × b and more words", "c"], "RMSE", [Series("s", [123_456.0, 20_000.0], "#2b7bba")]),
    "none": Curves("layer", "NC1", [_curve([None, None])]),
    "none-map": HeatMap("epoch", "layer", [0, 1], ["a", "b"], [[None, None], [None, None]], "NC1", True),
    "none-bars": Bars(["a"], "x", [Series("s", [None], "#2b7bba")]),
    "errors": Bars(["a", "b"], "share", [Series("effect", [0.5, None], "#2b7bba", [0.0625, None])]),
    "zeros": Curves("layer", "NC1", [_curve([1.0, 0.0, 1e-3], [0.5, 0.0, 0.0], [2.0, 0.0, 2e-3])]),
    "equal": Curves("layer", "NC1", [_curve([0.3, 0.3, 0.3])]),
    "decades": Curves("layer", "NC1", [_curve([10.0**-k for k in range(13)])]),
    "equal-map": HeatMap("epoch", "layer", [0, 1], ["a", "b"], [[0.0, 0.0], [0.0, 0.0]], "share", numbers=True),
    "square": HeatMap("column", "column", ["a", "b"], ["a", "b"], [[1.0, 2.0], [3.0, 4.0]], "coupling", numbers=True),
    "crowded": HeatMap("column", "row", LAYERS, LAYERS, [[0.0123] * 30] * 30, "coupling", numbers=True),
    "names": Curves("layer", "NC1", [_curve([1.0] * 30, name=f"{RUN}, {stage}", x=LAYERS) for stage in "abc"]),
    "family": Curves("epoch", "NFA", [_curve([0.5, 0.6], name=name) for name in LAYERS], log_y=False),
    "numbered": Curves("layer", "NC1", [_curve([4.0, 2.0, 1.0], x=["2", "1", "0"])]),
    "blocks": Curves("block", "NC1", [_curve([1.0] * 32, x=["model.embed", *map(str, range(30)), "lm_head"])]),
    "panels": Panels(
        "block",
        "NC1",
        {kind: [_curve([2.0**-k for k in range(30)], x=[*map(str, range(30))])] for kind in (*"abcdef", RUN)},
    ),
    "runs": Choice("run", dict.fromkeys((RUN, "b"), Bars([RUN], "x", [Series(RUN, [1.0], "#2b7bba")]))),
    "strips": Pictures([Picture("tall", np.ones((40, 2))), Picture("wide", np.ones((1, 40)))], "entry"),
    "single": Choice("layer", {"fc.1": Pictures([Picture("color", np.ones((20, 20, 3)))], "entry")}),
    "mixed": Choice(
        "layer",
        {
            "0": Pictures([Picture(str(k), np.full((20, 20), 0.5)) for k in range(3)], "entry"),
            "1": Pictures([Picture("color", np.ones((2, 2, 3)))], "entry"),
        },
    ),
}


@pytest.fixture(scope="module")
def edges(browser, tmp_path_factory):
    plots = [Plot(name, name, chart, [FOUND], "caption") for name, chart in EDGES.items()]
    page = Document("Edges", "lead", [FOUND], plots, [])
    path = write_page(page, tmp_path_factory.mktemp("edges") / "report.html")
    with browser.new_context(color_scheme="dark", viewport={"width": 1000, "height": 800}) as context:
        yield Visit(context, path)


def layout(visit, name, what):
    visit.plot(name)
    return visit.page.evaluate(f"document.querySelector('#{name} .chart')._fullLayout.{what}")


def test_edges_are_quiet_and_fit_a_phone(browser, edges):
    path = edges.page.evaluate("location.pathname")
    with browser.new_context(viewport={"width": 360, "height": 700}, has_touch=True, is_mobile=True) as context:
        for visit in (edges, Visit(context, pathlib.Path(path))):
            for name in EDGES:
                visit.plot(name)
            assert visit.complaints == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 360
        for name in ("names", "family"):
            assert_legend_is_clear(visit, name)
    for name in ("names", "family"):
        assert_legend_is_clear(edges, name)


def assert_legend_is_clear(visit, name):
    """A legend that neither overlaps the plot or its title nor is cut off."""
    section = visit.plot(name)
    legend, plot = (section.locator(part).first.bounding_box() for part in (".legend", ".nsewdrag"))
    assert legend["y"] + legend["height"] <= plot["y"] - (20 if section.locator(".annotation").count() else 0)
    entries = section.locator(".legend .traces").all()
    assert entries[-1].bounding_box()["y"] + 10 <= legend["y"] + legend["height"]


@pytest.mark.parametrize("name", ["none", "none-map", "none-bars"])
def test_charts_without_a_value_say_so(edges, name):
    assert "No values" in edges.plot(name).locator(".annotation-text").all_text_contents()
    assert layout(edges, "equal", "annotations.length") == 1


def test_bars_have_two_standard_errors_and_the_files_one(edges):
    edges.plot("errors")
    assert edges.page.evaluate("document.querySelector('#errors .chart').data[0].error_x.array[0]") == 0.125
    rows = list(csv.DictReader(io.StringIO(edges.saved("errors", "csv"))))
    assert [row["standard error"] for row in rows] == ["0.0625", ""]


def test_zeros_are_left_out_of_a_logarithmic_axis(edges):
    band, curve = edges.drawn("zeros")
    assert curve["y"] == [1, None, 1e-3]
    assert band["y"] == [0.5, 2, None, 1e-3, 2e-3, None]  # the band ends at the least number above 0


@pytest.mark.parametrize("name", ["equal", "decades", "names"])
def test_ticks_do_not_overlap(edges, name):
    boxes = [tick.bounding_box() for tick in edges.plot(name).locator(".ytick text").all()]
    heights = sorted((box["y"], box["y"] + box["height"]) for box in boxes)
    assert len(heights) > 3
    assert all(end <= start + 2 for (_, end), (start, _) in itertools.pairwise(heights))


TICKS = """name => [...document.querySelectorAll(`#${name} .chart :is(.xtick, .ytick, .x2tick, .y2tick, .cbaxis) text`)]
    .map((text) => { const { x, y, width, height } = text.getBoundingClientRect(); return { x, y, width, height } })"""


def overlapping(boxes, slack=1.0):
    """Pairs of boxes that intersect by more than some pixels in both directions."""

    def both(one, other, start, size):
        return min(one[start] + one[size], other[start] + other[size]) - max(one[start], other[start]) > slack

    pairs = itertools.combinations(boxes, 2)
    return [pair for pair in pairs if both(*pair, "x", "width") and both(*pair, "y", "height")]


@pytest.mark.parametrize("width", [320, 768, 1400])
def test_no_tick_lies_on_another(browser, edges, width):
    flat = [name for name in EDGES if name not in ("names", "crowded")]  # the boxes of slanted texts are no measure
    path = pathlib.Path(edges.page.evaluate("location.pathname"))
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        visit = Visit(context, path)
        for name in flat:
            visit.plot(name)
            boxes = visit.page.evaluate(TICKS, name)
            assert overlapping(boxes) == [], name
    assert overlapping([{"x": 0, "y": 0, "width": 9, "height": 9}, {"x": 5, "y": 5, "width": 9, "height": 9}])


def test_layers_with_numbers_as_names_stand_under_their_names(edges):
    """A layer called "2" may come first."""
    ticks = edges.plot("numbered").locator(".xtick text").all()
    at = sorted((tick.bounding_box()["x"], tick.text_content()) for tick in ticks)
    assert [text for _, text in at] == ["2", "1", "0"]


def test_panels_share_their_axes(edges):
    edges.plot("panels")
    assert layout(edges, "panels", "yaxis.range") == layout(edges, "panels", "yaxis7.range")
    assert len(edges.drawn("panels")) == 7
    rows = list(csv.DictReader(io.StringIO(edges.saved("panels", "csv"))))
    assert (len(rows), rows[0]["panel"], rows[-1]["panel"]) == (7 * 30, "a", RUN)


def test_the_page_is_whole_without_being_scrolled(browser, edges):
    path = pathlib.Path(edges.page.evaluate("location.pathname"))
    with browser.new_context(viewport={"width": 1000, "height": 600}) as context:
        visit = Visit(context, path)
        visit.until("document.documentElement.dataset.height !== undefined")
        assert visit.page.locator(".chart:not(:has(.main-svg))").count() == 0
        assert visit.page.evaluate("scrollY") == 0


def test_a_page_is_loaded_when_it_is_drawn(browser, path):
    """Printers and takers of pictures that do not look wait for that and no longer."""
    with browser.new_context(viewport={"width": 1000, "height": 600}) as context:
        visit = Visit(context, path)
        assert visit.page.locator(".chart:not(:has(.main-svg))").count() == 0
        assert visit.page.locator(".chart").count() == 5


def test_a_page_that_cannot_be_drawn_is_loaded_too(browser, path, tmp_path):
    broken = tmp_path / "broken.html"
    text = path.read_text(encoding="utf-8")
    broken.write_text(re.sub(r'(id="report-data">)[^<]*', r"\1AAAA", text), encoding="utf-8")
    with browser.new_context() as context:
        visit = Visit(context, broken)
        assert visit.page.evaluate("document.readyState") == "complete"
        assert visit.page.locator(".main-svg").count() == 0
        assert visit.complaints


def test_long_names_are_slanted_and_thinned(edges):
    assert layout(edges, "names", "xaxis.tickangle") == -45
    assert layout(edges, "names", "xaxis.ticktext.length") == 30
    edges.page.set_viewport_size({"width": 500, "height": 800})
    edges.until("document.querySelector('#names .chart')._fullLayout.xaxis.ticktext.length < 25")
    edges.page.set_viewport_size({"width": 1000, "height": 800})


def test_numbers_stand_in_cells_that_have_room(edges):
    assert edges.drawn("square")[0]["texttemplate"] == "%{text}"
    assert edges.drawn("crowded")[0]["texttemplate"] == ""


def test_a_triangle_says_where_a_curve_leaves_the_heights(edges):
    _, marks = edges.drawn("cut")
    assert (marks["x"], marks["y"]) == ([3, 4, 6], [1e-5, 1e-5, 1.5])
    assert marks["marker"]["symbol"] == ["triangle-down", "triangle-down", "triangle-up"]
    assert len(edges.drawn("half")) == 1


def test_ticks_cover_less_than_a_decade(edges):
    inside = [value for value in layout(edges, "half", "yaxis.tickvals") if 0.23 <= value <= 1.26]
    assert inside == [0.3, 0.5, 0.7, 1]


def test_large_numbers_are_plain(edges):
    ticks = edges.plot("money").locator(".xtick text").all_text_contents()
    assert "20,000" in ticks
    assert not [tick for tick in ticks if "10" in tick and "×" in tick]


def test_the_summary_is_a_card_on_a_phone(browser, tmp_path):
    """Every number of a run is seen without scrolling sideways, with its name, and the table stays one for a reader."""
    cells = {f"measure {k}": f"{k} → {k + 1}" for k in range(7)}
    summary = Summary.of("It falls.", [("one", cells), ("other", cells)], [(1, "measure 6")])
    path = write_page(Document("Page", "lead", [FOUND], [], [], summary=summary), tmp_path / "report.html")
    for width, is_card in ((320, True), (1000, False)):
        with browser.new_context(viewport={"width": width, "height": 800}) as context:
            table = Visit(context, path).page.get_by_role("table").first
            boxes = [cell.bounding_box() for cell in table.locator("td").all()]
            assert len(boxes) == 14
            assert all(box["x"] + box["width"] <= width for box in boxes)
            named = table.locator("td").first.evaluate("cell => getComputedStyle(cell, '::before').content")
            assert ("measure 0" in named) is is_card


def test_scales_of_constant_maps(edges):
    assert (edges.drawn("equal-map")[0]["zmin"], edges.drawn("equal-map")[0]["zmax"]) == (0, 1)


def test_strips_have_an_area(edges):
    for axis in ("xaxis", "xaxis2", "yaxis", "yaxis2"):
        assert layout(edges, "strips", f"{axis}._length") > 40


def test_axes_of_one_name_stay_apart_in_files(edges):
    rows = list(csv.DictReader(io.StringIO(edges.saved("square", "csv"))))
    assert [list(row.values()) for row in rows] == [
        ["a", "a", "1"],
        ["a", "b", "2"],
        ["b", "a", "3"],
        ["b", "b", "4"],
    ]
    assert list(rows[0]) == ["column", "other column", "coupling"]


def test_files_have_the_columns_of_all_rows(edges):
    rows = list(csv.DictReader(io.StringIO(edges.saved("mixed", "csv"))))
    assert len(rows) == 3 * 20 * 20 + 4
    assert (rows[0]["entry"], rows[0]["red"]) == ("0.5", "")
    assert (rows[-1]["entry"], rows[-1]["red"], rows[-1]["blue"]) == ("", "1", "1")
    as_json = json.loads(edges.saved("mixed", "json"))
    assert as_json["rows"][-1] == {
        "layer": "1",
        "picture": "color",
        "row": 2,
        "column": 2,
        "red": 1,
        "green": 1,
        "blue": 1,
    }


def test_a_choice_of_one_is_told(edges):
    section = edges.plot("single")
    assert section.locator(".choices").text_content() == "layerfc.1"
    assert section.get_by_role("combobox").count() == 0


def test_pictures_are_saved_light_from_a_dark_page(edges):
    with edges.page.expect_download() as download:
        edges.plot("equal").locator("[data-save=png]").click()
    assert download.value.suggested_filename == "equal.png"
    picture = image.imread(download.value.path())
    assert picture.shape[1] == 1800
    assert picture[2, 2, :3].tolist() == [1, 1, 1]
    assert (picture[..., :3].min(axis=2) < 0.3).any()  # ink


def test_nothing_inside_an_image_takes_the_focus(every_kind):
    for name in ("curves", "map", "pictures"):
        inside = every_kind.plot(name).locator(".chart :is(a[href], button, input, [tabindex])")
        assert inside.count() == 0


def test_paper_says_what_is_chosen_and_shows_every_plot(every_kind):
    page = every_kind.page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator(".chart .main-svg").count() >= 5
    assert page.locator(".chart:empty").count() == 0
    shown = {each.inner_text().replace("\n", " ") for each in page.locator(".choice").all()}
    assert shown == {"layer fc.2", "run a", "direction 2"}
    assert not page.locator("#epochs select").is_visible()


@pytest.mark.parametrize(
    "chart",
    [
        Curves("layer", "NC1", [Curve("input", [1, 2, 3], [4.0, 2.0, 1.0], "#2b7bba")]),
        Bars([f"column {k}" for k in range(12)], "x", [Series(name, [0.5] * 12, "#2b7bba") for name in "ab"]),
        HeatMap("column", "row", list(range(12)), [f"row {k}" for k in range(20)], [[1.0] * 12] * 20, "coupling"),
    ],
    ids=lambda chart: type(chart).__name__,
)
def test_two_plots_go_on_a_printed_sheet(browser, tmp_path, chart):
    """Drawn although nothing was scrolled, and in half the room of the screen."""
    plots = [Plot(f"plot{k}", f"Plot {k}", chart, [FOUND] * 3, "caption") for k in range(6)]
    path = write_page(Document("Printed", "lead", [FOUND], plots, []), tmp_path / "report.html")
    with browser.new_context(viewport={"width": 1000, "height": 600}) as context:
        visit = Visit(context, path)
        visit.until("'Plotly' in globalThis")
        sheets = visit.page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", sheets)) <= 4
    assert len(sheets) > 20_000  # six pictures are in it


def test_many_findings_stand_once_on_paper(browser, tmp_path):
    """Above a plot the first five, if all of them stand in the table of every number, which is open."""
    many = [Finding("NC1", f"layer {k}", 0.5) for k in range(20)]
    chart = Curves("layer", "NC1", [_curve([4.0, 1.0])])
    plots = [Plot(name, name, chart, many, "caption") for name in ("one", "two")]
    plots.append(Plot("other", "Other", chart, [*many, FOUND], "caption"))
    summary = Summary.of("It falls.", [("run", {"NC1": "1"})], [])
    path = write_page(Document("Printed", "lead", many, plots, [], summary=summary), tmp_path / "report.html")
    with browser.new_context(viewport={"width": 1000, "height": 600}) as context:
        visit = Visit(context, path)
        visit.until("'Plotly' in globalThis")
        rows = visit.page.locator("#one tbody tr")
        assert [row.is_visible() for row in rows.all()] == [True] * 20
        visit.page.emulate_media(media="print")
        assert [row.is_visible() for row in rows.all()] == [True] * 5 + [False] * 15
        assert visit.page.locator("#one .more").inner_text() == "15 more stand in the table of every number above."
        rows = visit.page.locator("#other tbody tr")
        assert [row.is_visible() for row in rows.all()] == [True] * 21  # one is its own
        sheets = visit.page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", sheets)) <= 3
