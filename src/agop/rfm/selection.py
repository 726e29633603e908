"""Which iterate is kept, and what its score is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length
from torch import Tensor

from agop.errors import InputError
from agop.estimator.arrays import as_array, check_features
from agop.rfm.choice import exhausted
from agop.rfm.recursion import RFMStep

__all__ = [
    "HeldOut",
    "Selected",
    "check_settings",
    "check_validation",
    "mean_and_error",
    "select_iterate",
    "split_rows",
]

HeldOut = tuple[Tensor, Any, Tensor | None]
"""Features, targets as ``predict`` gives them, and sample weights that choose the iterate."""


def check_settings(selection: Any, n_iterations: int, time_budget: float | None, metric_samples: int | None) -> None:
    """Raise InputError, before any work, unless these are settings that a recursion can take."""
    if selection not in (None, "loo"):
        raise InputError("selection=None or 'loo'", repr(selection), "Choose one of the two.")
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


def mean_and_error(values: Tensor, weights: Tensor, group: Tensor | None = None) -> tuple[float, float]:
    r"""Weighted mean of values (n,) and its standard error, where those of one group (n,) were drawn together.

    With weights w of sum 1 and G groups, the error is the root of
    :math:`\frac{G}{G - 1} \sum_g (\sum_{j \in g} w_j (v_j - \bar v))^2`; NaN for one group.

    Examples
    --------
    >>> import torch
    >>> mean_and_error(torch.tensor([1.0, 2.0, 3.0]), torch.ones(3))
    (2.0, 0.57735...)
    """
    values, shares = values.double(), weights.double() / weights.double().sum()
    mean = shares @ values
    group = torch.arange(len(values), device=values.device) if group is None else group
    own = values.new_zeros(int(group.max()) + 1).index_add_(0, group, shares * (values - mean))
    error = (own.square().sum() * len(own)).sqrt() / (len(own) - 1) ** 0.5 if len(own) > 1 else mean * torch.nan
    return mean.item(), error.item()


@dataclass(frozen=True)
class Selected:
    """The iterate that is kept, the last one computed, and the scores of all.

    Attributes
    ----------
    best, last
        Iterates.
    scores
        Score of each iterate, the larger the better; empty without a criterion.
    """

    best: RFMStep
    last: RFMStep
    scores: list[float]


def select_iterate(
    steps: Iterable[RFMStep],
    criterion: Callable[[RFMStep], float] | None,
    *,
    patience: int | None = None,
    callback: Callable[[RFMStep], object] | None = None,
    advance: Callable[[], object] = lambda: None,
) -> Selected:
    """Run a recursion and keep the first of its best iterates, or the last one.

    Parameters
    ----------
    steps
        One iterate or more.
    criterion
        Score of an iterate, the larger the better. None keeps the last.
    patience
        Iterates in a row that are worse than the best, after which the recursion ends; None for no end but the last.
    callback
        Called with every iterate; a true result stops.
    advance
        Called after every iterate, for a progress bar.
    """
    scores: list[float] = []
    for step in steps:
        if criterion is None:
            best = step
        else:
            scores.append(criterion(step))
            if scores[-1] > max(scores[:-1], default=float("-inf")) or len(scores) == 1:
                best = step
        advance()
        if (callback is not None and callback(step)) or exhausted([-score for score in scores], patience):
            break
    return Selected(best, step, scores)
