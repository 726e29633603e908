"""Work of ``agop explain``: effects, interactions and directions of a saved model of a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.pipeline import Pipeline

from agop.charts.document import NumberTable
from agop.charts.print.figures import save_charts
from agop.charts.print.style import SUFFIXES
from agop.cli.app import NOTHING_WRITTEN, readable_errors
from agop.cli.report import show_report
from agop.cli.terminal import (
    check_out,
    console,
    print_findings,
    print_numbers,
    progress_bar,
    say,
    warn,
    working_towards,
)
from agop.errors import InputError, MissingExtraError
from agop.tables import ExplainSettings, Explanation, explain, run_explain
from agop.tables.findings import part_findings
from agop.tables.parquet import ParquetTable
from agop.tables.plots import explanation_charts
from agop.tables.prediction import load_table_model, table_of_file
from agop.tables.result import TableResult
from agop.tables.task import without_target

if TYPE_CHECKING:
    import pandas

__all__ = ["explain_model"]

_LEGEND = (
    "effect: share of the variance of the prediction that hangs on the column, ± its standard error; "
    "steepness: diagonal of the AGOP, which is no importance"
)

_LARGE = 10_000.0
"""Errors above are written as whole numbers."""


def explain_model(settings: ExplainSettings, out: Path | None, run: Path | None) -> None:
    """Print what a model depends on, and write it where that is asked for."""
    with readable_errors(*[NOTHING_WRITTEN] * (run is None)):
        _check(settings, out, run)
        pipeline = load_table_model(Path(settings.model))
        frame = None if settings.table is None else table_of_file(Path(settings.table), pipeline)
        if run is None or frame is None:
            rows = None if frame is None else without_target(frame, pipeline)
            with working_towards("swapping the values of each column") as observe:
                found = explain(pipeline, rows, n_swaps=settings.swaps, random_state=settings.seed, observe=observe)
            result = TableResult(Path(settings.model).stem, {}, found, [])
        else:
            result = _run(settings, pipeline, frame, run)
        console.print(result.explanation.table())
        say(_LEGEND)
        print_findings(part_findings([result], "effects"))
        if run is not None:
            _print_folds(result)
            show_report(result, run)
        if out is not None:
            _draw(result.explanation, out)


def _check(settings: ExplainSettings, out: Path | None, run: Path | None) -> None:
    if settings.folds and run is None:
        raise InputError("--run with --folds", "none", "Name a folder for the folds.")
    if run is not None and settings.table is None:
        raise InputError("TABLE with --run", "none", "Name a file of rows.")
    if out is not None:
        check_out(out, *(Path(each) for each in (settings.model, settings.table) if each is not None))
        if out.suffix not in SUFFIXES:
            raise InputError(f"--out to end in {', '.join(SUFFIXES)}", out.name, "Choose one of these.")


def _run(
    settings: ExplainSettings, pipeline: Pipeline, frame: pandas.DataFrame | ParquetTable, out: Path
) -> TableResult:
    """Explain with a progress bar over the swaps and the folds."""
    total = 1 + settings.folds
    with progress_bar() as progress:
        task = progress.add_task("swapping the values of each column", total=total)

        def observe(line: Mapping[str, Any]) -> None:
            what = f"fold {line['fold']}: {line['measure']} {_cell(line['error'])}"
            progress.update(task, completed=1 + line["fold"], description=what)

        run = run_explain(settings, pipeline, frame, out, observe, lambda share: progress.update(task, completed=share))
        progress.update(task, completed=total, description="done")
    return TableResult.read(run)


def _print_folds(result: TableResult) -> None:
    if not result.folds:
        return
    is_class = result.info["task"] == "classification"
    names = "accuracy" if is_class else "R²", "most frequent class" if is_class else "mean"
    columns = ["fold", "rows", str(result.folds[0]["measure"]), names[0], f"{names[1]} instead"]
    rows = [
        [
            str(line["fold"]),
            str(line["n_rows"]),
            _cell(line["error"]),
            "–" if line["score"] is None else f"{line['score']:.4f}",
            _cell(line["baseline"]),
        ]
        for line in result.folds
    ]
    print_numbers(NumberTable("folds", columns, rows), "folds")
    print_findings(part_findings([result], "folds"))
    for note in result.info["notes"]:
        console.print(f"• {note}")


def _cell(error: float) -> str:
    return f"{error:,.0f}" if error >= _LARGE else f"{error:.4g}"


def _draw(explanation: Explanation, out: Path) -> None:
    try:
        save_charts(explanation_charts(explanation), out)
    except MissingExtraError as error:
        warn(f"Picture left out: {error}")
    else:
        say(f"Picture: {out}")
