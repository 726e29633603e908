"""The result of a model of a table, as reports see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agop.runs import Line
from agop.tables.explanation import Explanation

__all__ = ["TableResult"]


@dataclass(frozen=True, eq=False)
class TableResult:
    """A model of a table.

    Attributes
    ----------
    name
        Of the model in this report.
    info
        ``run.json``; at least "settings".
    explanation
        What the model depends on.
    folds
        A line for each fold of a cross-validation: "fold", "error", "measure" (the name of the error) and "n_rows";
        may be empty.
    """

    name: str
    info: Mapping[str, Any]
    explanation: Explanation
    folds: Sequence[Line] = ()
