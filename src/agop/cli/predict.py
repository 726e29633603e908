"""``agop predict``: predictions of a saved model for the rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agop.cli.app import NOTHING_WRITTEN, app, readable_errors
from agop.cli.terminal import check_out, progress_bar, say
from agop.tables.prediction import load_table_model, predict_file
from agop.tables.score import TableScore
from agop.tables.writing import check_rows_file, write_rows

if TYPE_CHECKING:
    import pandas

__all__ = ["predict"]


@app.command("predict")
def predict(
    model: Annotated[Path, typer.Argument(help="File that agop fit wrote.")],
    table: Annotated[Path, typer.Argument(help="CSV, also compressed, or Parquet, with the columns of the fit.")],
    out: Annotated[Path, typer.Option(help="File for the predictions: .csv, .csv.gz or .parquet.")],
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Of a classifier: also a column for each class.")
    ] = False,
    coverage: Annotated[
        float | None,
        typer.Option(
            help="Of a regression: share of targets that lie between the columns lower and upper, such as 0.9."
        ),
    ] = None,
) -> None:
    """Predict every row of TABLE, some thousands at a time, into the column "prediction" of OUT.

    TABLE may have the target column of the fit: it is not used, but then the score is printed as well.
    """
    with readable_errors(NOTHING_WRITTEN):
        check_out(out, table, model)
        check_rows_file(out)
        pipeline = load_table_model(model)
        scores: list[TableScore] = []
        with progress_bar() as progress:
            task, rows = progress.add_task("0 rows", total=1.0), 0

            def observe(share: float) -> None:
                progress.update(task, completed=share, description=f"{rows:,} rows")

            def predictions() -> Iterator[pandas.DataFrame]:
                nonlocal rows
                pieces = predict_file(pipeline, table, probabilities=probabilities, coverage=coverage, observe=observe)
                for frame, score in pieces:
                    scores.extend([] if score is None else [score])
                    rows += len(frame)
                    yield frame

            write_rows(out, predictions())
        if scores:
            say(str(reduce(TableScore.merge, scores)))
        say(f"Predictions: {out}")
