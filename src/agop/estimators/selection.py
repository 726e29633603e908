"""Which iterate is kept: scores without the own sample, or on validation data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import numpy as np
from rich.progress import Progress
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length
from torch import Tensor

from agop.distinct import DistinctRows
from agop.errors import InputError
from agop.estimators.arrays import as_array, check_features
from agop.recursions import RFMStep
from agop.solvers.leave_one_out import sample_residuals

__all__ = [
    "Criterion",
    "HeldOut",
    "Selected",
    "check_settings",
    "check_validation",
    "left_out_accuracy",
    "left_out_error",
    "left_out_predictions",
    "select_iterate",
    "split_rows",
]

Criterion = Callable[[RFMStep], tuple[float, ...]]
"""Scores of an iterate, the larger the better; later ones decide where earlier ones tie."""

HeldOut = tuple[Tensor, Any, Tensor | None]
"""Features, targets as ``predict`` gives them, and sample weights that choose the iterate."""


def check_settings(selection: Any, n_iterations: int, time_budget: float | None, metric_samples: int | None) -> None:
    """Raise InputError, before any work, unless these are settings that a recursion can take."""
    if selection not in (None, "loo", "gcv"):
        raise InputError("selection=None, 'loo' or 'gcv'", repr(selection), "Choose one of the three.")
    if not isinstance(n_iterations, Integral) or n_iterations < 0:
        raise InputError("n_iterations >= 0", repr(n_iterations), "0 is kernel ridge regression.")
    if time_budget is not None and not time_budget > 0:
        raise InputError("a positive time budget in seconds", repr(time_budget), "Use None for no limit.")
    if metric_samples is not None and not (isinstance(metric_samples, Integral) and metric_samples >= 2):
        raise InputError("metric_samples >= 2, or None", repr(metric_samples), "Take thousands, or all by None.")


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


def left_out_predictions(
    step: RFMStep, selection: Literal["loo", "gcv"], targets: Tensor, rows: DistinctRows
) -> Tensor:
    """Predictions (n, C) of an iterate whose fit has an ``inverse_diagonal``, each without its own sample.

    "loo" is exact leave-one-out where the fit was factorised, "gcv" generalised cross-validation. The samples were
    merged for the fit where they are equal; a single one is left out, its copies stay.
    """
    if (inverse := step.fit.inverse_diagonal) is None:
        raise InputError("a fit with its inverse diagonal", "None", "Run rfm with leave_one_out=True.")
    return targets - sample_residuals(
        step.machine.coefficients,
        inverse,
        step.fit.ridge,
        rows.total_weights,
        rows.total_copies,
        rows.deviations(targets),
        rows.group,
        generalised=selection == "gcv",
    )


def left_out_error(residuals: Tensor, weights: Tensor) -> float:
    """Weighted mean over the samples, and mean over the outputs, of squared residuals (n, C).

    Examples
    --------
    >>> import torch
    >>> left_out_error(torch.tensor([[1.0], [2.0]]), torch.tensor([3.0, 1.0]))
    1.75
    """
    weights = weights.double()
    return ((weights @ residuals.double().square()) / weights.sum()).mean().item()


def left_out_accuracy(predictions: Tensor, targets: Tensor, weights: Tensor) -> float:
    r"""Weighted share of samples whose class is predicted by sign (C = 1) or argmax (C > 1).

    Parameters
    ----------
    predictions, targets
        (n, C), targets -1 and 1.
    weights
        (n,).

    Examples
    --------
    >>> import torch
    >>> left_out_accuracy(torch.tensor([[2.0], [-1.0]]), torch.tensor([[1.0], [1.0]]), torch.ones(2))
    0.5
    """
    if predictions.shape[1] == 1:
        right = (predictions > 0) == (targets > 0)
    else:
        right = (predictions.argmax(1) == targets.argmax(1))[:, None]
    weights = weights.double()
    return ((weights @ right.double()).sum() / weights.sum()).item()


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
