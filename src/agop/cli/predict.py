"""Work of ``agop predict``: predictions of a saved model for the rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from agop.cli.app import NOTHING_WRITTEN, readable_errors
from agop.cli.terminal import check_out, progress_bar, say
from agop.tables.prediction import load_table_model, predict_file
from agop.tables.score import TableScore
from agop.tables.writing import check_rows_file, write_rows

if TYPE_CHECKING:
    import pandas

__all__ = ["predict"]


def predict(model: Path, table: Path, out: Path, probabilities: bool, coverage: float | None) -> None:
    """Write the predictions, and print their score where the targets are known."""
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
