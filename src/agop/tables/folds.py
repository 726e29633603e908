"""Parts of a table, each predicted by a model that was fitted to the others."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline

from agop.errors import InputError
from agop.rfm import RFMClassifier
from agop.tables.digest import row_digests
from agop.tables.explain import FEWEST_ROWS, column_effects
from agop.tables.parquet import ParquetTable
from agop.tables.task import as_numbers, target_of

if TYPE_CHECKING:
    import pandas

__all__ = ["TableFolds"]


@dataclass(frozen=True, eq=False)
class TableFolds:
    """Folds of the rows of a table, stratified if the target is a class.

    Attributes
    ----------
    pipeline
        Fitted pipeline of ``table_pipeline``, of which every fold fits a clone.
    rows
        The n rows with a target, without it.
    targets
        (n,) targets as the model takes them.
    parts
        Training and test rows of each fold.
    seed
        Seed of the models that have none, and of the swaps.
    notes
        Notes on the folds: rows that are in none, and rows that several can share.
    swaps
        Swaps of each column; None for the default of ``explain``.
    """

    pipeline: Pipeline
    rows: pandas.DataFrame | ParquetTable
    targets: NDArray[Any]
    parts: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    seed: int
    notes: Sequence[str]
    swaps: int | None = None

    @classmethod
    def of(
        cls,
        pipeline: Pipeline,
        frame: pandas.DataFrame | ParquetTable,
        count: int,
        seed: int,
        *,
        swaps: int | None = None,
    ) -> TableFolds:
        """Folds of the rows whose target is known.

        Parameters
        ----------
        pipeline
            Its encoder knows the target, ``target_``.
        frame
            Rows with the target among the columns.
        count
            Number of folds, 2 or more.
        seed
            Seed of the random order of the rows.
        swaps
            Swaps of each column.

        Raises
        ------
        InputError
            If the target is unknown or missing, its values are not those of such a model, or there are fewer rows, or
            fewer rows of a class, than folds.
        """
        target = target_of(pipeline)
        if target is None:
            raise InputError("a model that knows its target, for folds", "one without", "Fit it with agop fit.")
        if target not in frame.columns:
            got = f"columns {', '.join(map(str, frame.columns))}"
            raise InputError(f"the target {target!r} in the table, for folds", got, "Add it, or ask for no folds.")
        known = frame[frame[target].notna()]
        rows, classes = known.drop(columns=target), getattr(pipeline[-1], "classes_", None)
        targets = as_numbers(known[target]) if classes is None else _labels(known[target], np.asarray(classes))
        parts = _split(targets, count, seed, stratified=classes is not None)
        return cls(pipeline, rows, targets, parts, seed, _notes(len(frame) - len(rows), rows), swaps)

    def lines(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """Lines of the folds after the first ``after`` ones, each fitted as it is asked for."""
        return (self.line(number) for number in range(after + 1, len(self.parts) + 1))

    def line(self, number: int) -> dict[str, Any]:
        """Errors of a new model and of a constant, both from the other folds, on a fold; the first is number 1.

        With them come the effects of the columns on the new model, by swaps between the rows of the fold, which it has
        not seen; None if there are only one or two.

        The constant is the mean target or the most frequent class. The score, R^2 or accuracy, is NaN where the targets
        of a fold are all the same.
        """
        start = time.monotonic()
        train, test = self.parts[number - 1]
        model = clone(self.pipeline)
        if model[-1].random_state is None:
            model[-1].set_params(random_state=self.seed)
        predictions = model.fit(self._part(train), self.targets[train]).predict(self._part(test))
        known, truth = self.targets[train], self.targets[test]
        if isinstance(self.pipeline[-1], RFMClassifier):
            labels, counts = np.unique(known, return_counts=True)
            error, baseline = (float(np.mean(guess != truth)) for guess in (predictions, labels[counts.argmax()]))
            measure, score = "error rate", 1 - error
        else:
            error, baseline = (float(np.sqrt(np.mean((guess - truth) ** 2))) for guess in (predictions, known.mean()))
            measure, score = "RMSE", 1 - error**2 / truth.var() if np.ptp(truth) else math.nan
        return {
            "fold": number,
            "error": error,
            "measure": measure,
            "score": score,
            "baseline": baseline,
            "n_rows": len(test),
            "effects": self._effects(model, self._part(test)),
            "seconds": time.monotonic() - start,
        }

    def _part(self, rows: NDArray[np.intp]) -> pandas.DataFrame | ParquetTable:
        """Some rows, in the order of the table."""
        chosen = np.zeros(len(self.targets), dtype=bool)
        chosen[rows] = True
        part: pandas.DataFrame | ParquetTable = self.rows[chosen]
        return part

    def _effects(self, model: Pipeline, rows: pandas.DataFrame | ParquetTable) -> dict[str, dict[str, float]] | None:
        if len(rows) < FEWEST_ROWS:
            return None
        found = column_effects(model, rows, n_swaps=self.swaps, random_state=self.seed)
        return {name: {"share": share, "error": error} for name, (share, error) in found.items()}


def _labels(column: pandas.Series[Any], classes: NDArray[Any]) -> NDArray[Any]:
    """Labels as those of the model, which may be text where the table has numbers."""
    text = classes.dtype.kind not in "biuf"
    place = {str(label) if text else label: index for index, label in enumerate(classes.tolist())}
    codes = np.array([place.get(str(label) if text else label, -1) for label in column], dtype=np.intp)
    if (codes < 0).any():
        got = f"also {', '.join(sorted(set(column[codes < 0].map(str)))[:5])}"
        raise InputError(f"classes of the model in column {column.name!r}", got, "Fit the model to this table.")
    return classes[codes]


def _split(
    targets: NDArray[Any], count: int, seed: int, *, stratified: bool
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Training and test rows of each fold."""
    n = len(targets)
    if not 2 <= count <= n:
        raise InputError(f"0 or 2 .. {n} folds of {n} rows with a target", str(count), "Choose another number.")
    if n - math.ceil(n / count) < 2:
        raise InputError("2 or more rows to learn from beside each fold", f"{n} rows in all", "Add rows, or no folds.")
    options = {"n_splits": count, "shuffle": True, "random_state": seed}
    if not stratified:
        return list(KFold(**options).split(targets))
    labels, counts = np.unique(targets, return_counts=True)
    if len(labels) < 2:
        raise InputError("2 or more classes", f"{labels[0]} in all rows", "There is nothing to tell apart.")
    if counts.min() < count:
        got, advice = f"{counts.min()} of {labels[counts.argmin()]}", "Ask for fewer folds, or pool rare classes."
        raise InputError(f"{count} or more rows of each class", got, advice)
    return list(StratifiedKFold(**options).split(targets, targets))


def _notes(left_out: int, rows: pandas.DataFrame | ParquetTable) -> list[str]:
    repeated = len(rows) - len(np.unique(row_digests(rows)))
    advice = "Copies of a row can be in several folds, which then look easier than new rows."
    return [
        *[f"Rows without a target, which are in no fold: {left_out}."] * (left_out > 0),
        *[f"Rows that repeat the columns of another one: {repeated} of {len(rows)}. {advice}"] * (repeated > 0),
    ]
