"""Regressors and classifiers whose targets and predictions are arrays or tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Tags
from torch import Tensor

from agop.estimator.arrays import as_array, like
from agop.estimator.targets import Classes, check_regression_targets

__all__ = ["ScoreClassifierMixin", "TensorClassifierMixin", "TensorRegressorMixin"]


class TensorRegressorMixin(RegressorMixin):  # type: ignore[misc]
    """A regressor for one target or several."""

    predict: Any
    _single_output: bool

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _learn_outputs(self, y: Any, features: Tensor) -> Tensor:
        """Targets (n, C) of the fit, checked; whether they were (n,) is kept for the predictions."""
        targets = check_regression_targets(y, features)
        self._single_output = np.asarray(as_array(y)).ndim == 1
        return targets

    def _as_outputs(self, values: Tensor, X: Any) -> Any:
        """Values (n, C) as ``predict`` returns them: (n,) if the targets were."""
        return like(values[:, 0] if self._single_output else values, X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R^2 of the predictions, its mean over the outputs."""
        return float(r2_score(as_array(y), as_array(self.predict(X)), sample_weight=as_array(sample_weight)))


class TensorClassifierMixin(ClassifierMixin):  # type: ignore[misc]
    """A classifier for labels of any kind."""

    predict: Any
    classes_: Any
    _classes: Classes

    def _learn_classes(self, y: Any, features: Tensor, weights: Tensor) -> Classes:
        """Classes of the fit, those of samples without weight left out."""
        self._classes = Classes.of(y, features, weights)
        self.classes_ = self._classes.decode(torch.arange(len(self._classes)), y)
        return self._classes

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy of the predictions."""
        return float(accuracy_score(as_array(y), as_array(self.predict(X)), sample_weight=as_array(sample_weight)))


class ScoreClassifierMixin(TensorClassifierMixin):
    """A classifier by the values of a predictor, one for each class."""

    _raw: Any
    """Function of X that gives the values (n, C)."""

    def decision_function(self, X: Any) -> Any:
        """Values of the predictor: (n, C), or (n,) for two classes (positive: the second)."""
        scores = self._raw(X)
        return like((scores[:, 1] - scores[:, 0]) / 2 if len(self._classes) == 2 else scores, X)

    def predict(self, X: Any) -> Any:
        """Labels of the largest values of the predictor: an array, or a tensor where X is one.

        Labels that are no numbers come as an array.
        """
        raw = self._raw(X)
        return self._classes.decode(raw.argmax(1), X)
