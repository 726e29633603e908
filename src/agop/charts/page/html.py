"""A document as one offline HTML page (extra ``report``)."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path

import agop.charts.page
from agop.charts.chart import chart_json
from agop.charts.document import Document, Plot
from agop.charts.findings import findings_table
from agop.extras import require
from agop.runs import versions
from agop.runs.files import write_text_atomic

__all__ = ["write_page"]

_SCRIPTS = ("numbers.js", "axes.js", "figures.js", "page.js")


def write_page(document: Document, path: Path) -> Path:
    """Write a page with everything inside: styles, scripts, the plotting library once, and the numbers of each plot.

    The page asks nobody for anything: its own policy forbids every request, and every script but its own two, whose
    hashes it knows. The library is compressed, and unpacked by the browser.

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
    script = f'"use strict";\n(() => {{\n{"".join(map(_text, _SCRIPTS))}}})();\n'
    plotly, library = _packed(require("plotly.offline", "report").get_plotlyjs())
    page: str = environment.from_string(_text("page.html.jinja")).render(
        document=document,
        findings_table=findings_table,
        style=_text("page.css"),
        plotly=plotly,
        script=script,
        sources=f"{_source(script)} {library}",
        data=_inside_element(json.dumps({plot.name: _plot_json(plot) for plot in document.plots}, allow_nan=False)),
        version=versions()["agop"],
    )
    return page


@cache
def _packed(text: str) -> tuple[str, str]:
    """A script, compressed, as text, and its source in the policy of a page."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(), _source(text)


def _source(script: str) -> str:
    """A script as a policy names it, by its hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _plot_json(plot: Plot) -> dict[str, object]:
    return {"title": plot.title, "chart": chart_json(plot.chart)}


def _text(name: str) -> str:
    return files(agop.charts.page).joinpath(name).read_text(encoding="utf-8")


def _inside_element(text: str) -> str:
    """JSON that cannot end the element that it stands in: ``<`` occurs only inside its strings."""
    return text.replace("<", "\\u003c")
