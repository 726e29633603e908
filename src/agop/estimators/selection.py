"""What a fit chooses for itself: bandwidth, ridge, and the iterate that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
import torch
from rich.progress import Progress
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length, check_random_state
from torch import Tensor

from agop.errors import InputError
from agop.estimators.arrays import as_array, check_features
from agop.kernels import Kernel, ProductLaplace, RadialKernel, euclidean_distances
from agop.recursions import RFMStep
from agop.solvers.leave_one_out import generalised_residuals, leave_one_out_residuals

__all__ = [
    "RIDGES",
    "Criterion",
    "HeldOut",
    "Selected",
    "check_validation",
    "left_out_accuracy",
    "left_out_error",
    "left_out_residuals",
    "ridges_to_try",
    "select_iterate",
    "split_rows",
    "with_median_bandwidth",
]

RIDGES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2)
"""Ridges that ``ridge="loo"`` tries; kernels are 1 at distance 0."""

MOST_ROWS = 1000
"""Rows whose distances give the median bandwidth."""

Criterion = Callable[[RFMStep], tuple[float, ...]]
"""Scores of an iterate, the larger the better; later ones decide where earlier ones tie."""

HeldOut = tuple[Tensor, Any, Tensor | None]
"""Features, targets as ``predict`` gives them, and sample weights that choose the iterate."""


def check_validation(estimator: BaseEstimator, X: Any, y: Any, features: Tensor) -> HeldOut:
    """Validation data beside the training features, two samples or more.

    Raises
    ------
    ValueError
        If they are unusable, or do not fit the training features.
    """
    held_out = check_features(estimator, X, reset=False).to(features), as_array(y), None
    check_consistent_length(*held_out[:2])
    if len(held_out[0]) < 2:
        raise InputError("2 or more validation samples", "1 sample", "Hold out more, or pass no validation.")
    return held_out


def split_rows(n: int, fraction: float, random_state: Any, strata: Any) -> tuple[Any, Any]:
    """Indices of the training and the validation part of n rows, a share ``fraction`` of each stratum."""
    train, test = train_test_split(np.arange(n), test_size=fraction, random_state=random_state, stratify=strata)
    return train, test


def ridges_to_try(ridge: Any) -> tuple[float, ...]:
    """The ridge that was given, or ``RIDGES`` for "loo".

    Raises
    ------
    InputError
        If it is neither a finite number >= 0 nor "loo".

    Examples
    --------
    >>> ridges_to_try(0.5), len(ridges_to_try("loo"))
    ((0.5,), 9)
    """
    if isinstance(ridge, str) and ridge == "loo":
        return RIDGES
    if not isinstance(ridge, Real) or not 0 <= float(ridge) < float("inf"):
        raise InputError("a finite ridge >= 0 or 'loo'", repr(ridge), "Set a number, or let leave-one-out choose it.")
    return (float(ridge),)


def with_median_bandwidth(kernel: Kernel, rows: Tensor, random_state: Any) -> Kernel:
    """Set a bandwidth of "median" to the median distance between two rows; another one stays.

    Distances are those of the kernel without a metric: the Euclidean norm, or the 1-norm for ``ProductLaplace``. Of
    more than 1,000 rows, a random 1,000 count.

    Parameters
    ----------
    kernel
        The kernel; its bandwidth is overwritten.
    rows
        (n, d) distinct rows, float32 or float64.
    random_state
        Seed of the subset.

    Raises
    ------
    InputError
        If there is a single row, or the kernel has no known distance.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> with_median_bandwidth(Laplace("median"), torch.tensor([[0.0], [1.0], [4.0]]), None)
    Laplace(bandwidth=3.0)
    """
    bandwidth = getattr(kernel, "bandwidth", None)
    if not (isinstance(bandwidth, str) and bandwidth == "median"):
        return kernel
    if not isinstance(kernel, RadialKernel | ProductLaplace):
        got = type(kernel).__name__
        raise InputError("a radial kernel or ProductLaplace for bandwidth='median'", got, "Set a number.")
    if len(rows) < 2:
        raise InputError("two distinct samples for bandwidth='median'", "one", "Set a number.")
    if len(rows) > MOST_ROWS:
        chosen = check_random_state(random_state).choice(len(rows), MOST_ROWS, replace=False)
        rows = rows[torch.from_numpy(chosen).to(rows.device)]
    rows = rows.double()
    distances = euclidean_distances(rows) if isinstance(kernel, RadialKernel) else torch.cdist(rows, rows, p=1)
    first, second = torch.triu_indices(len(rows), len(rows), offset=1, device=rows.device)
    kernel.set_params(bandwidth=distances[first, second].quantile(0.5).item())
    return kernel


def left_out_residuals(step: RFMStep, selection: Literal["loo", "gcv"], weights: Tensor | None) -> Tensor:
    """Residuals (n, C) of an iterate whose fit has an ``inverse_diagonal``, each without its own sample.

    "loo" is exact leave-one-out, "gcv" generalised cross-validation.
    """
    if (inverse := step.fit.inverse_diagonal) is None:
        raise InputError("a fit with its inverse diagonal", "None", "Run rfm with leave_one_out=True.")
    coefficients = step.machine.coefficients
    if selection == "loo":
        return leave_one_out_residuals(coefficients, inverse)
    return generalised_residuals(coefficients, inverse, weights)


def left_out_error(residuals: Tensor, weights: Tensor) -> float:
    """Weighted mean over the samples, and mean over the outputs, of squared residuals (n, C).

    Examples
    --------
    >>> left_out_error(torch.tensor([[1.0], [2.0]]), torch.tensor([3.0, 1.0]))
    1.75
    """
    weights = weights.double()
    return ((weights @ residuals.double().square()) / weights.sum()).mean().item()


def left_out_accuracy(predictions: Tensor, targets: Tensor, weights: Tensor) -> float:
    r"""Weighted share of samples whose class is predicted by sign (C = 1) or argmax (C > 1).

    A merged sample counts by the share of its class: with target :math:`t = 2 p - 1`, the mean of +1 and -1, p is
    the weight of the samples that have the predicted class.

    Parameters
    ----------
    predictions, targets
        (n, C), targets between -1 and 1.
    weights
        (n,).

    Examples
    --------
    >>> left_out_accuracy(torch.tensor([[2.0], [-1.0]]), torch.tensor([[1.0], [0.0]]), torch.ones(2))
    0.75
    """
    if predictions.shape[1] == 1:
        agreed = torch.where(predictions > 0, targets, -targets)[:, 0]
    else:
        agreed = targets.gather(1, predictions.argmax(1, keepdim=True))[:, 0]
    weights = weights.double()
    return ((weights @ (1 + agreed.double()) / 2) / weights.sum()).item()


@dataclass(frozen=True)
class Selected:
    """The iterate that is kept, the last one computed, and the scores of all.

    Attributes
    ----------
    best, last
        Iterates.
    scores
        First criterion of each iterate, the larger the better; empty without a criterion.
    """

    best: RFMStep
    last: RFMStep
    scores: list[float]


def select_iterate(
    steps: Iterable[RFMStep],
    criterion: Criterion | None,
    *,
    total: int,
    callback: Callable[[RFMStep], object] | None = None,
    verbose: bool = False,
) -> Selected:
    """Run a recursion and keep the first of its best iterates, or the last one.

    Parameters
    ----------
    steps
        One iterate or more.
    criterion
        Scores of an iterate, the larger the better; later ones decide where earlier ones tie. None keeps the last.
    total
        Number of iterates that the progress bar expects.
    callback
        Called with every iterate; a true result stops.
    verbose
        Show a progress bar.
    """
    scores: list[float] = []
    best_score: tuple[float, ...] = ()
    with Progress(disable=not verbose) as progress:
        task = progress.add_task("RFM", total=total)
        for step in steps:
            if criterion is None:
                best = step
            else:
                score = criterion(step)
                scores.append(score[0])
                if not best_score or score > best_score:
                    best, best_score = step, score
            progress.advance(task)
            if callback is not None and callback(step):
                break
    return Selected(best, step, scores)
