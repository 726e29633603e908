"""Recursive feature machines as scikit-learn estimators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
import torch
from sklearn.base import ClassifierMixin, RegressorMixin, clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.distinct import distinct_rows
from agop.errors import InputError
from agop.estimators.arrays import as_array, check_features, check_weights, like
from agop.estimators.persistence import PersistentEstimator
from agop.estimators.selection import (
    Criterion,
    HeldOut,
    Selected,
    check_validation,
    left_out_accuracy,
    left_out_error,
    left_out_residuals,
    ridges_to_try,
    select_iterate,
    split_rows,
    with_median_bandwidth,
)
from agop.estimators.targets import Classes, check_regression_targets, probabilities
from agop.kernel_machine import KernelMachine
from agop.kernels import Kernel, Laplace
from agop.recursions import RFMStep, rfm, within_time

__all__ = ["RFMClassifier", "RFMRegressor"]


class _RFM(PersistentEstimator, ABC):
    """What the regressor and the classifier share: the recursion and the choice of an iterate."""

    def __init__(
        self,
        kernel: Kernel | None = None,
        ridge: float | Literal["loo"] = 1e-3,
        n_iterations: int = 5,
        metric: Literal["full", "diagonal"] = "full",
        *,
        selection: Literal["loo", "gcv"] | None = None,
        validation_fraction: float | None = None,
        time_budget: float | None = None,
        max_memory: int | None = None,
        callback: Callable[[RFMStep], object] | None = None,
        verbose: bool = False,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.ridge = ridge
        self.n_iterations = n_iterations
        self.metric = metric
        self.selection = selection
        self.validation_fraction = validation_fraction
        self.time_budget = time_budget
        self.max_memory = max_memory
        self.callback = callback
        self.verbose = verbose
        self.random_state = random_state

    kernel_: Kernel
    machine_: KernelMachine
    metric_: Tensor | None
    n_features_in_: int

    @abstractmethod
    def _targets(self, y: Any, features: Tensor, weights: Tensor | None) -> Tensor:
        """Learn the kind of target and return it as (n, C), samples without weight left out."""

    @abstractmethod
    def _decode(self, raw: Tensor, X: Any) -> Any:
        """Raw predictions (n, C) as ``predict`` returns them."""

    @abstractmethod
    def _score(self, y: Any, predictions: Any, sample_weight: Any) -> float:
        """Score of predictions against targets y, the larger the better."""

    @abstractmethod
    def _left_out_score(self, predictions: Tensor, targets: Tensor, weights: Tensor) -> tuple[float, ...]:
        """Scores of raw predictions without the own sample, the larger the better; later ones break ties."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation: tuple[Any, Any] | None = None) -> Self:
        """Fit the recursion.

        Parameters
        ----------
        X
            (n, d) features: array, frame, or tensor (on any device; float32 is kept).
        y
            (n,) targets or labels; (n, C) for several outputs of a regressor.
        sample_weight
            (n,) non-negative weights; a weight of 2 is the same as repeating the sample.
        validation
            (X, y) that choose the iterate; without it ``validation_fraction`` or ``selection`` says which is kept.

        Raises
        ------
        ValueError
            If the data are unusable; the message says what was expected and what to do.
        """
        features = check_features(self, X, reset=True)
        weights = check_weights(sample_weight, features)
        targets = self._targets(y, features, weights)
        if weights is not None:
            features, weights = features[weights > 0], weights[weights > 0]
        held_out = None if validation is None else check_validation(self, *validation, features)
        if held_out is None and self.validation_fraction is not None:
            train, test = split_rows(len(features), self.validation_fraction, self.random_state, self._strata())
            held_out = features[test], self._decode(targets[test], None), None if weights is None else weights[test]
            features, targets = features[train], targets[train]
            weights = None if weights is None else weights[train]
        self._fit(features, targets, weights, held_out)
        return self

    def _strata(self) -> Any:
        """Labels that a validation split keeps the shares of, or None."""
        return None

    def _fit(self, features: Tensor, targets: Tensor, weights: Tensor | None, held_out: HeldOut | None) -> None:
        """Run the recursion on distinct rows and keep the best or the last iterate."""
        if self.selection not in (None, "loo", "gcv"):
            raise InputError("selection=None, 'loo' or 'gcv'", repr(self.selection), "Choose one of the three.")
        ridges = ridges_to_try(self.ridge)
        rows = distinct_rows(features, weights)
        centers, means, totals = features[rows.index], rows.mean(targets), rows.total_weights
        kernel = Laplace() if self.kernel is None else clone(self.kernel)
        self.kernel_ = with_median_bandwidth(kernel, centers, self.random_state)
        criterion = None
        if held_out is not None:
            criterion = self._held_out_criterion(held_out)
        elif self.selection is not None:
            criterion = self._left_out_criterion(self.selection, means, totals)
        steps = rfm(
            centers,
            means,
            kernel=self.kernel_,
            ridge=ridges,
            n_iterations=self.n_iterations,
            metric=self.metric,
            weights=totals,
            leave_one_out=held_out is None and self.selection is not None,
            max_memory=self.max_memory,
        )
        selected = select_iterate(
            within_time(steps, self.time_budget),
            criterion,
            total=self.n_iterations + 1,
            callback=self.callback,
            verbose=self.verbose,
        )
        self._keep(selected)

    def _held_out_criterion(self, held_out: HeldOut) -> Criterion:
        """The score of an iterate on validation data."""
        X, y, sample_weight = held_out

        def score(step: RFMStep) -> tuple[float, ...]:
            predictions = self._decode(step.machine(X, max_memory=self.max_memory), None)
            return (self._score(y, predictions, as_array(sample_weight)),)

        return score

    def _left_out_criterion(self, selection: Literal["loo", "gcv"], targets: Tensor, weights: Tensor) -> Criterion:
        """The scores of an iterate by cross-validation on the distinct rows."""

        def score(step: RFMStep) -> tuple[float, ...]:
            predictions = targets - left_out_residuals(step, selection, weights)
            return self._left_out_score(predictions, targets, weights)

        return score

    def _keep(self, selected: Selected) -> None:
        best = selected.best
        self.machine_ = best.machine
        self.metric_ = None if best.machine.metric is None else best.machine.metric.matrix
        self.best_iteration_ = best.iteration
        self.n_iter_ = selected.last.iteration
        self.bandwidth_ = getattr(self.kernel_, "bandwidth", None)
        self.ridge_ = best.fit.ridge
        self.validation_scores_ = np.array(selected.scores) if selected.scores else None

    def _raw(self, X: Any) -> Tensor:
        check_is_fitted(self, "machine_")
        features = check_features(self, X, reset=False).to(self.machine_.centers.device)
        return self.machine_(features, max_memory=self.max_memory)

    def predict(self, X: Any) -> Any:
        """Predictions (n,), or (n, C) for several outputs: an array, or a tensor where X is one.

        Labels that are no numbers come as an array.
        """
        return self._decode(self._raw(X), X)


class RFMRegressor(RegressorMixin, _RFM):  # type: ignore[misc]
    r"""Recursive feature machine for regression.

    Kernel ridge regression whose Mahalanobis metric M is learned as the AGOP of the predictor
    (Radhakrishnan, Beaglehole, Pandit, Belkin 2024, arXiv 2212.13881): repeat
    :math:`\alpha = (K_M + \lambda I)^{-1} Y`, M <- AGOP / max entry. There is no intercept: centre the
    targets if their mean matters beside their spread.

    Parameters
    ----------
    kernel
        Kernel; ``Laplace(bandwidth=10)`` if None. Its hyper-parameters are searched as ``kernel__bandwidth``; a
        bandwidth of "median" is the median distance between two of at most 1,000 training samples.
    ridge
        lambda >= 0, or "loo": each iterate takes the one of 1e-6, 1e-5, ..., 1e2 with the smallest leave-one-out
        squared error at its metric.
    n_iterations
        Number of AGOP updates; 0 is kernel ridge regression.
    metric
        "full", or "diagonal" for axis-aligned feature weights only.
    selection
        Without validation data, None keeps the last iterate; "loo" and "gcv" keep the one with the smallest squared
        error of leave-one-out or of generalised cross-validation, both in closed form from the factor. Equal rows
        are one sample there, which is left out as a whole.
    validation_fraction
        Share of the samples that choose the iterate; None holds none out.
    time_budget
        Seconds after which no further iteration is started; None for no limit.
    max_memory
        Bytes for the matrices over pairs of samples; None for no limit.
    callback
        Called with every ``RFMStep``; a true result stops the recursion.
    verbose
        Show a progress bar.
    random_state
        Seed of the validation split and of the samples behind a median bandwidth.

    Attributes
    ----------
    machine_ : KernelMachine
        The predictor.
    metric_ : Tensor or None
        M, (d, d) or (d,), float64; None if no AGOP was taken.
    kernel_, bandwidth_, ridge_
        The hyper-parameters that were used.
    best_iteration_, n_iter_ : int
        The iterate that was kept, and the last one computed.
    validation_scores_ : ndarray or None
        R^2 on the validation part, or minus the mean squared error of ``selection``; one an iterate.
    n_features_in_ : int
        Number of features d.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = RFMRegressor(ridge=1.0, n_iterations=2).fit(X[:300], scale(y)[:300])
    >>> model.score(X[300:], scale(y)[300:]) > 0.4
    True
    """

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _targets(self, y: Any, features: Tensor, weights: Tensor | None) -> Tensor:
        targets = check_regression_targets(y, features)
        self._single_output = np.asarray(as_array(y)).ndim == 1
        return targets if weights is None else targets[weights > 0]

    def _decode(self, raw: Tensor, X: Any) -> Any:
        return like(raw[:, 0] if self._single_output else raw, X)

    def _score(self, y: Any, predictions: Any, sample_weight: Any) -> float:
        return float(r2_score(y, predictions, sample_weight=sample_weight))

    def _left_out_score(self, predictions: Tensor, targets: Tensor, weights: Tensor) -> tuple[float, ...]:
        return (-left_out_error(targets - predictions, weights),)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R^2 of the predictions, its mean over the outputs."""
        return self._score(as_array(y), as_array(self.predict(X)), as_array(sample_weight))


class RFMClassifier(ClassifierMixin, _RFM):  # type: ignore[misc]
    r"""Recursive feature machine for classification.

    ``RFMRegressor`` on targets +1 (the class of the sample) and -1 (each other class); one column for
    two classes, C for more.

    Parameters
    ----------
    kernel, ridge, n_iterations, metric, validation_fraction, time_budget, max_memory, callback, verbose
        As for ``RFMRegressor``; validation data choose the iterate by accuracy.
    selection
        As for ``RFMRegressor``, by the accuracy of the predictions without the own sample (``validation_scores_``);
        their squared error breaks ties.
    random_state
        Seed of the validation split, which is stratified, and of the samples behind a median bandwidth.

    Attributes
    ----------
    classes_
        (C,) the labels: an array, or a tensor if the labels of the fit were one.
    machine_, metric_, kernel_, bandwidth_, ridge_, best_iteration_, n_iter_, validation_scores_, n_features_in_
        As for ``RFMRegressor``.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_wine(return_X_y=True, as_frame=False)
    >>> model = RFMClassifier(n_iterations=2).fit(scale(X)[::2], y[::2])
    >>> model.score(scale(X)[1::2], y[1::2]) > 0.95
    True
    """

    def _targets(self, y: Any, features: Tensor, weights: Tensor | None) -> Tensor:
        self._classes = Classes.of(y, features, weights)
        self.classes_ = self._classes.decode(torch.arange(len(self._classes)), y)
        targets = self._classes.encode("signed", features)
        return targets[:, 1:] if len(self._classes) == 2 else targets

    def _strata(self) -> Any:
        return self._classes.codes.cpu().numpy()

    def _decode(self, raw: Tensor, X: Any) -> Any:
        return self._classes.decode((raw[:, 0] > 0).long() if raw.shape[1] == 1 else raw.argmax(1), X)

    def _score(self, y: Any, predictions: Any, sample_weight: Any) -> float:
        return float(accuracy_score(y, predictions, sample_weight=sample_weight))

    def _left_out_score(self, predictions: Tensor, targets: Tensor, weights: Tensor) -> tuple[float, ...]:
        accuracy = left_out_accuracy(predictions, targets, weights)
        return accuracy, -left_out_error(targets - predictions, weights)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy of the predictions."""
        return self._score(as_array(y), as_array(self.predict(X)), as_array(sample_weight))

    def decision_function(self, X: Any) -> Any:
        """Regression values of the targets: (n, C), or (n,) for two classes (positive: the second)."""
        scores = self._raw(X)
        return like(scores[:, 0] if len(self._classes) == 2 else scores, X)

    def predict_proba(self, X: Any) -> Any:
        """Class probabilities (n, C).

        A least-squares fit of a +-1 target estimates 2 P(class | x) - 1; so (f + 1) / 2, clipped to
        [1e-6, 1 - 1e-6] and divided by its sum over the classes.
        """
        scores = self._raw(X)
        if len(self._classes) == 2:
            scores = torch.cat([-scores, scores], 1)
        return like(probabilities((scores + 1) / 2), X)
