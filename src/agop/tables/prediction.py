"""Predictions of a saved model for the rows of a file, some thousands at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.pipeline import Pipeline

from agop.errors import InputError
from agop.estimator import load
from agop.tables.coding import is_text
from agop.tables.encoder import TableEncoder
from agop.tables.files import is_parquet, table_rows
from agop.tables.parquet import ParquetTable
from agop.tables.score import TableScore
from agop.tables.task import target_of, without_target

if TYPE_CHECKING:
    import pandas

__all__ = ["load_table_model", "predict_file", "rows_of_file", "table_of_file"]


def load_table_model(path: Path) -> Pipeline:
    """The pipeline in a file that ``agop fit`` wrote; InputError if it is another model."""
    model = load(path)
    if not (isinstance(model, Pipeline) and isinstance(model[0], TableEncoder)):
        got = f"a {type(model).__name__}"
        raise InputError(f"{path} to hold a model of a table, from agop fit", got, "Load it in Python to use it.")
    return model


def rows_of_file(
    path: Path, pipeline: Pipeline, observe: Callable[[float], object] = lambda share: None
) -> Iterator[pandas.DataFrame]:
    """Pieces of a table, read as that of the fit was: categories are text, and so is the target if it was."""
    encoder, labels, target = pipeline[0], getattr(pipeline[-1], "classes_", np.zeros(0)), target_of(pipeline)
    text = [name for name, coding in zip(encoder.columns_, encoder.codings_, strict=True) if is_text(coding)]
    text = text if target is None or labels.dtype != object else [*text, target]
    return table_rows(path, text=text, observe=observe)


def table_of_file(path: Path, pipeline: Pipeline) -> pandas.DataFrame | ParquetTable:
    """The table, read as that of the fit was: a Parquet file in parts, when these are asked for."""
    import pandas

    return ParquetTable(path) if is_parquet(path) else pandas.concat(rows_of_file(path, pipeline))


def predict_file(
    pipeline: Pipeline,
    path: Path,
    *,
    probabilities: bool = False,
    coverage: float | None = None,
    observe: Callable[[float], object] = lambda share: None,
) -> Iterator[tuple[pandas.DataFrame, TableScore | None]]:
    """Predictions for each piece of a table, and their score where the table has the target.

    Parameters
    ----------
    pipeline
        Fitted pipeline of ``table_pipeline``. Its target in the table is not used for the predictions.
    path
        File of the table.
    probabilities
        Whether there is a column for each class, of a classifier.
    coverage
        Share of targets that lie between columns "lower" and "upper", of a regression; None leaves these out.
    observe
        Called with the share of the file that is predicted, after each piece.

    Yields
    ------
    frame
        Column "prediction", and with ``probabilities`` columns such as "probability yes", one row a row of the table.
    score
        Score of the piece; None without the target.

    Raises
    ------
    InputError
        If a regression has no probabilities or a classifier no intervals, or the file cannot be read or lacks columns
        of the fit.
    """
    import pandas

    classes, target = getattr(pipeline[-1], "classes_", None), target_of(pipeline)
    if probabilities and classes is None:
        raise InputError("a classifier for probabilities", "a regression model", "Leave the probabilities out.")
    if coverage is not None and not hasattr(pipeline[-1], "predict_interval"):
        raise InputError("a regression model for intervals", "a classifier", "Ask for probabilities instead.")
    for piece in rows_of_file(path, pipeline, observe):
        rows = without_target(piece, pipeline)
        columns = {"prediction": pipeline.predict(rows)}
        if probabilities:
            shares = pipeline.predict_proba(rows).T
            columns |= {f"probability {label}": share for label, share in zip(pipeline.classes_, shares, strict=True)}
        if coverage is not None:
            ends = pipeline[-1].predict_interval(pipeline[:-1].transform(rows), coverage)
            columns |= dict(zip(("lower", "upper"), ends, strict=True))
        frame = pandas.DataFrame(columns)
        yield (
            frame,
            None if target not in piece.columns else TableScore.of(piece[target], frame["prediction"], classes=classes),
        )
