"""Reproduced figures as a kind of run: a page with the checks, the panels, and the runs behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agop.charts.chart import Chart, Choice, Grid
from agop.charts.document import NumberTable, Plot, Summary
from agop.charts.kind import Kind, nothing_measured, register
from agop.paper.figure import Verdict
from agop.paper.figures import FIGURES
from agop.paper.readme import MARKS, caption_of, found_text, run_row
from agop.runs import Run, TrainingFit

__all__ = ["FIGURE_KIND", "FigureResult"]


@dataclass(frozen=True, eq=False)
class FigureResult:
    """A finished figure.

    Attributes
    ----------
    name
        Name of the figure in this report.
    info
        ``run.json``: "claim", "verdicts", "parts", and in "settings" the "figure" and its "scale".
    chart
        Chart of the figure.
    """

    name: str
    info: Mapping[str, Any]
    chart: Chart | Grid

    @classmethod
    def read(cls, run: Run) -> FigureResult:
        """Result of the folder of a figure."""
        info = run.info()
        if "verdicts" not in info or info["settings"]["figure"] not in FIGURES:
            raise nothing_measured(run)
        return cls(run.name, info, FIGURES[info["settings"]["figure"]].chart(run))

    def fit(self) -> TrainingFit:
        """Unknown: the checks say which networks have fitted."""
        return TrainingFit()


def figure_plots(results: Sequence[FigureResult]) -> list[Plot]:
    """A plot for each row of panels, of which one is shown at a time."""
    plots = []
    for result in results:
        caption, several = caption_of(result.info, result.chart), len(results) > 1
        for title, chart in _rows(result.chart).items():
            named = f"{result.name}, {title}" if several and title else title or result.name
            plots.append(Plot(re.sub(r"[^a-z0-9]+", "-", named.lower()).strip("-"), named, chart, [], caption))
    return plots


def figure_summary(results: Sequence[FigureResult]) -> Summary:
    """Checks with the numbers that they rest on; those that do not hold are marked."""
    checks = [(result, verdict) for result in results for verdict in result.info["verdicts"]]
    rows = [[verdict["claim"], MARKS[verdict["holds"]], Verdict.told(verdict)] for _, verdict in checks]
    columns = ["check", "verdict", "found"]
    if len(results) > 1:
        rows = [[result.name, *row] for (result, _), row in zip(checks, rows, strict=True)]
        columns = ["figure", *columns]
    sentence = found_text([verdict for _, verdict in checks])
    if len(results) == 1:
        sentence = f"{results[0].info['claim']} {sentence}"
    failed = [(row, len(columns) - 2) for row, (_, verdict) in enumerate(checks) if verdict["holds"] is False]
    return Summary(sentence, NumberTable("Checks", columns, rows, columns), failed)


def figure_runs(result: FigureResult) -> NumberTable:
    """A row for each run behind the figure: training rows, seeds and seconds."""
    columns = ["run", "training rows", "seeds", "seconds"]
    return NumberTable(f"Runs of {result.name}", columns, [run_row(part) for part in result.info["parts"]])


def _rows(chart: Chart | Grid) -> dict[str, Chart]:
    """Charts of a page by their titles: of a grid each row, as a choice of its panels."""
    if not isinstance(chart, Grid):
        return {"": chart}
    return {
        name: Choice("panel", panels, start=next(iter(panels))) if len(panels) > 1 else next(iter(panels.values()))
        for name, panels in chart.rows.items()
    }


FIGURE_KIND = register(
    Kind(
        "figure",
        "figure",
        FigureResult,
        FigureResult.read,
        (figure_plots,),
        findings=lambda results: [],
        table=figure_runs,
        heading=lambda result: f"{result.info['settings']['figure']} at scale {result.info['settings']['scale']}",
        summary=figure_summary,
    )
)
"""Folders of ``agop reproduce``."""
