"""A headless Chromium for pages on the disk, which notes what the page complains about and asks for."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]


@contextmanager
def chromium():
    """A browser; skips the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """An open page.

    Attributes
    ----------
    page
        Of Playwright.
    complaints
        Errors and warnings in its console, and exceptions.
    requests
        Addresses it asked for, apart from itself and from data inside it.
    """

    def __init__(self, context, path):
        self.complaints, self.requests = [], []
        self.page = context.new_page()
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.complaints.append(m.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda r: self._note(r.url, path.as_uri()))
        self.page.goto(path.as_uri())

    def _note(self, url, own):
        if url.split("#")[0] != own and not url.startswith(("data:", "blob:")):
            self.requests.append(url)

    def plot(self, name):
        """Section of a plot, scrolled into view and drawn."""
        section = self.page.locator(f"section#{name}")
        section.scroll_into_view_if_needed()
        section.locator(".chart .main-svg").first.wait_for()
        return section

    def drawn(self, name):
        """Traces of the figure that a plot shows now, as plotly has them."""
        self.plot(name)
        script = (
            "name => { const p = document.querySelector(`#${name} .chart`); return JSON.parse(JSON.stringify(p.data)) }"
        )
        return self.page.evaluate(script, name)

    def until(self, condition):
        """Wait until an expression is true on the page, whose policy lets Playwright ask but not poll."""
        for _ in range(100):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never true: {condition}")

    def saved(self, name, kind):
        """Text of the file behind a button of a plot."""
        with self.page.expect_download() as download:
            self.plot(name).locator(f"[data-save={kind}]").click()
        assert download.value.suggested_filename == f"{name}.{kind}"
        return download.value.path().read_text(encoding="utf-8")

    def until_whole(self):
        """Wait until every plot is drawn."""
        self.until("document.documentElement.dataset.height !== undefined")

    def darken(self):
        """Go on as in a dark room, once every plot that is drawn has the ink of the page."""
        self.page.emulate_media(color_scheme="dark")
        self.until(_INKED)

    def unreadable(self):
        """What cannot be read, in words: plots that are not drawn, texts that are cut or lie on others, a wide page."""
        return self.page.evaluate(_UNREADABLE)

    def pale(self):
        """Texts with less contrast than 4.5 to what they lie on, in words; those in colored cells are not judged."""
        return self.page.evaluate(_PALE)


_UNREADABLE = r"""() => {
  const found = [];
  const shared = (a, b, start, size) => Math.min(a[start] + a[size], b[start] + b[size]) - Math.max(a[start], b[start]);
  for (const chart of document.querySelectorAll("section .chart")) {
    const { id } = chart.closest("section");
    const frame = chart.getBoundingClientRect();
    if (!chart.querySelector(".main-svg")) found.push(`${id} is not drawn`);
    const texts = [...chart.querySelectorAll("svg text")].map((text) => {
      const box = text.getBoundingClientRect();
      const angle = Number(/rotate\((-?[\d.]+)/.exec(text.getAttribute("transform") ?? "")?.[1] ?? 0);
      return { text: text.textContent, angle, x: box.x, y: box.y, width: box.width, height: box.height };
    }).filter(({ text, width }) => text.trim() && width);
    texts.filter((text) => shared(text, frame, "x", "width") < text.width - 1
      || shared(text, frame, "y", "height") < text.height - 1)
      .forEach(({ text }) => found.push(`${id}: ${text} is cut`));
    const flat = texts.filter(({ angle }) => angle % 90 === 0);  // the boxes of slanted texts are no measure
    flat.forEach((a, i) => flat.slice(0, i).forEach((b) => {
      const both = shared(a, b, "x", "width") > 1 && shared(a, b, "y", "height") > 1;
      if (both) found.push(`${id}: ${a.text} lies on ${b.text}`);
    }));
  }
  for (const table of document.querySelectorAll(".whole")) {
    if (table.scrollWidth > table.clientWidth) found.push(`${table.ariaLabel} is wider than its room`);
  }
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) found.push(`the page is ${wide} wide`);
  return found;
}"""

_INKED = r"""(() => {
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  return [...document.querySelectorAll(".chart.js-plotly-plot")].every((chart) => chart.layout.font.color === ink);
})()"""

_PALE = r"""() => {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((value, i) => a * value + (1 - a) * below[i]);
  const luminance = (color) => color.map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, i) => sum + [0.2126, 0.7152, 0.0722][i] * value, 0);
  const ground = (element) => (!element ? [255, 255, 255]
    : over(numbers(getComputedStyle(element).backgroundColor), ground(element.parentElement)));
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement: element, textContent: text } = texts.currentNode;
    if (!text.trim() || !element.checkVisibility() || element.closest("script, style, .heatmap-label")) continue;
    const { color, fill } = getComputedStyle(element);
    const behind = ground(element);
    const ink = over(numbers(element.closest("svg") ? fill : color), behind);
    const [high, low] = [ink, behind].map(luminance).sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) found.push(`${text.trim().slice(0, 40)}: ${ratio.toFixed(1)}`);
  }
  return found;
}"""
