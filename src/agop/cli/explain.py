"""``agop explain``: what a saved model of a table depends on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from sklearn.pipeline import Pipeline

from agop.cli.app import app, console, readable_errors
from agop.cli.fit import check_out, nothing_written
from agop.cli.predict import load_table_model, rows_without_target
from agop.errors import InputError, MissingExtraError
from agop.estimators.explanation import explain
from agop.reports.explanation import PICTURES, save_explanation_figure

if TYPE_CHECKING:
    import pandas

__all__ = ["explain_model"]


@app.command("explain")
def explain_model(
    model: Annotated[Path, typer.Argument(help="File that agop fit wrote.")],
    table: Annotated[
        Path | None, typer.Argument(help="Rows such as those of the fit, for effects and interactions of columns.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help=f"Picture: {', '.join(PICTURES)}.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random rows.")] = 0,
) -> None:
    """Say which columns matter, in which directions, and with TABLE which pairs of them interact."""
    with readable_errors(), nothing_written():
        if out is not None:
            check_out(out, model, *([] if table is None else [table]))
            if out.suffix not in PICTURES:
                raise InputError(f"--out to end in {', '.join(PICTURES)}", out.name, "Choose one of these.")
        pipeline = load_table_model(model)
        rows = None if table is None else _rows(table, pipeline)
        explanation = explain(pipeline, rows, random_state=seed)
        console.print(explanation.table())
        if out is None:
            return
        try:
            save_explanation_figure(explanation, out)
        except MissingExtraError as error:
            console.print(f"[yellow]Picture left out: {escape(str(error))}[/]")
        else:
            console.print(f"Picture: {escape(str(out))}", highlight=False, soft_wrap=True)


def _rows(table: Path, pipeline: Pipeline) -> pandas.DataFrame:
    pieces = [piece for piece, _ in rows_without_target(table, pipeline)]
    import pandas

    return pandas.concat(pieces)
