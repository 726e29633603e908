"""The recursive feature machine for regression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from agop.errors import InputError
from agop.estimator.mixins import TensorRegressorMixin
from agop.estimator.targets import check_regression_targets
from agop.kernels import Kernel
from agop.rfm.feature_machine import FeatureMachine
from agop.rfm.predictive import PredictiveMixin
from agop.rfm.recursion import RFMStep
from agop.rfm.samples import Samples, positive
from agop.solvers import Solver
from agop.storable import storable

__all__ = ["RFMRegressor"]


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
        other, first of two thirds of the rows, so that the others state the score, and then of all; of more than 4,000,
        or more than ``metric_samples``, a quarter (3,000 at most) gives no metric: two thirds of it choose, one third
        states the score. Equal rows are left out together.
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
    skill_ : Skill or None
        Share of the variance of the targets of these rows that is predicted, with its standard error.
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
    >>> round(model.score(X[300:], y[300:]), 1)
    0.5
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
