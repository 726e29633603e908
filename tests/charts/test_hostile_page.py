"""A page of runs whose every name would do harm if it were taken for HTML, a template or a script."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import agop
from charts.browser import Visit, chromium

pandas = pytest.importorskip("pandas")
pytest.importorskip("plotly")

NAMES = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "<svg/onload=alert(3)>",
    '"onmouseover="alert(4)" x="',
    "'-alert(5)-'",
    "<a href='javascript:alert(6)'>here</a>",
    "{{ 7 * 7 }}{% raw %}${alert(7)}",
    "<b>bold</b>&lt;i&gt;<!--",
    "<base href=//evil><form action=//evil><input autofocus onfocus=alert(8)>",
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A network with layers of these names, compared with itself; a table with columns of these names, and targets."""
    folder = tmp_path_factory.mktemp("hostile")
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential()
    for name in NAMES:
        model.add_module(name, nn.Linear(4, 4))
    labels = torch.arange(24) % 3
    record = agop.measure(model, [(torch.randn(24, 4, generator=generator) + labels[:, None], labels)])
    frame = pandas.DataFrame(np.random.default_rng(0).standard_normal((30, len(NAMES))), columns=NAMES)
    classes = np.array(NAMES[:2])[(frame[NAMES[0]] > 0).astype(int)]
    rfm = agop.RFMClassifier(agop.Laplace(2.0), ridge=1e-2, n_iterations=1, selection=None)
    table = agop.table_pipeline(rfm).fit(frame, classes)
    table[0].target_ = NAMES[0]
    return agop.report({NAMES[0]: record, NAMES[5]: record, NAMES[1]: table}, folder / "report.html")


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


def heard(context):
    """What the dialogs of pages say from here on."""
    said = []
    context.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    return said


@pytest.fixture(scope="module")
def visited(browser, path):
    """The page after everything on it was drawn, opened and pointed to; and what its dialogs said."""
    with browser.new_context(viewport={"width": 1000, "height": 800}) as context:
        said, visit = heard(context), Visit(context, path)
        for section in visit.page.locator("section:has(.chart)").all():
            visit.plot(section.get_attribute("id"))
            section.hover()
        for details in visit.page.locator("details").all():
            details.evaluate("element => element.open = true")
        yield visit, said


def test_nothing_of_the_names_runs(visited):
    visit, said = visited
    assert said == []
    assert visit.complaints == []
    assert visit.requests == []


def test_no_name_becomes_an_element(visited):
    visit, _ = visited
    evil = "img[src=x], iframe, base, form, input[onfocus], [onerror], [onload], [onmouseover], [href^=javascript]"
    assert visit.page.locator(evil).count() == 0
    assert visit.page.evaluate("[...document.scripts].filter(script => script.text.startsWith('alert')).length") == 0
    assert visit.page.locator("svg a, td a:not([href^='#']), td b, li b").all_inner_texts() == []


@pytest.mark.parametrize("width", [320, 768, 1400])
def test_no_name_is_cut_or_lies_on_another(browser, path, width):
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        visit = Visit(context, path)
        visit.until_whole()
        assert visit.unreadable() == []


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown_as_text(visited, name):
    visit, _ = visited
    assert name in visit.page.evaluate("document.body.innerText")
    drawn = visit.page.evaluate("[...document.querySelectorAll('svg text')].map(text => text.textContent)")
    assert any(text.startswith(name[:9]) for text in drawn)  # long ones lose their middle


def test_dialogs_are_heard(browser, tmp_path):
    (tmp_path / "bad.html").write_text("<script>alert(1)</script>", encoding="utf-8")
    with browser.new_context() as context:
        said = heard(context)
        Visit(context, tmp_path / "bad.html")
        assert said == ["1"]
