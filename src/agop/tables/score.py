"""Scores of predictions for a table: of rows, as a value that merges, and of a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agop.moments import ClassMoments
from agop.rfm import StatedScore
from agop.tables.task import as_numbers

if TYPE_CHECKING:
    import pandas

__all__ = ["TableScore", "stated_scores"]


@dataclass(frozen=True)
class TableScore:
    """Agreement of predictions with targets where these are known; parts of a table merge.

    Attributes
    ----------
    count
        Number of known targets.
    error
        Number of wrong labels, or sum of the squared errors.
    moments
        Moments of the targets of a regression; None for labels.

    Examples
    --------
    >>> import pandas
    >>> truth, predictions = pandas.Series([1.0, 2.0, None]), pandas.Series([1.0, 3.0, 5.0])
    >>> score = TableScore.of(truth, predictions)
    >>> print(score.merge(score))
    R²: -1.0000, RMSE 0.7071 (4 rows with a target)
    """

    count: int
    error: float
    moments: ClassMoments | None = None

    @classmethod
    def of(
        cls,
        truth: pandas.Series[Any],
        predictions: pandas.Series[Any],
        classes: NDArray[Any] | None = None,
    ) -> TableScore:
        """Score of predictions (n,) for targets (n,), missing ones left out.

        Parameters
        ----------
        truth, predictions
            Rows in the same order.
        classes
            Labels of a classifier; None for a regression.

        Raises
        ------
        InputError
            If targets of a regression are no finite numbers.
        """
        known = np.asarray(truth.notna())
        truth, predicted = truth[known], np.asarray(predictions[known])
        if classes is not None:
            labels = truth.map(str) if classes.dtype == object else truth
            wrong = np.asarray(labels, dtype=object) != predicted.astype(object)
            return cls(len(truth), int(wrong.sum()))
        values = as_numbers(truth)
        moments = ClassMoments.of(values[:, None], np.zeros(len(values), dtype=np.int64), 1)
        return cls(len(truth), float(np.square(values - predicted).sum()), moments)

    def merge(self, other: TableScore) -> TableScore:
        """Score of both parts."""
        both = None if self.moments is None or other.moments is None else self.moments.merge(other.moments)
        return TableScore(self.count + other.count, self.error + other.error, both)

    def __str__(self) -> str:
        """Accuracy, or R^2 and root mean squared error."""
        if not self.count:
            return "No row has a target"
        rows = f"({self.count} rows with a target)"
        if self.moments is None:
            return f"Accuracy: {1 - self.error / self.count:.4f} {rows}"
        total = self.moments.scatter_trace
        determination = f"{1 - self.error / total:.4f}" if total else "–"
        return f"R²: {determination}, RMSE {(self.error / self.count) ** 0.5:.4g} {rows}"


def stated_scores(model: Any, targets: NDArray[Any]) -> dict[str, str]:
    """Score that a fitted model states, with its standard error, by name; empty where there were too few rows for one.

    Beside an accuracy is that of the most frequent class for all rows: where it has nearly all of them, one that has
    learned nothing is right nearly always.

    Parameters
    ----------
    model
        Fitted RFMRegressor or RFMClassifier.
    targets
        (n,) targets of the fit, with whose most frequent class an accuracy is compared.

    Examples
    --------
    >>> from agop import Laplace, RFMRegressor
    >>> x = np.linspace(-1, 1, 40)[:, None]
    >>> model = RFMRegressor(Laplace(2.0), ridge=0.1, n_iterations=1).fit(x, x[:, 0])
    >>> list(stated_scores(model, x[:, 0]))
    ['left-out R²', 'left-out RMSE']
    """
    stated = StatedScore.of(model)
    if stated is None:
        return {}
    if stated.measure != "squared error":
        found = {stated.name: f"{stated.value:.4f} ± {stated.error:.4f}"}
        if stated.measure == "accuracy":
            found["most frequent class for all"] = (
                f"{np.unique(targets, return_counts=True)[1].max() / len(targets):.4f}"
            )
        return found
    skill = model.skill_
    determination = "–" if skill is None else f"{skill.value:.4f} ± {skill.error:.4f}"
    return {"left-out R²": determination, "left-out RMSE": f"{stated.value**0.5:.4g}"}
