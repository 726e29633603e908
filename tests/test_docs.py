"""The built documentation in a real browser: whole lines of code and no page that scrolls sideways, at three widths."""

from __future__ import annotations

from pathlib import Path

import pytest

from charts.browser import chromium

BUILT = Path(__file__).parents[1] / "docs/_build"
PAGES = sorted(page for page in BUILT.rglob("*.html") if not page.name.startswith("report-"))  # those have own tests

FAULTS = """() => [
  ...(document.documentElement.scrollWidth > window.innerWidth ? ["the page"] : []),
  ...[...document.querySelectorAll("pre")].filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText),
]"""
"""What is wider than its place: the page itself, and texts of code."""


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


def faults(browser, pages, width):
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        tab, found = context.new_page(), {}
        for page in pages:
            tab.goto(page.as_uri())
            if wide := tab.evaluate(FAULTS):
                found[str(page)] = wide
        return found


@pytest.mark.slow
@pytest.mark.skipif(not PAGES, reason="the documentation is not built: make docs")
@pytest.mark.parametrize("width", [320, 768, 1400])
def test_nothing_is_wider_than_the_window(browser, width):
    assert faults(browser, PAGES, width) == {}


@pytest.mark.parametrize("wide", ["<pre>{}</pre>", "<pre style='overflow: hidden'>{}</pre>", "<p>{}</p>"])
def test_what_is_too_wide_is_found(browser, tmp_path, wide):
    page = tmp_path / "page.html"
    page.write_text(wide.format("x" * 100))
    assert list(faults(browser, [page], 320)) == [str(page)]
    assert faults(browser, [page], 1400) == {}
