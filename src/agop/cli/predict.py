"""``agop predict``: predictions of a saved model for the rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from sklearn.pipeline import Pipeline

from agop.cli.app import app, progress_bar, readable_errors, say
from agop.cli.fit import check_out, nothing_written
from agop.errors import InputError
from agop.estimator import load
from agop.tables import TableEncoder
from agop.tables.rows import check_rows_file, table_rows, write_rows
from agop.tables.score import TableScore

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
) -> None:
    """Predict every row of TABLE, some thousands at a time, into the column "prediction" of OUT.

    TABLE may have the target column of the fit: it is not used, but then the score is printed as well.
    """
    with readable_errors(), nothing_written():
        check_out(out, table, model)
        check_rows_file(out)
        pipeline = load_table_model(model)
        classes = getattr(pipeline[-1], "classes_", None)
        if probabilities and classes is None:
            raise InputError("a classifier for --probabilities", "a regression model", "Leave --probabilities out.")
        scores: list[TableScore] = []
        with progress_bar() as progress:
            rows = progress.add_task("rows", total=None)

            def predictions() -> Iterator[pandas.DataFrame]:
                for piece, truth in rows_without_target(table, pipeline):
                    frame = _predicted(pipeline, piece, probabilities)
                    if truth is not None:
                        scores.append(TableScore.of(truth, frame["prediction"], classes=classes))
                    done = progress.tasks[rows].completed + len(frame)
                    progress.update(rows, completed=done, description=f"{done:.0f} rows")
                    yield frame

            write_rows(out, predictions())
            progress.update(rows, total=progress.tasks[rows].completed)
        if scores:
            say(str(reduce(TableScore.merge, scores)))
        say(f"Predictions: {out}")


def load_table_model(path: Path) -> Pipeline:
    """The pipeline in a file that ``agop fit`` wrote; InputError if it is another model."""
    model = load(path)
    if not (isinstance(model, Pipeline) and isinstance(model[0], TableEncoder)):
        got = f"a {type(model).__name__}"
        raise InputError(f"{path} to hold a model of a table, from agop fit", got, "Load it in Python to use it.")
    return model


def rows_without_target(path: Path, pipeline: Pipeline) -> Iterator[tuple[pandas.DataFrame, pandas.Series[Any] | None]]:
    """Pieces of a table without the target of the model, and the target, if it is there."""
    target = _target(pipeline)
    for piece in table_rows(path, text=_text_columns(pipeline)):
        if target in piece.columns:
            yield piece.drop(columns=target), piece[target]
        else:
            yield piece, None


def _target(pipeline: Pipeline) -> str | None:
    """Name of the target; unknown if the model was not fitted by ``agop fit``."""
    return getattr(pipeline[0], "target_", None)


def _text_columns(pipeline: Pipeline) -> list[str]:
    """Columns of categories, and the target if it is text; truth values are read better without being told."""
    encoder, labels = pipeline[0], getattr(pipeline[-1], "classes_", np.zeros(0))
    columns = zip(encoder.columns_, encoder.codings_, strict=True)
    text = [name for name, coding in columns if not {"True", "False", None}.issuperset(coding.get("levels", ()))]
    target = _target(pipeline)
    return text if target is None or labels.dtype != object else [*text, target]


def _predicted(pipeline: Pipeline, rows: pandas.DataFrame, probabilities: bool) -> pandas.DataFrame:
    import pandas

    columns = {"prediction": pipeline.predict(rows)}
    if probabilities:
        shares = pipeline.predict_proba(rows).T
        columns |= {f"probability {label}": share for label, share in zip(pipeline.classes_, shares, strict=True)}
    return pandas.DataFrame(columns)
