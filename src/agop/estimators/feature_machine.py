"""What the RFM estimators share: what is chosen by leave-one-out, the recursion, and the iterate that is kept."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.estimators.arrays import as_array, check_features, check_weights
from agop.estimators.choices import Choices, solver_for
from agop.estimators.importances import FeatureImportances
from agop.estimators.persistence import PersistentEstimator
from agop.estimators.problem import Problem
from agop.estimators.seeds import seed_of
from agop.estimators.selection import (
    Criterion,
    HeldOut,
    Selected,
    check_settings,
    check_validation,
    left_out_predictions,
    select_iterate,
    split_rows,
)
from agop.kernel_machine import KernelMachine, SolvePlan, Solver, cheapest_solver, fit_kernel_machine
from agop.kernels import Kernel
from agop.recursions import RFMStep, rfm, within_time

__all__ = ["FeatureMachine"]


class FeatureMachine(FeatureImportances, PersistentEstimator, ABC):
    """A recursive feature machine for some kind of target; the parameters are those of ``RFMRegressor``."""

    kernel: Kernel | None
    ridge: float | Literal["loo"]
    n_iterations: int
    metric: Literal["full", "diagonal"] | None
    selection: Literal["loo", "gcv"] | None
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
    def _left_out_score(self, predictions: Tensor, targets: Tensor, weights: Tensor) -> tuple[float, ...]:
        """Scores of raw predictions without the own sample, the larger the better; later ones break ties."""

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
        return cheapest_solver(
            n_samples,
            n_features,
            n_outputs,
            leave_one_out=self.selection is not None,
            max_memory=self.max_memory,
        )

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
        start = time.monotonic()
        check_settings(self.selection, self.n_iterations, self.time_budget, self.metric_samples)
        features = check_features(self, X, reset=True)
        given = check_weights(sample_weight, features)
        targets, factors = self._targets(y, features, given)
        if given is not None:
            features, given = features[given > 0], given[given > 0]
        copies = torch.ones_like(features[:, 0], dtype=torch.float64) if given is None else given
        weights = copies if factors is None else copies * factors
        held_out = None if validation is None else check_validation(self, *validation, features)
        if held_out is None and self.validation_fraction is not None:
            train, test = split_rows(len(features), self.validation_fraction, self.random_state, self._strata())
            held_out = features[test], self._decode(targets[test], None), weights[test]
            features, targets, weights, copies = (part[train] for part in (features, targets, weights, copies))
        whole = Problem.of(features, targets, weights, copies)
        part = whole.part(self.metric_samples, self.random_state)
        leave_one_out = held_out is None and self.selection is not None
        choices = self._choices(part)
        first, last = (self._solver(problem, choices.ridge, leave_one_out) for problem in (part, whole))
        selected = select_iterate(
            within_time(self._steps(part, choices, first, leave_one_out), self._time_left(start, part, whole)),
            self._criterion(held_out, part),
            total=self.n_iterations + 1,
            callback=self.callback,
            verbose=self.verbose,
        )
        if part is not whole:
            selected = replace(selected, best=self._fit_to_all(selected.best, whole, last, leave_one_out))
        self.metric_kind_, self.solver_ = choices.metric, last
        self._keep(selected)
        self._keep_rows(self.machine_.centers, whole.rows.total_weights)
        if held_out is not None:
            raw = selected.best.machine(held_out[0], max_memory=self.max_memory)
            self._calibrate(raw, *held_out[1:])
        elif self.selection is not None:
            raw = left_out_predictions(selected.best, self.selection, targets, whole.rows)
            self._calibrate(raw, self._decode(targets, None), whole.rows.weights)
        return self

    def _choices(self, problem: Problem) -> Choices:
        return Choices.of(
            self.kernel,
            self.ridge,
            self.metric,
            self.n_iterations,
            problem.samples,
            self.random_state,
            None if self.time_budget is None else self.time_budget / 3,
        )

    def _solver(self, problem: Problem, ridge: float, leave_one_out: bool) -> Solver:
        """The solver of a problem; MemoryBudgetError, before any iterate, if "auto" finds none that fits."""
        return solver_for(
            self.solver,
            problem.centers,
            problem.means.shape[1],
            ridge=ridge,
            leave_one_out=leave_one_out,
            max_memory=self.max_memory,
        )

    def _steps(self, problem: Problem, choices: Choices, solver: Solver, leave_one_out: bool) -> Iterator[RFMStep]:
        return rfm(
            problem.centers,
            problem.means,
            kernel=choices.kernel,
            ridge=choices.ridge,
            n_iterations=self.n_iterations,
            metric=choices.metric,
            weights=problem.rows.total_weights,
            tune=choices.tune,
            solver=solver,
            agop_samples=self.agop_samples,
            seed=seed_of(self.random_state),
            leave_one_out=leave_one_out,
            max_memory=self.max_memory,
        )

    def _time_left(self, start: float, part: Problem, whole: Problem) -> float | None:
        """Seconds for the recursion, less those of the last fit if that takes more samples; None for no limit."""
        if self.time_budget is None:
            return None
        (n, d), n_outputs = whole.centers.shape, whole.means.shape[1]
        later = 0.0 if part is whole else self.predicted_cost(n, d, n_outputs).seconds
        return max(self.time_budget - later - (time.monotonic() - start), 1e-9)

    def _fit_to_all(self, step: RFMStep, problem: Problem, solver: Solver, leave_one_out: bool) -> RFMStep:
        """An iterate with its kernel, metric and ridge, fitted to all samples."""
        fit = fit_kernel_machine(
            step.machine.kernel,
            problem.centers,
            problem.means,
            ridge=step.fit.ridge,
            metric=step.machine.metric,
            weights=problem.rows.total_weights,
            solver=solver,
            max_memory=self.max_memory,
            leave_one_out=leave_one_out,
        )
        return replace(step, fit=fit)

    def _criterion(self, held_out: HeldOut | None, problem: Problem) -> Criterion | None:
        """Scores of an iterate on validation data, or by cross-validation of the samples."""
        if held_out is not None:
            X, y, sample_weight = held_out
            return lambda step: (
                self._score(
                    y,
                    self._decode(step.machine(X, max_memory=self.max_memory), None),
                    as_array(sample_weight),
                ),
            )
        if (selection := self.selection) is None:
            return None
        targets, rows = problem.targets, problem.rows
        return lambda step: self._left_out_score(
            left_out_predictions(step, selection, targets, rows), targets, rows.weights
        )

    def _keep(self, selected: Selected) -> None:
        best = selected.best
        self.machine_, self.kernel_ = best.machine, best.machine.kernel
        self.metric_ = None if best.machine.metric is None else best.machine.metric.matrix
        self.best_iteration_ = best.iteration
        self.n_iter_ = selected.last.iteration
        self.bandwidth_ = getattr(self.kernel_, "bandwidth", None)
        self.ridge_ = best.fit.ridge
        self.agop_error_ = best.agop_error
        self.validation_scores_ = np.array(selected.scores) if selected.scores else None

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
