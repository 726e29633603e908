"""What the RFM estimators share: what is chosen by leave-one-out, the recursion, and the iterate that is kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.estimator.arrays import as_array, check_features, check_weights, seed_of
from agop.estimator.importances import FeatureImportances
from agop.estimator.persistence import PersistentEstimator
from agop.kernel_machine import KernelMachine, SolvePlan, Solver, cheapest_solver
from agop.kernels import Kernel
from agop.rfm.choices import candidates_for
from agop.rfm.learned import Clock, Learned
from agop.rfm.learning import Learning
from agop.rfm.problem import Problem
from agop.rfm.recursion import RFMStep
from agop.rfm.samples import DistinctSamples
from agop.rfm.selection import HeldOut, check_settings, check_validation, mean_and_error, split_rows

__all__ = ["FeatureMachine"]


class FeatureMachine(FeatureImportances, PersistentEstimator, ABC):
    """A recursive feature machine for some kind of target; the parameters are those of ``RFMRegressor``."""

    kernel: Kernel | None
    ridge: float | Literal["loo"]
    n_iterations: int
    metric: Literal["full", "diagonal"] | None
    selection: Literal["loo"] | None
    solver: Literal["auto"] | Solver
    metric_samples: int | None
    agop_samples: int | None
    validation_fraction: float | None
    time_budget: float | None
    max_memory: int | None
    callback: Callable[[RFMStep], object] | None
    verbose: bool
    random_state: Any

    kernel_: Kernel
    machine_: KernelMachine
    metric_: Tensor | None
    n_features_in_: int

    @abstractmethod
    def _targets(self, y: Any, features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Learn the kind of target; targets (n, C) and factors of the weights, samples without weight left out."""

    @abstractmethod
    def _decode(self, raw: Tensor, X: Any) -> Any:
        """Raw predictions (n, C) as ``predict`` returns them."""

    @abstractmethod
    def _score(self, y: Any, predictions: Any, sample_weight: Any) -> float:
        """Score of predictions against targets y, the larger the better."""

    @abstractmethod
    def _loss(self, samples: DistinctSamples, predictions: Tensor) -> float:
        """Loss of left-out predictions (m, C) for distinct samples, by which iterate and kernel are chosen."""

    @abstractmethod
    def _gains(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """What each sample (n,) adds to the score of left-out raw predictions (n, C), the larger the better."""

    @abstractmethod
    def _held_out_gains(self, y: Any, raw: Tensor, weights: Tensor) -> Tensor:
        """What each validation sample (n,) adds to ``_score``, which is the weighted mean of it."""

    def _calibrate(self, raw: Tensor, y: Any, weights: Tensor | None) -> None:
        """Learn from raw predictions (n, C) that do not depend on their samples' targets y."""

    def _strata(self) -> Any:
        """Labels that a validation split keeps the shares of, or None."""
        return None

    def predicted_cost(self, n_samples: int, n_features: int, n_outputs: int = 1) -> SolvePlan:
        """The solver, time and memory of one fit of the kernel machine to distinct float64 samples, before any work.

        A fit takes ``n_iterations`` + 1 of them to ``metric_samples`` samples at most, and the AGOPs between; then
        one to all samples, if there are more.

        Raises
        ------
        MemoryBudgetError
            If no solver can work within ``max_memory``.
        """
        return cheapest_solver(n_samples, n_features, n_outputs, max_memory=self.max_memory)

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
        MemoryBudgetError
            If no solver can work within ``max_memory``.
        """
        clock = Clock.start(self.time_budget)
        check_settings(self.selection, self.n_iterations, self.time_budget, self.metric_samples)
        features = check_features(self, X, reset=True)
        given = check_weights(sample_weight, features)
        targets, factors = self._targets(y, features, given)
        if given is not None:
            features, given = features[given > 0], given[given > 0]
        weights = torch.ones_like(features[:, 0], dtype=torch.float64) if given is None else given
        weights = weights if factors is None else weights * factors
        held_out = None if validation is None else check_validation(self, *validation, features)
        if held_out is None and self.validation_fraction is not None:
            train, test = split_rows(len(features), self.validation_fraction, self.random_state, self._strata())
            held_out = features[test], self._decode(targets[test], None), weights[test]
            features, targets, weights = (part[train] for part in (features, targets, weights))
        problem = Problem.of(features, targets, weights)
        learning = self._learning(problem, clock)
        if held_out is not None:
            learned = learning.by_validation(problem, lambda step: self._held_out_score(step, held_out))
        elif self.selection is None:
            learned = learning.to_the_end(problem)
        else:
            learned = learning.by_leaving_out(problem)
        self._keep(learned)
        self._keep_rows(self.machine_.centers, problem.rows.total_weights)
        self._judge(learned, held_out)
        return self

    def _learning(self, problem: Problem, clock: Clock) -> Learning:
        intercept = bool(getattr(self, "fit_intercept", False))
        samples = problem.samples(intercept=intercept)
        return Learning(
            candidates=candidates_for(self.kernel, self.ridge, self.metric, samples, self.random_state),
            n_iterations=self.n_iterations,
            loss=self._loss,
            intercept=intercept,
            solver=self.solver,
            metric_samples=self.metric_samples,
            agop_samples=self.agop_samples,
            max_memory=self.max_memory,
            seed=0 if self.random_state is None else seed_of(self.random_state),
            clock=clock,
            callback=self.callback,
            verbose=self.verbose,
        )

    def _held_out_score(self, step: RFMStep, held_out: HeldOut) -> float:
        X, y, sample_weight = held_out
        predictions = self._decode(step.machine(X, max_memory=self.max_memory), None)
        return self._score(y, predictions, as_array(sample_weight))

    def _keep(self, learned: Learned) -> None:
        best = learned.best
        self.machine_, self.kernel_ = best.machine, best.machine.kernel
        self.metric_ = None if best.machine.metric is None else best.machine.metric.matrix
        self.metric_kind_, self.solver_ = learned.metric_kind, learned.solver
        self.best_iteration_ = best.iteration
        self.n_iter_ = learned.last_iteration
        self.bandwidth_ = getattr(self.kernel_, "bandwidth", None)
        self.ridge_ = best.fit.ridge
        self.agop_error_ = best.agop_error
        self.validation_scores_: NDArray[np.float64] | None = None
        self.validation_standard_errors_: NDArray[np.float64] | None = None

    def _judge(self, learned: Learned, held_out: HeldOut | None) -> None:
        """Scores with their standard errors, and calibration, on samples that the predictions do not depend on."""
        if held_out is not None:
            X, y, sample_weight = held_out
            weights = torch.ones_like(X[:, 0]) if sample_weight is None else sample_weight
            raw = learned.best.machine(X, max_memory=self.max_memory)
            _, error = mean_and_error(self._held_out_gains(y, raw, weights), weights)
            self.validation_scores_ = np.array(learned.scores)
            self.validation_standard_errors_ = np.full(len(learned.scores), error)
            self._calibrate(raw, y, sample_weight)
        elif (judged := learned.judged) is not None:
            rows, targets = judged.problem.rows, judged.problem.targets
            gains = [self._gains(raw[rows.group], targets) for raw in judged.predictions]
            scores = np.array([mean_and_error(gain, rows.weights, rows.group) for gain in gains])
            self.validation_scores_, self.validation_standard_errors_ = scores.T.copy()
            self._calibrate(judged.predictions[-1][rows.group], self._decode(targets, None), rows.weights)

    def _raw(self, X: Any) -> Tensor:
        check_is_fitted(self, "machine_")
        return self._values(check_features(self, X, reset=False).to(self.machine_.centers.device))

    def _values(self, points: Tensor) -> Tensor:
        return self.machine_(points, max_memory=self.max_memory)

    def predict(self, X: Any) -> Any:
        """Predictions (n,), or (n, C) for several outputs: an array, or a tensor where X is one.

        Labels that are no numbers come as an array. Memory is bounded, whatever the number of rows.
        """
        return self._decode(self._raw(X), X)
