"""``agop explain``: what a saved model of a table depends on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from sklearn.pipeline import Pipeline

from agop.charts.document import NumberTable
from agop.cli.app import app, console, print_numbers, progress_bar, readable_errors, say, warn
from agop.cli.fit import check_out, nothing_written
from agop.cli.predict import load_table_model, rows_without_target
from agop.cli.report import show_report
from agop.errors import InputError, MissingExtraError
from agop.report.sources import result_of
from agop.tables import ExplainSettings, Explanation, explain, run_explain
from agop.tables.findings import effect_findings
from agop.tables.fold_plots import fold_findings
from agop.tables.picture import PICTURES, save_explanation_figure
from agop.tables.result import TableResult

if TYPE_CHECKING:
    import pandas

__all__ = ["explain_model"]

_LEGEND = (
    "effect: share of the variance of the prediction that hangs on the column, ± its standard error; "
    "steepness: diagonal of the AGOP, which is no importance"
)

_LARGE = 10_000.0
"""Errors above are written as whole numbers."""


@app.command("explain")
def explain_model(
    model: Annotated[Path, typer.Argument(help="File that agop fit wrote.")],
    table: Annotated[
        Path | None, typer.Argument(help="Rows to swap values between; those of the fit by default.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help=f"Picture: {', '.join(PICTURES)}.")] = None,
    run: Annotated[Path | None, typer.Option(help="Folder for the numbers; an unfinished one is continued.")] = None,
    folds: Annotated[
        int, typer.Option(min=0, help="With --run: parts of TABLE that models of the others predict.")
    ] = 0,
    swaps: Annotated[
        int | None,
        typer.Option(min=2, help="Of each column and pair, a prediction each: 4,000, fewer for more than 25 columns."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random rows and of the folds.")] = 0,
) -> None:
    """Say which columns matter, which pairs of them interact, and along which directions the prediction is steep.

    With --run it is written into a folder, run.json, explanation.json and report.html; with --folds also the error of
    a cross-validation, metrics.jsonl.
    """
    with readable_errors(), nothing_written() if run is None else nullcontext():
        _check(table, out, run, folds, model)
        pipeline = load_table_model(model)
        if run is None:
            rows = None if table is None else _frame(table, pipeline, with_target=False)
            explanation, result = explain(pipeline, rows, n_swaps=swaps, random_state=seed), None
        else:
            result = _run(ExplainSettings(str(model), str(table), folds, seed, swaps), pipeline, run)
            explanation = result.explanation
        console.print(explanation.table())
        say(_LEGEND)
        for finding in effect_findings([result or TableResult(model.stem, {}, explanation, [])]):
            say(f"• {finding}")
        if run is not None and result is not None:
            _print_folds(result)
            show_report(run)
        if out is not None:
            _draw(explanation, out)


def _check(table: Path | None, out: Path | None, run: Path | None, folds: int, model: Path) -> None:
    if folds and run is None:
        raise InputError("--run with --folds", "none", "Name a folder for the folds.")
    if run is not None and table is None:
        raise InputError("TABLE with --run", "none", "Name a file of rows.")
    if out is not None:
        check_out(out, model, *([] if table is None else [table]))
        if out.suffix not in PICTURES:
            raise InputError(f"--out to end in {', '.join(PICTURES)}", out.name, "Choose one of these.")


def _frame(table: Path, pipeline: Pipeline, *, with_target: bool) -> pandas.DataFrame:
    pieces = [
        piece.assign(**{str(target.name): target}) if with_target and target is not None else piece
        for piece, target in rows_without_target(table, pipeline)
    ]
    import pandas

    return pandas.concat(pieces)


def _run(settings: ExplainSettings, pipeline: Pipeline, out: Path) -> TableResult:
    """Explain with a progress bar over the folds."""
    frame = _frame(Path(settings.table), pipeline, with_target=True)
    with progress_bar() as progress:
        task = progress.add_task("explaining", total=max(1, settings.folds))

        def observe(line: Mapping[str, Any]) -> None:
            what = f"fold {line['fold']}: {line['measure']} {_cell(line['error'])}"
            progress.update(task, completed=line["fold"], description=what)

        run = run_explain(settings, pipeline, frame, out, observe)
        progress.update(task, completed=max(1, settings.folds), description="done")
    return cast(TableResult, result_of(run))


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
    for finding in [*fold_findings([result]), *result.info["notes"]]:
        console.print(f"• {finding}")


def _cell(error: float) -> str:
    return f"{error:,.0f}" if error >= _LARGE else f"{error:.4g}"


def _draw(explanation: Explanation, out: Path) -> None:
    try:
        save_explanation_figure(explanation, out)
    except MissingExtraError as error:
        warn(f"Picture left out: {error}")
    else:
        say(f"Picture: {out}")
