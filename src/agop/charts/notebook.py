"""Values as a notebook shows them: the first screen of their page, and one of its plots."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sklearn.utils.validation import _is_fitted

from agop.charts.document import NumberTable, Plot, Summary
from agop.charts.findings import findings_table, unbroken
from agop.charts.interactive import MIME, plotly_figure
from agop.charts.kind import accepting, kind_of
from agop.charts.print.figures import draw, save_charts
from agop.errors import InputError

__all__ = ["FittedMixin", "NotebookMixin", "PlotMixin", "PlotView"]

_CELL = "padding:.15em .7em;border-bottom:1px solid rgba(127,127,127,.4);text-align:{};font-weight:{}"

_MARK = "background:rgba(240,170,40,.35);border-radius:4px;padding:.1em .3em;font-weight:600"


@dataclass(frozen=True, eq=False)
class PlotView:
    """A plot of a page by itself: shown by a notebook, by plotly where it can, and drawn by matplotlib for print.

    Attributes
    ----------
    plot
        Plot with its findings and its caption.
    """

    plot: Plot

    def figure(self) -> Any:
        """Figure of matplotlib, of one or two columns of a paper; MissingExtraError without matplotlib."""
        return draw(self.plot.chart)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the figure as PDF, SVG or PNG, by the suffix of the path."""
        save_charts([self.plot.chart], path)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ARG002 - of all types the notebook chooses
        """Curves and bars as a figure of plotly where that is installed, and all plots as a picture."""
        svg = self._svg()
        bundle = {"text/plain": self.plot.title, "text/html": self._html(svg), "image/svg+xml": svg}
        figure = plotly_figure(self.plot) if find_spec("plotly") else None
        return bundle if figure is None else {MIME: figure, **bundle}

    def _repr_html_(self) -> str:
        return self._html(self._svg())

    def _svg(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "plot.svg")
            self.save(path)
            svg = path.read_text(encoding="utf-8")
        return svg[svg.index("<svg") :]

    def _html(self, svg: str) -> str:
        picture = f'<div style="background:#fff;display:inline-block">{svg}</div>'
        findings = _table(findings_table(self.plot.findings)) if self.plot.findings else ""
        return f"<div><h4>{escape(self.plot.title)}</h4>{findings}{picture}<p>{escape(self.plot.caption)}</p></div>"


class PlotMixin:
    """A value that some kind of run accepts, whose plots are those of its page."""

    def plot(self, name: str) -> PlotView:
        """One of the plots of the page, such as "nc1".

        A notebook shows curves and bars by plotly, where that is installed and the notebook draws it, else a picture
        with findings and caption; ``.figure()`` is that of matplotlib, and ``.save("nc1.pdf")`` writes it for print.

        Raises
        ------
        InputError
            If there is no such plot; the error names those that there are.
        """
        kind, result = _seen(self)
        plots = {plot.name: plot for plot in kind.plots_of([result])}
        if name not in plots:
            raise InputError(f"a plot among {', '.join(plots)}", repr(name), "Choose one of them.")
        return PlotView(plots[name])


class NotebookMixin(PlotMixin):
    """A value that shows in a notebook what its page begins with."""

    def _repr_html_(self) -> str:
        """Heading, data, sentence and table of the page, readable on light and dark without a script."""
        return _first_screen(self)


class FittedMixin(PlotMixin):
    """An estimator that shows in a notebook, below scikit-learn's diagram of it, what its fit has learned.

    Whoever inherits has a kind of run that accepts it, or says in ``_learned_table`` what it is.
    """

    def _learned_table(self) -> NumberTable | None:
        """What was learned, as a table; None for what the page begins with."""
        return None

    def _repr_html_inner(self) -> str:
        return f"{super()._repr_html_inner()}{self._learned_html()}"  # type: ignore[misc]

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle: dict[str, str] = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        if "text/html" in bundle:
            bundle["text/html"] += self._learned_html()
        return bundle

    def _learned_html(self) -> str:
        if not _is_fitted(self):
            return ""
        table = self._learned_table()
        return _first_screen(self) if table is None else f"<div><h4>{escape(table.title)}</h4>{_table(table)}</div>"


def _first_screen(value: Any) -> str:
    """What the page of a value begins with."""
    kind, result = _seen(value)
    summary = kind.summary([result]) or Summary("", findings_table(kind.findings([result])))
    heading, data = escape(kind.heading(result)), escape(kind.data(result))
    text = f"<p>{escape(unbroken(summary.sentence))}</p>" if summary.sentence else ""
    return f"<div><h4>{heading}</h4><p>{data}</p>{text}{_table(summary.table, summary.deciding)}</div>"


def _seen(value: Any) -> tuple[Any, Any]:
    """Kind of a value, and the result that it makes of it."""
    make = accepting(value)
    if make is None:
        advice = "Records, trackers, explanations, RFM, Deep RFM and convolutional RFM have one."
        raise InputError("a value that has a page", f"a {type(value).__name__}", advice)
    result = make(value)
    return kind_of(result), result


def _table(table: NumberTable, deciding: Any = ()) -> str:
    """Table with its own styles, in the colors of the notebook.

    Examples
    --------
    >>> _table(NumberTable("", ["run", "NC1"], [["<a>", "0.5"]]), [(0, 1)]).count("&lt;a&gt;")
    1
    """

    def cell(text: str, column: int, row: int | None = None) -> str:
        side = "left" if column == 0 or table.columns[column] in table.words else "right"
        told = escape(unbroken(text))
        inside = f'<span style="{_MARK}">{told}</span>' if (row, column) in deciding else told
        return f'<td style="{_CELL.format(side, 600 if row is None else 400)}">{inside}</td>'

    head = "".join(cell(name, column) for column, name in enumerate(table.columns))
    body = ["".join(cell(text, k, place) for k, text in enumerate(row)) for place, row in enumerate(table.rows)]
    lines = "".join(f"<tr>{line}</tr>" for line in (head, *body))
    style = "border-collapse:collapse;margin:.5em 0"
    return f'<div style="overflow-x:auto"><table style="{style}">{lines}</table></div>'
