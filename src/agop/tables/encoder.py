"""Tables with columns of any kind as features, and the pipeline that fits a model on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from agop.errors import InputError
from agop.estimator.reference import ReferenceMixin
from agop.rfm import RFMClassifier, RFMRegressor
from agop.storable import storable
from agop.tables.coding import encode, integers_as_levels, learn
from agop.tables.parquet import ParquetTable

__all__ = ["TableEncoder", "table_pipeline"]


@storable
class TableEncoder(ReferenceMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Columns of a table as features of comparable scale.

    A numeric column becomes :math:`(x - m) / s` with mean m and standard deviation s of its training values; missing
    values become their median, and a second feature marks them if there were any in training. Text, categories,
    booleans and all other objects become one feature a level, equal to
    :math:`1 / \sqrt{1 - \sum_c p_c^2}` for the level of the row and 0 for the rest, with :math:`p_c` the shares of the
    levels: the total variance of these features is 1, that of a numeric column. They are not centered, so that each has
    two values. A column with two levels has two features as well: a level that was not seen then differs from both, and
    neither is favored. A constant column is 0, also one that is constant but for rounding (a deviation of 2^-44 of the
    largest magnitude or less). A deviation counts as no less than 1/32 of the largest distance from the mean: a column
    that is nearly constant, or a rare level, is not blown up.

    Dates and times, also text in one of the usual forms (ISO 8601; days, months and years with points, strokes, slashes
    or names; with or without a clock), become the time as a number, and :math:`s (\cos 2 \pi p, \sin 2 \pi p)` for the
    place p in the year, in the week (by days) and in the day, with s such that the variance is 1. A cycle counts if the
    training times span it; a missing time is the median, and amid each cycle. Zones are left out: hours are what clocks
    show. Free text and identifiers are refused: columns of text most of whose values occur once, unless these are 20 or
    fewer, or the column is declared as categories.

    A column of integers with 3 to ``max_levels`` different values, such as the hour or a code, becomes a feature a
    level if that predicts the targets better: if it lowers the squared leave-one-out errors of at most 1,000 rows, by
    kernel ridge regression with the other columns as they are, by three standard errors and 2 %. Counts and grades
    whose effect is smooth stay numbers. A value that was not seen then takes the nearest level. All targets of the fit
    decide, so that scores which a model states of rows left out later know that much of them; scores of a whole
    pipeline on other rows do not.

    ``fit`` and ``transform`` take a pandas frame, one with ``to_pandas`` (polars, pyarrow), a ``ParquetTable``, one
    column or piece of which is in memory at a time, or a matrix, whose columns are numeric unless it holds text or
    objects; a column of objects is numeric if all its values are numbers. Levels are compared as text. Columns of a
    frame are found by name, in any order; those of a matrix, by position.

    Parameters
    ----------
    max_levels
        Largest number of features of a categorical column. If it has more levels, the rarest share one, "other", which
        levels not seen in training take too; without it these are zeros.
    integers
        "loo" for that choice, where ``fit`` is given targets of 100 rows or more; "numbers" to have numbers.

    Attributes
    ----------
    columns_ : tuple of str
        Names of the columns; x0, x1, ... for an array.
    column_of_ : ndarray of int
        (d,) for each feature the index of its column.
    codings_ : list of dict
        Coding of each column, as it was learned.
    n_features_in_, feature_names_in_
        Number of columns, and their names if they came as a frame.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"age": [30, None, 50], "color": ["red", "blue", "red"]})
    >>> encoder = TableEncoder().fit(table)
    >>> encoder.get_feature_names_out().tolist()
    ['age', 'age missing', 'color=blue', 'color=red']
    >>> encoder.transform(table)
    array([[-1.  ,  0.  ,  0.  ,  1.5 ],
           [ 0.  ,  2.12,  1.5 ,  0.  ],
           [ 1.  ,  0.  ,  0.  ,  1.5 ]])
    >>> encoder.column_of_
    array([0, 0, 1, 1])
    """

    columns_: tuple[str, ...]
    codings_: list[dict[str, Any]]
    column_of_: NDArray[np.intp]

    def __init__(self, max_levels: int = 64, integers: Literal["loo", "numbers"] = "loo") -> None:
        self.max_levels = max_levels
        self.integers = integers

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn means, deviations and levels of the columns of a table (n, columns), with targets y (n,) or (n, C).

        Raises
        ------
        ValueError
            If a column holds free text, durations, collections, dates that cannot be read, infinite, complex or
            overflowing numbers; if two have one name; if there is none.
        """
        max_levels: Any = self.max_levels
        if not isinstance(max_levels, Integral) or max_levels < 2:
            raise InputError("an integer of 2 or more as max_levels", repr(max_levels), "It counts features.")
        if self.integers not in ("loo", "numbers"):
            raise InputError("'loo' or 'numbers' as integers", repr(self.integers), "Declare categories in the table.")
        columns = self._columns(X, reset=True)
        self.columns_ = tuple(getattr(self, "feature_names_in_", [f"x{index}" for index in range(len(columns))]))
        self.codings_ = [
            learn(column, name, self.max_levels) for name, column in zip(self.columns_, columns, strict=True)
        ]
        if self.integers == "loo" and y is not None:
            better = integers_as_levels(columns, self.columns_, self.codings_, y, self.max_levels)
            self.codings_ = [better.get(index, coding) for index, coding in enumerate(self.codings_)]
        widths = [len(coding["names"]) for coding in self.codings_]
        self.column_of_ = np.repeat(np.arange(len(widths)), widths)
        return self

    def transform(self, X: Any) -> Any:
        """Features (n, d) of a table with the columns of the fit; chunks of them, in turn, of a ``ParquetTable``.

        Raises
        ------
        ValueError
            If a column is missing or surplus, or holds what cannot be read as what it was in training.
        """
        check_is_fitted(self)
        if isinstance(X, ParquetTable):
            self._columns(X, reset=False)  # says at once which are missing
            return _EncodedTable(self, X)
        columns = zip(self._columns(X, reset=False), self.columns_, self.codings_, strict=True)
        return np.hstack([encode(column, name, coding) for column, name, coding in columns])

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names (d,) of the features: "age", "age missing", "color=red", "color missing", "color other"."""
        check_is_fitted(self)
        columns = zip(_check_feature_names_in(self, input_features), self.codings_, strict=True)
        return np.array([column + name for column, coding in columns for name in coding["names"]], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags

    def _columns(self, X: Any, *, reset: bool) -> Sequence[Any]:
        """The columns of the fit in their order, as series or arrays."""
        if isinstance(X, ParquetTable):
            _require_size(len(X), len(X.columns))
            self._named(X.head(), reset=reset)
            return X.each_column()
        if hasattr(X, "to_pandas") and not hasattr(X, "iloc"):
            X = X.to_pandas()
        if not hasattr(X, "columns"):
            X = np.asarray(X, dtype=object) if isinstance(X, list) else X
            return list(validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False).T)
        _require_size(*X.shape)
        X = self._named(X, reset=reset)
        return [X.iloc[:, index] for index in range(X.shape[1])]

    def _named(self, X: Any, *, reset: bool) -> Any:
        """A frame with the columns of the fit in their order."""
        X = X.set_axis([str(name) for name in X.columns], axis=1)
        if not X.columns.is_unique:
            raise InputError("columns with different names", f"{list(X.columns)}", "Rename them.")
        if not reset and hasattr(self, "feature_names_in_"):
            X = _by_name(X, self.columns_)
        validate_data(self, X, reset=reset, skip_check_array=True)  # names and number of the columns
        return X


@dataclass(frozen=True)
class _EncodedTable:
    """Chunks of features, coded anew in every pass over a table."""

    encoder: TableEncoder
    table: ParquetTable

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        return map(self.encoder.transform, self.table)


def table_pipeline(estimator: BaseEstimator | Literal["regression", "classification"]) -> Pipeline:
    """Pipeline of a ``TableEncoder``, step "table", and an estimator, step "model".

    Parameters
    ----------
    estimator
        Estimator of the encoded table; "regression" is ``RFMRegressor()``, "classification" is
        ``RFMClassifier()``.

    Raises
    ------
    InputError
        If ``estimator`` is another text, or a class instead of an instance.

    Examples
    --------
    >>> table_pipeline("classification")
    Pipeline(steps=[('table', TableEncoder()), ('model', RFMClassifier())])
    """
    defaults = {"regression": RFMRegressor, "classification": RFMClassifier}
    model = defaults[estimator]() if isinstance(estimator, str) and estimator in defaults else estimator
    if isinstance(model, (str, type)):
        raise InputError("an estimator, 'regression' or 'classification'", repr(model), "Say, RFMRegressor(ridge=0.1).")
    return Pipeline([("table", TableEncoder()), ("model", model)])


def _require_size(n_rows: int, n_columns: int) -> None:
    if not n_rows or not n_columns:
        raise InputError("a table with rows and columns", f"shape {(n_rows, n_columns)}", "Check how it was made.")


def _by_name(frame: Any, columns: tuple[str, ...]) -> Any:
    """The columns in the order of the fit."""
    missing = [name for name in columns if name not in frame.columns]
    surplus = [name for name in frame.columns if name not in columns]
    if missing or surplus:
        got = f"missing: {missing or 'none'}; surplus: {surplus or 'none'}"
        raise InputError("the columns of the fit", got, "Add, drop or rename columns.")
    return frame[list(columns)]
