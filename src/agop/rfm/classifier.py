"""The recursive feature machine for classification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import torch
from sklearn.utils._param_validation import StrOptions
from torch import Tensor

from agop.datasets import coded_targets
from agop.estimator.arrays import like
from agop.estimator.chunked import chunkwise
from agop.estimator.mixins import TensorClassifierMixin
from agop.estimator.targets import probabilities
from agop.kernels import Kernel
from agop.rfm.calibration import Calibration
from agop.rfm.feature_machine import FeatureMachine
from agop.rfm.recursion import RFMStep
from agop.rfm.samples import Samples, positive
from agop.rfm.selection import share_and_error
from agop.solvers import Solver
from agop.storable import storable

__all__ = ["RFMClassifier"]


@storable
class RFMClassifier(TensorClassifierMixin, FeatureMachine):
    """Recursive feature machine for classification.

    ``RFMRegressor`` on targets +1 (the class of the sample) and -1 (each other class); one column for
    two classes, C for more.

    Parameters
    ----------
    kernel, ridge, n_iterations, diagonal, power, solver, metric_samples, agop_samples, validation_fraction, \
time_budget, max_memory, callback, verbose, random_state
        As for ``RFMRegressor``; validation data choose the iterate by accuracy, and their split is stratified.
    selection
        As for ``RFMRegressor``; ``validation_scores_`` are accuracies, with errors that are not 0 where all are right.
    class_weight
        Weights of the classes, {label: weight}, that multiply those of the samples; "balanced" for the inverse of
        the class sizes; None for ones. They say how much samples matter, not how many there are.

    Attributes
    ----------
    classes_
        (C,) the labels: an array, or a tensor if the labels of the fit were one.
    calibration_ : Calibration or None
        Map from values of the predictor to probabilities, learned on left-out predictions or validation data; None
        without either.
    machine_, metric_, kernel_, bandwidth_, ridge_, power_, diagonal_, solver_, agop_error_, best_iteration_, \
n_iter_, validation_scores_, validation_standard_errors_, skill_, cut_short_, feature_importances_, n_features_in_
        As for ``RFMRegressor``.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_wine(return_X_y=True, as_frame=False)
    >>> model = RFMClassifier(n_iterations=2).fit(scale(X)[::2], y[::2])
    >>> round(model.score(scale(X)[1::2], y[1::2]), 1)
    1.0
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **FeatureMachine._parameter_constraints,
        "class_weight": [Mapping, StrOptions({"balanced"}), None],
    }

    _mean_gain = staticmethod(share_and_error)

    def __init__(
        self,
        kernel: Kernel | str | None = None,
        ridge: float | Literal["loo"] = "loo",
        n_iterations: int = 5,
        diagonal: bool | None = None,
        *,
        power: float | Literal["loo"] | None = None,
        selection: Literal["loo"] | None = "loo",
        solver: Literal["auto"] | Solver = "auto",
        metric_samples: int | None = 10_000,
        agop_samples: int | None = 10_000,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        validation_fraction: float | None = None,
        time_budget: float | None = None,
        max_memory: int | None = None,
        callback: Callable[[RFMStep], object] | None = None,
        verbose: bool | int = False,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.ridge = ridge
        self.n_iterations = n_iterations
        self.diagonal = diagonal
        self.power = power
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

    def _learn_targets(self, features: Tensor, y: Any, weights: Tensor) -> Samples:
        self.calibration_: Calibration | None = None
        self._learn_classes(y, features, weights)
        kept, codes = positive(weights), self._classes.codes
        factors = self._classes.weights(self.class_weight).to(weights)[codes]
        return Samples.of(features[kept], self._signed(codes, features), weights[kept] * factors)

    def _encode(self, y: Any, features: Tensor) -> Tensor:
        codes = self._classes.codes_of(y).to(features.device)
        return self._signed(codes.clamp(min=0), features).masked_fill(codes[:, None] < 0, torch.nan)

    def _signed(self, codes: Tensor, features: Tensor) -> Tensor:
        """Targets (n, C) of indices of classes, +1 and -1; one column for two classes."""
        targets = coded_targets(codes, len(self._classes), "signed", features.dtype)
        return targets[:, 1:] if len(self._classes) == 2 else targets

    def _calibrate(self, raw: Tensor, samples: Samples, *, validated: bool) -> None:  # noqa: ARG002
        known = ~samples.sample_targets[:, 0].isnan()
        shares = (samples.sample_targets[known] + 1) / 2
        self.calibration_ = Calibration.of(raw[known], shares, samples.sample_weights[known])

    def _strata(self) -> Any:
        return self._classes.codes.cpu().numpy()

    def _decode(self, raw: Tensor, X: Any) -> Any:
        return self._classes.decode((raw[:, 0] > 0).long() if raw.shape[1] == 1 else raw.argmax(1), X)

    def _loss(self, samples: Samples, predictions: Tensor) -> float:
        shares = (samples.targets + 1) / 2  # of the classes among equal samples
        return Calibration.of(predictions, shares, samples.weights).loss(predictions, shares, samples.weights)

    def _gains(self, raw: Tensor, samples: Samples, *, validated: bool) -> Tensor:  # noqa: ARG002
        targets = samples.sample_targets
        if raw.shape[1] == 1:
            targets = torch.where(raw > 0, targets, -targets)
        return (targets.gather(1, raw.argmax(1, keepdim=True)) > 0)[:, 0].double()

    @chunkwise
    def decision_function(self, X: Any) -> Any:
        """Regression values of the targets: (n, C), or (n,) for two classes (positive: the second)."""
        scores = self._raw(X)
        return like(scores[:, 0] if len(self._classes) == 2 else scores, X)

    @chunkwise
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
