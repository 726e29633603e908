"""Recursive feature machines as scikit-learn estimators."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.errors import InputError, TimeBudgetWarning
from agop.estimator.arrays import as_array, check_features, check_weights, like
from agop.estimator.importances import FeatureImportances
from agop.estimator.mixins import TensorClassifierMixin, TensorRegressorMixin
from agop.estimator.parameters import CONSTRAINTS, at_least, seed_of
from agop.estimator.targets import check_regression_targets, probabilities
from agop.kernel_machine import KernelMachine
from agop.kernels import KERNELS, Kernel
from agop.ranks import ALONE, Ranks
from agop.rfm.calibration import Calibration
from agop.rfm.choice import Search
from agop.rfm.clock import Clock
from agop.rfm.cost import FitCost, Work, busyness, fit_cost
from agop.rfm.learning import Judged, Learned, Learning
from agop.rfm.predictive import PredictiveMixin
from agop.rfm.recursion import Limits, RFMStep
from agop.rfm.samples import Samples, positive
from agop.rfm.selection import mean_and_error
from agop.rfm.sharing import require_same_parameters, require_same_samples
from agop.rfm.tuning import candidates_for
from agop.solvers import Cholesky, Solver
from agop.storable import storable
from agop.waiting import brief_waits

__all__ = ["RFMClassifier", "RFMRegressor"]


_KEPT_ROWS = 4000
"""Random rows that a model with few centers keeps of its fit: as many as importances are computed from."""


class FeatureMachine(FeatureImportances, BaseEstimator, ABC):  # type: ignore[misc]
    """A recursive feature machine for some kind of target; the parameters are those of ``RFMRegressor``."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kernel": [Kernel, StrOptions(set(KERNELS)), None],
        "ridge": [at_least(0, Real), StrOptions({"loo"})],
        "n_iterations": [at_least(0)],
        "power": [Interval(Real, 0, None, closed="neither"), StrOptions({"loo"}), None],
        "diagonal": ["boolean", None],
        "selection": [StrOptions({"loo"}), None],
        "solver": [StrOptions({"auto"}), Solver],
        "metric_samples": [at_least(2), None],
        "agop_samples": [at_least(2), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        **CONSTRAINTS,
    }

    kernel: Kernel | str | None
    ridge: float | Literal["loo"]
    n_iterations: int
    diagonal: bool | None
    power: float | Literal["loo"] | None
    selection: Literal["loo"] | None
    solver: Literal["auto"] | Solver
    metric_samples: int | None
    agop_samples: int | None
    validation_fraction: float | None
    time_budget: float | None
    max_memory: int | None
    callback: Callable[[RFMStep], object] | None
    verbose: bool | int
    random_state: Any

    machine_: KernelMachine
    metric_: Tensor | None
    n_features_in_: int

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a fit came to its end."""
        return hasattr(self, "machine_")

    @abstractmethod
    def _learn_targets(self, features: Tensor, y: Any, weights: Tensor) -> Samples:
        """Learn the kind of target; the samples with positive weight, their targets coded."""

    @abstractmethod
    def _encode(self, y: Any, features: Tensor) -> Tensor:
        """Targets y of new samples, coded as those of the fit: (n, C), NaN where a class is unknown."""

    @abstractmethod
    def _decode(self, raw: Tensor, X: Any) -> Any:
        """Raw predictions (n, C) as ``predict`` returns them."""

    @abstractmethod
    def _loss(self, samples: Samples, predictions: Tensor) -> float:
        """Loss of left-out predictions (m, C) for distinct samples, by which iterate and kernel are chosen."""

    @abstractmethod
    def _gains(self, raw: Tensor, samples: Samples, *, validated: bool) -> Tensor:
        """Contribution of each sample (n,) to the score of raw predictions (n, C), which is their weighted mean."""

    @abstractmethod
    def _calibrate(self, raw: Tensor, samples: Samples, *, validated: bool) -> None:
        """Learn from raw predictions (n, C) that do not depend on the targets of the samples."""

    def _strata(self) -> Any:
        """Labels whose shares a validation split keeps, or None."""
        return None

    @brief_waits()
    def predicted_cost(self, n_samples: int, n_features: int, n_outputs: int = 1) -> FitCost:
        """Time and memory of a fit to distinct float64 samples, choices included, before any work.

        Kernel values, gradients and matrix products are timed for some ms. Choices end when they are done, which makes
        the time vary by a factor of two; ``time_budget`` is not considered.

        Raises
        ------
        MemoryBudgetError
            If no solver can work within ``max_memory``.

        Examples
        --------
        >>> cost = RFMRegressor(max_memory=2**30).predicted_cost(50_000, 20)
        >>> type(cost.solver).__name__, cost.bytes <= 2**30, cost.choosing < cost.seconds
        ('Nystrom', True, True)
        """
        some = torch.randn(2, n_features, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        learning = self._learning(Samples.of(some, torch.ones(2, n_outputs)), Clock.start(None))
        held_out = 0 if self.validation_fraction is None else int(self.validation_fraction * n_samples)
        leaving_out = not held_out and self.selection is not None
        search, learned = learning.search, n_samples - held_out
        return fit_cost(learning.work, search, learned, self.metric_samples, leaving_out=leaving_out)

    @brief_waits()
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation: tuple[Any, Any] | None = None,
        group: dist.ProcessGroup | None = None,
    ) -> Self:
        """Fit the recursion.

        Parameters
        ----------
        X
            (n, d) features: array, frame, or tensor (on any device; float32 is kept). Of more than 200,000 rows no copy
            is made, so that those of a memory map in float32 or float64 need not fit in memory.
        y
            (n,) targets or labels; (n, C) for several outputs of a regressor.
        sample_weight
            (n,) non-negative weights; a weight of 2 is the same as repeating the sample.
        validation
            (X, y) that choose the iterate; without it ``validation_fraction`` or ``selection`` says which is kept.
        group
            Process group of ``torch.distributed``, all of whose ranks call this with the same data, such as
            ``torch.distributed.group.WORLD``: each has some rows of the matrices over pairs, which are factorized, and
            all get the same model. What is chosen by few rows, rank 0 chooses. None is this process alone.

        Raises
        ------
        ValueError
            If the data or a parameter are unusable; the message says what was expected and what to do.
        MemoryBudgetError
            If no solver can work within ``max_memory``.
        RankError
            If there is an error on another rank, or one is gone or slower than the timeout of the group.
        """
        ranks = Ranks(group)
        with ranks.together():
            return self._fit(X, y, sample_weight, validation, ranks)

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, Any] | None, ranks: Ranks) -> Self:
        clock = Clock.start(self.time_budget, busyness)
        self._validate_params()
        require_same_parameters(ranks, self.get_params(deep=False))
        features = check_features(self, X, reset=True)
        samples = self._learn_targets(features, y, check_weights(sample_weight, features))
        samples, held_out = self._without_held_out(samples, validation, ranks)
        samples = samples.merged().sorted()
        require_same_samples(ranks, samples)
        if held_out is not None:
            require_same_samples(ranks, held_out, "validation ")
        learning = self._learning(samples, clock, ranks)
        if held_out is not None:
            learned = learning.by_validation(samples, held_out, lambda raw: self._score_of(raw, held_out, True)[0])
        elif self.selection is None:
            learned = learning.to_the_end(samples)
        else:
            learned = learning.by_leaving_out(samples)
        self._keep(learned)
        if learned.judged is not None:
            self._judge(learned.judged, validated=held_out is not None)
        self.cut_short_ = list(clock.cuts)
        if clock.cuts:
            warnings.warn(
                f"The time budget of {clock.budget:g} s ran out: {'; '.join(clock.cuts)}.", TimeBudgetWarning, 3
            )
        return self

    def _without_held_out(self, samples: Samples, validation: Any, ranks: Ranks) -> tuple[Samples, Samples | None]:
        """The samples to learn from, and those that choose the iterate, if there are any."""
        if validation is not None:
            X, y = validation
            inputs = check_features(self, X, reset=False).to(samples.inputs)
            check_consistent_length(inputs, as_array(y))
            if len(inputs) < 2:
                raise InputError("2 or more validation samples", "1 sample", "Hold out more, or pass no validation.")
            return samples, Samples.of(inputs, self._encode(y, inputs))
        if self.validation_fraction is None:
            return samples, None
        rows = np.arange(len(samples))
        parts = train_test_split(
            rows, test_size=self.validation_fraction, random_state=self.random_state, stratify=self._strata()
        )
        parts = ranks.exchange(parts)[0]
        learn, judge = (samples.part(torch.from_numpy(part).to(samples.group)) for part in parts)
        return learn, judge

    def _learning(self, samples: Samples, clock: Clock, ranks: Ranks = ALONE) -> Learning:
        seed = ranks.exchange(0 if self.random_state is None else seed_of(self.random_state))[0]
        limits = Limits(self.agop_samples, seed, self.max_memory)
        power = (1 if self.selection is None else "loo") if self.power is None else self.power
        candidates = candidates_for(self.kernel, self.ridge, power, self.diagonal, samples, self.random_state)
        candidates = ranks.exchange(candidates)[0]
        search = Search(candidates, self.n_iterations, self._loss, limits)
        shape = samples.inputs.shape[1], samples.targets.shape[1]
        solver = self.solver if ranks.group is None or self.solver != "auto" else Cholesky()
        work = Work(candidates, shape, samples.inputs.dtype, solver, self.max_memory)
        verbose = int(self.verbose) if ranks.rank == 0 else 0
        return Learning(search, work, self.metric_samples, clock, self.callback, verbose, ranks)

    def _keep(self, learned: Learned) -> None:
        best = learned.best
        self.machine_, self.kernel_ = best.machine, best.machine.kernel
        self.metric_ = None if best.machine.metric is None else best.machine.metric.matrix
        self.diagonal_, self.solver_ = learned.diagonal, learned.solver
        self.best_iteration_, self.n_iter_ = best.iteration, learned.last_iteration
        self.bandwidth_, self.ridge_, self.power_ = self.kernel_.bandwidth, best.ridge, best.power
        self.agop_error_ = best.agop_error
        self.validation_scores_: NDArray[np.float64] | None = None
        self.validation_standard_errors_: NDArray[np.float64] | None = None
        few = len(self.machine_.centers) < len(learned.samples)
        rows = learned.samples.some(_KEPT_ROWS, 0) if few else learned.samples
        self._keep_rows(rows.inputs, rows.weights)

    def _judge(self, judged: Judged, *, validated: bool) -> None:
        """Scores with their standard errors, and calibration, on samples that the predictions do not depend on."""
        scores = np.array([self._score_of(raw, judged.samples, validated) for raw in judged.predictions])
        self.validation_scores_, self.validation_standard_errors_ = scores.T.copy()
        if validated:
            self.validation_standard_errors_[:] = self._score_of(judged.kept, judged.samples, validated)[1]
        self._calibrate(judged.kept[judged.samples.group], judged.samples, validated=validated)

    def _score_of(self, raw: Tensor, samples: Samples, validated: bool) -> tuple[float, float]:
        """Score of raw predictions (m, C) at the inputs of samples, the larger the better, and its standard error."""
        gains = self._gains(raw[samples.group], samples, validated=validated)
        return mean_and_error(gains, samples.sample_weights, samples.group)

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


@storable
class RFMRegressor(PredictiveMixin, TensorRegressorMixin, FeatureMachine):
    r"""Recursive feature machine for regression.

    Kernel ridge regression whose Mahalanobis metric M is learned as the AGOP of the predictor
    (Radhakrishnan, Beaglehole, Pandit, Belkin 2024, arXiv 2212.13881): repeat
    :math:`\alpha = (K_M + \lambda I)^{-1} Y`, :math:`M \leftarrow \mathrm{AGOP}^s` / max entry. What is not given is
    chosen without validation data, by leave-one-out in closed form at metrics that were learned from other rows: the
    kernel and the iterate on at most 2,000 random rows, bandwidth, ridge and power at each iterate on fewer. For the
    plain recursion give numbers: ``RFMRegressor(Laplace(10.0), ridge=1e-3, selection=None)``.

    Parameters
    ----------
    kernel
        A kernel, whose hyper-parameters are searched as ``kernel__bandwidth``. A bandwidth is a number or a rule:
        ``LeaveOneOutBandwidth()`` is chosen at each iterate, ``MedianDistance()`` is the median distance between two
        rows. A name, such as "laplace", stands for the kernel with the former rule; if None, leave-one-out also decides
        between "laplace" and "product-laplace".
    ridge
        lambda >= 0, or "loo".
    n_iterations
        Number of AGOP updates; 0 is kernel ridge regression.
    diagonal
        Whether to keep the diagonal of the AGOP only; if None, only for ``ProductLaplace``, whose distance is one of
        the coordinates.
    power
        Power s > 0 of the AGOP that is the next metric, or "loo" to choose among 1/4, 1/2 and 1 at each iterate. If
        None, "loo" unless ``selection`` is None too: then 1, as published.
    selection
        Without validation data, None keeps the last iterate; "loo" keeps the one with the smallest loss of left-out
        predictions: squared error, or log loss of a classifier. Two halves of up to 2,000 distinct rows judge each
        other; of more than 4,000, or more than ``metric_samples``, a quarter (3,000 at most) gives no metric: two
        thirds of it choose, one third states the score. Equal rows are left out together.
    solver
        "auto" for the one with the smaller predicted time that fits ``max_memory`` (``predicted_cost``), or
        ``Cholesky()``, ``ConjugateGradient()``, or ``Nystrom()``, which has few centers and is for so many samples that
        the others take minutes. It learns from all samples, and leaves out by exact formulas as they do.
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
        Seconds that the fit may take; None for no limit. What is about to overrun them is made smaller or left out: the
        rows that choose, the rows behind the metric, further iterates, the rows of the last solve, the folds that state
        the score. ``cut_short_`` and a ``TimeBudgetWarning`` say what it was.
    max_memory
        Bytes for the matrices over pairs of samples; None for no limit.
    callback
        Called with every ``RFMStep`` of the recursion whose iterate is kept; a true result stops it there.
    verbose
        0 or False is quiet, 1 or True shows a bar over predicted time, 2 also prints a line an iterate: kernel, power,
        bandwidth, ridge, left-out loss, seconds.
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
    power_ : float
        Power of the AGOP that is ``metric_``; 0, that of the identity, if no AGOP was taken.
    diagonal_, solver_
        Whether the metric is diagonal, and how the linear systems were solved.
    intercept_
        (C,) what is added to predictions.
    left_out_ : LeftOut or None
        Left-out residuals, behind the standard deviations and intervals of predictions.
    agop_error_ : float
        Standard error of the AGOP behind ``metric_``, relative to its Frobenius norm; 0 if all samples were used.
    best_iteration_, n_iter_ : int
        The iterate that was kept, and the last one computed.
    validation_scores_ : ndarray or None
        R^2 of each iterate on the validation part, or minus the mean squared error of left-out predictions: entry k of
        the fit with ``n_iterations=k``, whose choices and metric were made without the row that is predicted.
    validation_standard_errors_ : ndarray or None
        Their standard errors.
    cut_short_ : list of str
        What the time budget left no time for; empty if there was enough.
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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **FeatureMachine._parameter_constraints,
        "fit_intercept": ["boolean"],
    }

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
        fit_intercept: bool = True,
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
        self.fit_intercept = fit_intercept
        self.validation_fraction = validation_fraction
        self.time_budget = time_budget
        self.max_memory = max_memory
        self.callback = callback
        self.verbose = verbose
        self.random_state = random_state

    def _learn_targets(self, features: Tensor, y: Any, weights: Tensor) -> Samples:
        kept, self.left_out_ = positive(weights), None
        targets = self._learn_outputs(y, features)[kept]
        samples = Samples.of(features[kept], targets, weights[kept], intercept=self.fit_intercept)
        self.intercept_ = samples.mean() * self.fit_intercept
        return replace(samples, sample_targets=targets - self.intercept_.to(targets))

    def _encode(self, y: Any, features: Tensor) -> Tensor:
        targets = check_regression_targets(y, features)
        if targets.shape[1] != len(self.intercept_):
            got = f"{targets.shape[1]} in the validation data"
            raise InputError(f"{len(self.intercept_)} outputs", got, "Hold out samples of the same targets.")
        return targets - self.intercept_.to(targets)

    def _decode(self, raw: Tensor, X: Any) -> Any:
        return self._as_outputs(raw + self.intercept_.to(raw), X)

    def _calibrate(self, raw: Tensor, samples: Samples, *, validated: bool) -> None:
        self._keep_left_out(raw, samples, validated=validated)

    def _loss(self, samples: Samples, predictions: Tensor) -> float:
        return samples.error(predictions)

    def _gains(self, raw: Tensor, samples: Samples, *, validated: bool) -> Tensor:
        squares = (samples.sample_targets.double() - raw.double()).square()
        if not validated:
            return -squares.mean(1)
        targets, shares = samples.sample_targets.double(), samples.sample_weights / samples.sample_weights.sum()
        variance = shares @ (targets - shares @ targets).square()
        return (1 - squares / variance.where(variance > 0, torch.ones_like(variance))).mean(1)


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
        As for ``RFMRegressor``; ``validation_scores_`` are accuracies.
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
n_iter_, validation_scores_, validation_standard_errors_, cut_short_, feature_importances_, n_features_in_
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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **FeatureMachine._parameter_constraints,
        "class_weight": [Mapping, StrOptions({"balanced"}), None],
    }

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
        targets = 2 * torch.nn.functional.one_hot(codes, len(self._classes)).to(features) - 1
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
