"""The task that a column of a table sets: its rows, its targets, and whether these are numbers or classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from agop.errors import InputError
from agop.tables.coding.levels import refuse_collections

if TYPE_CHECKING:
    import pandas
    from sklearn.pipeline import Pipeline

    from agop.rfm import FitCost
    from agop.tables.parquet import ParquetTable

__all__ = ["MOST_CLASSES", "TableTask", "TaskName", "as_numbers", "target_of", "without_target"]

Table = TypeVar("Table", "pandas.DataFrame", "ParquetTable")
TaskName: TypeAlias = Literal["regression", "classification"]

MOST_CLASSES = 20
"""Distinct whole numbers that still are classes."""


@dataclass(frozen=True, eq=False)
class TableTask:
    """Rows and targets of what is to be learned from a table.

    Attributes
    ----------
    name
        "regression" or "classification".
    rows
        The n rows whose target is known, without it.
    targets
        (n,) float64, or labels as whole numbers, true and false, or text.

    Examples
    --------
    >>> import pandas
    >>> task = TableTask.of(pandas.DataFrame({"age": [31, 40, 25], "town": ["Ulm", None, "Bonn"]}), "town")
    >>> task.name, len(task.rows), task.targets
    ('classification', 2, array(['Ulm', 'Bonn'], dtype=object))
    """

    name: TaskName
    rows: pandas.DataFrame | ParquetTable
    targets: NDArray[Any]

    @classmethod
    def of(
        cls, frame: pandas.DataFrame | ParquetTable, target: str, task: TaskName | Literal["auto"] = "auto"
    ) -> TableTask:
        """Task of a column of a table.

        Parameters
        ----------
        frame
            The table. Rows without a target are left out.
        target
            Name of the column.
        task
            "auto" is a classification if the target is text, categories, true/false, or whole numbers with 20 distinct
            values at most; else a regression.

        Raises
        ------
        InputError
            If there is no such column, it holds times, collections, fewer than two values, or what such a task cannot
            have.
        """
        if target not in frame.columns:
            got = f"columns {', '.join(map(str, frame.columns))}"
            raise InputError(f"a column {target!r}", got, "Check the name of the target.")
        known = frame[target].notna()
        if not known.any():
            raise InputError(f"values in column {target!r}", "missing ones only", "Choose another target.")
        column = frame[target][known]
        refuse_collections(column if column.dtype == object else (), target)
        name = _detected(column) if task == "auto" else task
        return cls(name, frame[known].drop(columns=target), _targets(column, name))

    def cost(self, model: Any, n_features: int) -> FitCost:
        """Predicted time and memory of a fit of a model to n_features features of the rows.

        Parameters
        ----------
        model
            RFMRegressor or RFMClassifier.
        n_features
            Number of features of the encoded rows.

        Raises
        ------
        MemoryBudgetError
            If no solver can work within the memory of the model.
        """
        classes = len(np.unique(self.targets)) if self.name == "classification" else 1
        cost: FitCost = model.predicted_cost(len(self.rows), n_features, classes if classes > 2 else 1)
        return cost


def target_of(pipeline: Pipeline) -> str | None:
    """Name of the target of a pipeline that ``agop fit`` fitted; None if it is not known."""
    return getattr(pipeline[0], "target_", None)


def without_target(frame: Table, pipeline: Pipeline) -> Table:
    """The table without the target of a pipeline, which it may have or not."""
    target = target_of(pipeline)
    return frame.drop(columns=target) if target in frame.columns else frame


def as_numbers(column: pandas.Series[Any]) -> NDArray[np.float64]:
    """Targets (n,) of a regression as float64; InputError if they are not finite numbers."""
    try:
        values = np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"numbers in column {column.name!r}", str(error), "Drop or mend that column.") from error
    if not np.isfinite(values).all():
        raise InputError(f"finite numbers in column {column.name!r}", "infinity", "Leave such rows out.")
    return values


def _detected(y: pandas.Series[Any]) -> TaskName:
    few = y.nunique() <= MOST_CLASSES
    return "regression" if _is_number(y) and not (few and _is_whole(y)) else "classification"


def _targets(y: pandas.Series[Any], task: TaskName) -> NDArray[Any]:
    name = f"column {str(y.name)!r}"
    if y.dtype.kind in "mM":
        raise InputError(f"numbers or classes in {name}", "times", "Turn them into numbers.")
    if y.nunique() < 2:
        raise InputError(f"different values in {name}", f"{y.iloc[0]} in all rows", "There is nothing to learn.")
    if y.dtype == "category":
        y = y.astype(y.cat.categories.dtype)
    if task == "regression":
        if not _is_number(y):
            raise InputError(f"numbers in {name}", f"values such as {y.iloc[0]!r}", "Choose a classification.")
        return np.asarray(y, dtype=np.float64)
    if not _is_number(y):
        return np.asarray(y, dtype=bool) if y.isin([True, False]).all() else np.asarray(y.map(str), dtype=object)
    if not _is_whole(y):
        raise InputError(f"classes in {name}", "numbers with fractions", "Choose a regression.")
    return np.asarray(y, dtype=np.int64)


def _is_number(y: pandas.Series[Any]) -> bool:
    """Whether values are numbers, also Decimal objects; categories and truth values are not."""
    from pandas.api.types import infer_dtype

    return infer_dtype(y) in ("integer", "floating", "mixed-integer-float", "decimal")


def _is_whole(y: pandas.Series[Any]) -> bool:
    values = np.asarray(y, dtype=np.float64)
    return bool((np.abs(values) < 2**53).all() and (values % 1 == 0).all())
