"""Recursive feature machines as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Tags
from torch import Tensor

from agop.estimator.arrays import as_array, like
from agop.estimator.targets import Classes, check_regression_targets, probabilities
from agop.kernel_machine import Solver
from agop.kernels import Kernel
from agop.rfm.calibration import Calibration
from agop.rfm.feature_machine import FeatureMachine
from agop.rfm.recursion import RFMStep
from agop.rfm.samples import DistinctSamples

__all__ = ["RFMClassifier", "RFMRegressor"]


class RFMRegressor(RegressorMixin, FeatureMachine):  # type: ignore[misc]
    r"""Recursive feature machine for regression.

    Kernel ridge regression whose Mahalanobis metric M is learned as the AGOP of the predictor
    (Radhakrishnan, Beaglehole, Pandit, Belkin 2024, arXiv 2212.13881): repeat
    :math:`\alpha = (K_M + \lambda I)^{-1} Y`, M <- AGOP / max entry. What is not given is chosen without validation
    data, by leave-one-out in closed form at metrics that were learned from other rows: the kernel on at most 4,000
    random rows, bandwidth and ridge at each iterate on at most 1,000. For the plain recursion give numbers:
    ``RFMRegressor(Laplace(10.0), ridge=1e-3, selection=None)``.

    Parameters
    ----------
    kernel
        A kernel, whose hyper-parameters are searched as ``kernel__bandwidth``. A bandwidth is a number or a rule:
        ``LeaveOneOutBandwidth()`` is chosen at each iterate, ``MedianDistance()`` is the median distance between two
        rows. If None, leave-one-out also decides between ``Laplace`` and ``ProductLaplace`` with the former rule.
    ridge
        lambda >= 0, or "loo".
    n_iterations
        Number of AGOP updates; 0 is kernel ridge regression.
    metric
        "full", or "diagonal" to keep the diagonal of the AGOP only; if None, full for kernels of the Euclidean distance
        and diagonal for ``ProductLaplace``, which is one of the coordinates.
    selection
        Without validation data, None keeps the last iterate; "loo" keeps the one with the smallest loss of left-out
        predictions: squared error, or log loss of a classifier. Two halves of up to 4,000 distinct rows judge each
        other. Of more, or more than ``metric_samples``, a quarter (3,000 at most) gives no metric: two thirds of it
        choose, one third states the score. Equal rows are left out together.
    solver
        "auto" for the one with the smaller predicted time that fits ``max_memory`` (``predicted_cost``), or
        ``Cholesky()``, or ``ConjugateGradient()``.
    metric_samples
        Random distinct samples on which the recursion learns the metric of the iterate that is then fitted to all
        samples; all if None or fewer.
    agop_samples
        Random samples over which an AGOP is taken (``agop_error_`` states its standard error); all if None or fewer.
    fit_intercept
        Subtract the mean of the targets before the fit and add it to predictions.
    validation_fraction
        Share of the samples that choose the iterate instead of ``selection``; None holds none out.
    time_budget
        Seconds after which no further iteration is started; None for no limit.
    max_memory
        Bytes for the matrices over pairs of samples; None for no limit.
    callback
        Called with every ``RFMStep`` of the recursion whose iterate is kept; a true result stops it there.
    verbose
        Show a progress bar.
    random_state
        Seed of all random rows: of folds, of the metric, of the AGOP (0 if None), and of the validation split.

    Attributes
    ----------
    machine_ : KernelMachine
        The predictor.
    metric_ : Tensor or None
        M, (d, d) or (d,), float64; None if no AGOP was taken.
    kernel_, bandwidth_, ridge_
        The hyper-parameters of the iterate that was kept.
    metric_kind_, solver_
        "full" or "diagonal", and how the linear systems were solved.
    intercept_
        (C,) what is added to predictions.
    agop_error_ : float
        Standard error of the AGOP behind ``metric_``, relative to its Frobenius norm; 0 if all samples were used.
    best_iteration_, n_iter_ : int
        The iterate that was kept, and the last one computed.
    validation_scores_ : ndarray or None
        R^2 of each iterate on the validation part, or minus the mean squared error of left-out predictions: entry k of
        the fit with ``n_iterations=k``, whose choices and metric were made without the row that is predicted.
    validation_standard_errors_ : ndarray or None
        Their standard errors.
    feature_importances_ : ndarray
        (d,) share of the variance of the predictions that hangs on each feature, by swaps of its values between rows
        of the fit; computed when first asked for. The diagonal of ``metric_`` is steepness, which is something else.
    n_features_in_ : int
        Number of features d.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = RFMRegressor(n_iterations=2).fit(X[:300], y[:300])
    >>> model.score(X[300:], y[300:]) > 0.45
    True
    """

    def __init__(
        self,
        kernel: Kernel | None = None,
        ridge: float | Literal["loo"] = "loo",
        n_iterations: int = 5,
        metric: Literal["full", "diagonal"] | None = None,
        *,
        selection: Literal["loo"] | None = "loo",
        solver: Literal["auto"] | Solver = "auto",
        metric_samples: int | None = 10_000,
        agop_samples: int | None = 10_000,
        fit_intercept: bool = True,
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
        self.solver = solver
        self.metric_samples = metric_samples
        self.agop_samples = agop_samples
        self.fit_intercept = fit_intercept
        self.validation_fraction = validation_fraction
        self.time_budget = time_budget
        self.max_memory = max_memory
        self.callback = callback
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _targets(self, y: Any, features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
        targets = check_regression_targets(y, features)
        self._single_output = np.asarray(as_array(y)).ndim == 1
        if weights is not None:
            targets, weights = targets[weights > 0], weights[weights > 0]
        shares = torch.ones_like(targets[:, 0]) if weights is None else weights
        self.intercept_ = shares.double() @ targets.double() / shares.double().sum() * self.fit_intercept
        return targets - self.intercept_.to(targets), None

    def _decode(self, raw: Tensor, X: Any) -> Any:
        values = raw + self.intercept_.to(raw)
        return like(values[:, 0] if self._single_output else values, X)

    def _score(self, y: Any, predictions: Any, sample_weight: Any) -> float:
        return float(r2_score(y, predictions, sample_weight=sample_weight))

    def _loss(self, samples: DistinctSamples, predictions: Tensor) -> float:
        return samples.error(predictions)

    def _gains(self, predictions: Tensor, targets: Tensor) -> Tensor:
        return -(targets.double() - predictions.double()).square().mean(1)

    def _held_out_gains(self, y: Any, raw: Tensor, weights: Tensor) -> Tensor:
        targets = check_regression_targets(y, raw).double()
        squares, shares = (targets - raw.double() - self.intercept_.to(raw)).square(), weights.double() / weights.sum()
        variance = shares @ (targets - shares @ targets).square()
        return (1 - squares / variance.where(variance > 0, torch.ones_like(variance))).mean(1)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R^2 of the predictions, its mean over the outputs."""
        return self._score(as_array(y), as_array(self.predict(X)), as_array(sample_weight))


class RFMClassifier(ClassifierMixin, FeatureMachine):  # type: ignore[misc]
    """Recursive feature machine for classification.

    ``RFMRegressor`` on targets +1 (the class of the sample) and -1 (each other class); one column for
    two classes, C for more.

    Parameters
    ----------
    kernel, ridge, n_iterations, metric, solver, metric_samples, agop_samples, validation_fraction, time_budget, \
max_memory, callback, verbose, random_state
        As for ``RFMRegressor``; validation data choose the iterate by accuracy, and their split is stratified.
    selection
        As for ``RFMRegressor``; ``validation_scores_`` are accuracies.
    class_weight
        Weights of the classes, {label: weight}, that multiply those of the samples; "balanced" for the inverse of
        the class sizes; None for ones. They say how much samples matter, not how many there are.

    Attributes
    ----------
    classes_
        (C,) the labels: an array, or a tensor if the labels of the fit were one.
    calibration_ : Calibration or None
        From values of the predictor to probabilities, learned on left-out predictions or on the validation data; None
        without either.
    machine_, metric_, kernel_, bandwidth_, ridge_, metric_kind_, solver_, agop_error_, best_iteration_, n_iter_, \
validation_scores_, validation_standard_errors_, feature_importances_, n_features_in_
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

    def __init__(
        self,
        kernel: Kernel | None = None,
        ridge: float | Literal["loo"] = "loo",
        n_iterations: int = 5,
        metric: Literal["full", "diagonal"] | None = None,
        *,
        selection: Literal["loo"] | None = "loo",
        solver: Literal["auto"] | Solver = "auto",
        metric_samples: int | None = 10_000,
        agop_samples: int | None = 10_000,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
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
        self.solver = solver
        self.metric_samples = metric_samples
        self.agop_samples = agop_samples
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.time_budget = time_budget
        self.max_memory = max_memory
        self.callback = callback
        self.verbose = verbose
        self.random_state = random_state

    def _targets(self, y: Any, features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
        self.calibration_: Calibration | None = None
        self._classes = Classes.of(y, features, weights)
        self.classes_ = self._classes.decode(torch.arange(len(self._classes)), y)
        targets = self._classes.encode("signed", features)
        factors = self._classes.weights(self.class_weight)[self._classes.codes].to(features.device)
        return targets[:, 1:] if len(self._classes) == 2 else targets, factors

    def _calibrate(self, raw: Tensor, y: Any, weights: Tensor | None) -> None:
        codes = self._classes.codes_of(y).to(raw.device)
        known = codes >= 0
        weights = None if weights is None else weights[known]
        shares = torch.nn.functional.one_hot(codes[known], len(self._classes))
        shares = shares[:, 1:] if len(self._classes) == 2 else shares
        self.calibration_ = Calibration.of(raw[known], shares, weights)

    def _strata(self) -> Any:
        return self._classes.codes.cpu().numpy()

    def _decode(self, raw: Tensor, X: Any) -> Any:
        return self._classes.decode((raw[:, 0] > 0).long() if raw.shape[1] == 1 else raw.argmax(1), X)

    def _score(self, y: Any, predictions: Any, sample_weight: Any) -> float:
        return float(accuracy_score(y, predictions, sample_weight=sample_weight))

    def _loss(self, samples: DistinctSamples, predictions: Tensor) -> float:
        shares = (samples.targets + 1) / 2  # of the classes among equal samples
        return Calibration.of(predictions, shares, samples.weights).loss(predictions, shares, samples.weights)

    def _gains(self, predictions: Tensor, targets: Tensor) -> Tensor:
        if predictions.shape[1] == 1:
            return ((predictions > 0) == (targets > 0))[:, 0].double()
        return (predictions.argmax(1) == targets.argmax(1)).double()

    def _held_out_gains(self, y: Any, raw: Tensor, weights: Tensor) -> Tensor:  # noqa: ARG002
        right = np.asarray(self._decode(raw, None)) == np.asarray(as_array(y)).ravel()
        return torch.from_numpy(right).to(raw.device, torch.float64)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy of the predictions."""
        return self._score(as_array(y), as_array(self.predict(X)), as_array(sample_weight))

    def decision_function(self, X: Any) -> Any:
        """Regression values of the targets: (n, C), or (n,) for two classes (positive: the second)."""
        scores = self._raw(X)
        return like(scores[:, 0] if len(self._classes) == 2 else scores, X)

    def predict_proba(self, X: Any) -> Any:
        """Class probabilities (n, C), with row sums 1.

        ``calibration_`` of the values of the predictor: Platt's sigmoid for two classes, softmax with a temperature for
        more. Without it (``selection=None`` and no validation data) they are least-squares estimates: a fit of a
        +-1 target estimates 2 P(class | x) - 1, so (f + 1) / 2, clipped to [1e-6, 1 - 1e-6] and divided by its sum.
        """
        scores = self._raw(X)
        if self.calibration_ is not None:
            return like(self.calibration_(scores), X)
        if len(self._classes) == 2:
            scores = torch.cat([-scores, scores], 1)
        return like(probabilities((scores + 1) / 2), X)
