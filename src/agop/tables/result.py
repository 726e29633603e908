"""Result of a model of a table, as reports see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import Pipeline

from agop.charts.kind import nothing_measured, plain_settings
from agop.errors import DataFileError
from agop.runs import Line, Run, TrainingFit, distinct, with_columns
from agop.runs.storage import strict_json
from agop.tables.explain import explain
from agop.tables.explanation import Explanation

__all__ = ["TableResult"]


@dataclass(frozen=True, eq=False)
class TableResult:
    """A model of a table.

    Attributes
    ----------
    name
        Name of the model in this report.
    info
        ``run.json``; at least "settings".
    explanation
        Explanation of the model.
    folds
        A line for each fold of a cross-validation: "fold", "error", "measure" (the name of the error) and "n_rows";
        may be empty.
    """

    name: str
    info: Mapping[str, Any]
    explanation: Explanation
    folds: Sequence[Line] = ()

    @classmethod
    def read(cls, run: Run) -> TableResult:
        """Result of a run folder."""
        file, lines = run.path / "explanation.json", run.metrics()
        if not file.exists():
            raise nothing_measured(run)
        contents = run.contents(file.name)
        try:
            explanation = Explanation.from_json(strict_json(contents))
        except (RecursionError, TypeError, ValueError) as error:
            raise DataFileError(f"{file} to hold an explanation", str(error), "Repeat agop explain --run.") from error
        lines = distinct(with_columns(lines, "fold", "error"), run.path, "fold")
        folds = [line for line in lines if line["error"] is not None]
        return cls(run.name, run.info(), explanation, folds)

    def fit(self) -> TrainingFit:
        """Unknown: errors over folds are compared instead."""
        return TrainingFit()

    @classmethod
    def of(cls, model: Any) -> TableResult:
        """Result of a fitted model, or pipeline of ``table_pipeline``."""
        settings = (model[-1] if isinstance(model, Pipeline) else model).get_params(deep=False)
        settings.pop("callback", None)
        return cls("model", {"settings": plain_settings(settings.items())}, explain(model))
