"""The score that a fitted machine states of itself, under the name of what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

__all__ = ["StatedScore"]


@dataclass(frozen=True)
class StatedScore:
    """Score of the iterate that a fit has kept, by samples that this one does not depend on.

    Attributes
    ----------
    measure
        "accuracy" of a classifier; of a regression "R²" on validation rows, else the mean "squared error".
    value, error
        The score and its standard error.
    validated
        Whether validation rows, which chose the iterate, give it; else predictions of rows that were left out.

    Examples
    --------
    >>> import torch
    >>> from agop import Laplace, RFMRegressor
    >>> x = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    >>> model = RFMRegressor(Laplace(2.0), ridge=0.1, n_iterations=1)
    >>> StatedScore.of(model.fit(x, x[:, 0])).name
    'left-out squared error'
    >>> StatedScore.of(model.fit(x[::2], x[::2, 0], validation=(x[1::2], x[1::2, 0]))).name
    'R² on validation rows'
    """

    measure: Literal["accuracy", "R²", "squared error"]
    value: float
    error: float
    validated: bool

    @classmethod
    def of(cls, model: Any) -> Self | None:
        """The score of a fitted RFMRegressor or RFMClassifier; None if there were no rows for one."""
        if model.validation_scores_ is None:
            return None
        kept = model.best_iteration_ if model._validated else -1
        score, error = float(model.validation_scores_[kept]), float(model.validation_standard_errors_[kept])
        if hasattr(model, "predict_proba"):
            return cls("accuracy", score, error, model._validated)
        return cls("R²", score, error, True) if model._validated else cls("squared error", -score, error, False)

    @property
    def name(self) -> str:
        """Measure and the rows that it is of."""
        return f"{self.measure} on validation rows" if self.validated else f"left-out {self.measure}"
