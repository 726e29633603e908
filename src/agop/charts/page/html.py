"""A document as one offline HTML page (extra ``report``)."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import agop.charts.page
from agop.charts.chart import Chart, Choice, Pictures
from agop.charts.document import Document, Plot
from agop.charts.findings import findings_table, unbroken
from agop.charts.page.data import chart_json
from agop.extras import require
from agop.runs import versions
from agop.runs.files import write_text_atomic

__all__ = ["write_page"]

_SCRIPTS = ("numbers.js", "axes.js", "curves.js", "figures.js", "page.js")

_STEPS = "Pixels, here and in the files, are rounded to 1/127 of the largest magnitude in their picture."


def write_page(document: Document, path: Path) -> Path:
    """Write a page with everything inside: styles, scripts, the plotting library once, and the numbers of each plot.

    The page asks nobody for anything: its own policy forbids every request, and every script but its own two, whose
    hashes it knows. The library and the numbers are compressed, and unpacked by the browser. Pixels are rounded to what
    colors can show, and their caption says so.

    Parameters
    ----------
    document
        Contents of the page.
    path
        HTML file, which is replaced whole or left as it was.

    Raises
    ------
    InputError
        If the folder of the file does not exist.
    MissingExtraError
        If jinja2 or plotly is not installed.

    Examples
    --------
    >>> import re, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_page(Document("Digits", "1,437 rows", [], [], []), Path(folder, "page.html"))
    ...     re.findall("<h1>.*</h1>", page.read_text(encoding="utf-8"))
    ['<h1>Digits</h1>']
    """
    write_text_atomic(path, _html(document))
    return path


def _html(document: Document) -> str:
    environment = require("jinja2", "report").Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.undefined = require("jinja2", "report").StrictUndefined
    drawing = f"(async () => {{\n{''.join(map(_text, _SCRIPTS))}}})()"
    script = f'"use strict";\n{{\n{_text("loading.js")}holdLoad({drawing});\n}}\n'
    plotly, library = _library(require("plotly.offline", "report").get_plotlyjs())
    page: str = environment.from_string(_text("page.html.jinja")).render(
        document=document,
        findings_table=findings_table,
        caption=_caption,
        unbroken=unbroken,
        style=_text("page.css"),
        plotly=plotly,
        script=script,
        sources=f"{_source(script)} {library}",
        data=_compressed(_numbers(document.plots)),
        version=versions()["agop"],
    )
    return page


@cache
def _library(text: str) -> tuple[str, str]:
    """A script, compressed, and its source in the policy of a page."""
    return _compressed(text), _source(text)


def _compressed(text: str) -> str:
    """A text by gzip, in base64, which has no letter that could end an element."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _source(script: str) -> str:
    """A script as a policy names it, by its hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _numbers(plots: Sequence[Plot]) -> str:
    """Charts by the names of their plots, as JSON without spaces."""
    charts = {plot.name: {"title": plot.title, "chart": chart_json(plot.chart)} for plot in plots}
    return json.dumps(charts, allow_nan=False, separators=(",", ":"))


def _caption(plot: Plot) -> str:
    return f"{plot.caption} {_STEPS}" if _has_pixels(plot.chart) else plot.caption


def _has_pixels(chart: Chart) -> bool:
    """Whether a chart, or one that can be chosen, is of pictures."""
    if isinstance(chart, Choice):
        return any(map(_has_pixels, chart.charts.values()))
    return isinstance(chart, Pictures)


def _text(name: str) -> str:
    return files(agop.charts.page).joinpath(name).read_text(encoding="utf-8")
