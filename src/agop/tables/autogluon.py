"""Recursive feature machines as a model of AutoGluon (extra ``autogluon``)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from agop.extras import require
from agop.rfm import RFMClassifier, RFMRegressor
from agop.tables.encoder import TableEncoder

try:
    from autogluon.core.models import AbstractModel
except ImportError:  # an instance says so
    AbstractModel = object

if TYPE_CHECKING:
    import pandas

__all__ = ["RFMModel"]

_PROBLEMS = ("binary", "multiclass", "regression")

_TIME_SHARE = 0.9
"""Share of the time limit that the fit itself may take."""

_PROCESS, _COPIES = 2**29, 6
"""Bytes that torch takes in a process, and copies of the features in a fit, with which its memory is estimated."""


class RFMModel(AbstractModel):  # type: ignore[misc]
    """``RFMRegressor`` or ``RFMClassifier`` behind a ``TableEncoder``, for ``TabularPredictor`` of AutoGluon.

    Hyper-parameters are those of the estimator. Validation data choose the iterate and calibrate probabilities; without
    them left-out predictions do. The time limit is a ``time_budget`` for the fit, which leaves out what would overrun
    it; as many threads compute as there are ``num_cpus``. The memory that AutoGluon asks for beforehand is that of
    ``predicted_cost``. A graphics card is not used.

    Raises
    ------
    MissingExtraError
        If AutoGluon is not installed: ``pip install 'agop[autogluon]'``.

    Examples
    --------
    .. code-block:: python

       from autogluon.tabular import TabularPredictor
       from agop.tables.autogluon import RFMModel

       predictor = TabularPredictor("price").fit(table, hyperparameters={RFMModel: {}, "GBM": {}})
    """

    ag_key = "AGOP_RFM"
    ag_name = "RFM"
    seed_name = "random_state"

    model: RFMClassifier | RFMRegressor

    def __init__(self, **settings: Any) -> None:
        require("autogluon.core.models", "autogluon")
        super().__init__(**settings)
        self._encoder: TableEncoder | None = None

    @classmethod
    def supported_problem_types(cls) -> list[str]:
        """Regression, two classes, more classes; no quantiles, no shares of classes as targets."""
        return [*_PROBLEMS]

    def _get_default_auxiliary_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super()._get_default_auxiliary_params()
        return parameters | {"valid_raw_types": ["bool", "int", "float", "category"]}

    def _preprocess(
        self, X: pandas.DataFrame, *, is_train: bool = False, y: pandas.Series[Any] | None = None, **settings: Any
    ) -> NDArray[np.float64]:
        """Features (n, d) of a table."""
        table = super()._preprocess(X, **settings)
        if is_train:
            self._encoder = TableEncoder().fit(table, None if y is None else y.to_numpy())
        features: NDArray[np.float64] = self._encoder.transform(table)  # type: ignore[union-attr]
        return features

    def _fit(
        self,
        X: pandas.DataFrame,
        y: pandas.Series[Any],
        X_val: pandas.DataFrame | None = None,
        y_val: pandas.Series[Any] | None = None,
        time_limit: float | None = None,
        sample_weight: pandas.Series[Any] | None = None,
        num_cpus: int | None = None,
        **_: Any,
    ) -> None:
        began = time.monotonic()
        parameters = self._get_model_params()
        with _threads(num_cpus):
            features = self.preprocess(X, y=y, is_train=True)
            validation = None if X_val is None or y_val is None else (self.preprocess(X_val), y_val.to_numpy())
            if time_limit is not None:
                left = _TIME_SHARE * (time_limit - (time.monotonic() - began))
                asked = parameters.get("time_budget")
                parameters["time_budget"] = max(left if asked is None else min(left, asked), 1e-3)
            weights = None if sample_weight is None else np.asarray(sample_weight)
            model = _estimator(self.problem_type == "regression", parameters)
            self.model = model.fit(features, y.to_numpy(), weights, validation=validation)

    def _predict_proba(self, X: pandas.DataFrame, **settings: Any) -> NDArray[Any]:
        features = self.preprocess(X, **settings)
        if self.problem_type == "regression":
            return np.asarray(self.model.predict(features))
        shares = np.zeros((len(features), max(self.num_classes or 2, 2)))  # some folds lack a class
        shares[:, self.model.classes_] = self.model.predict_proba(features)
        return np.asarray(self._convert_proba_to_unified_form(shares))

    def _estimate_memory_usage(self, X: pandas.DataFrame, **settings: Any) -> int:
        asked = {"hyperparameters": self._get_model_params(), "num_classes": self.num_classes}
        return self._estimate_memory_usage_static(X=X, **(settings | asked))

    @classmethod
    def _estimate_memory_usage_static(
        cls,
        *,
        X: pandas.DataFrame,
        hyperparameters: Mapping[str, Any] | None = None,
        num_classes: int | None = 1,
        **_: Any,
    ) -> int:
        """Bytes at the peak of a fit to a table."""
        n_features = sum(2 if column.dtype.kind in "biuf" else min(column.nunique(), 64) for _, column in X.items())
        n_outputs = 1 if num_classes is None or num_classes <= 2 else num_classes
        cost = _estimator(True, hyperparameters or {}).predicted_cost(len(X), max(n_features, 1), n_outputs)
        return _PROCESS + int(cost.bytes) + _COPIES * 8 * len(X) * n_features


def _estimator(regression: bool, parameters: Mapping[str, Any]) -> Any:
    """The estimator of a kind of problem."""
    return RFMRegressor(**parameters) if regression else RFMClassifier(**parameters)


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    """As many threads of torch as were asked for, and the former number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if number is None or not number >= 1 else int(number))
    try:
        yield
    finally:
        torch.set_num_threads(before)
