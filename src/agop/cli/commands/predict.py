"""Options of ``agop predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agop.cli.app import app

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
    from agop.cli.predict import predict

    predict(model, table, out, probabilities, coverage)
