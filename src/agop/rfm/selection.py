"""When a recursion ends, which iterate is kept, and what its score is worth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from agop.errors import InputError
from agop.ranks import ALONE, Ranks
from agop.rfm.recursion import RFMStep

__all__ = ["PATIENCE", "Clock", "Selected", "exhausted", "mean_and_error", "select_iterate", "within_time"]

PATIENCE = 2
"""Iterates in a row that are worse than the best, after which a recursion ends: it rarely falls again."""

Step = TypeVar("Step")


def within_time(steps: Iterable[Step], seconds: float | None, ranks: Ranks = ALONE) -> Iterator[Step]:
    """Yield steps until the next one, as long as the longest so far, would overrun ``seconds``.

    The first step is always taken; None means no limit. Ranks that take the steps together end them together.

    Raises
    ------
    InputError
        If ``seconds`` is not positive.

    Examples
    --------
    >>> list(within_time(range(3), None))
    [0, 1, 2]
    """
    if seconds is not None and not seconds > 0:
        raise InputError("a positive time budget in seconds", repr(seconds), "Use None for no limit.")
    start = last = time.monotonic()
    longest = 0.0
    for step in steps:
        yield step
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        if any(ranks.exchange(seconds is not None and now - start + longest > seconds)):
            return


@dataclass(frozen=True)
class Clock:
    """When a fit began and how many seconds it may take."""

    began: float
    budget: float | None

    @classmethod
    def start(cls, budget: float | None) -> Clock:
        """Begin now."""
        return cls(time.monotonic(), budget)

    def left(self, share: float = 1.0, reserve: float = 0.0) -> float | None:
        """A share of the seconds that are left beside a reserve, always positive; None for no limit."""
        if self.budget is None:
            return None
        return max(share * (self.budget - reserve - (time.monotonic() - self.began)), 1e-9)


def exhausted(losses: Sequence[float], patience: int | None) -> bool:
    """Whether the last ``patience`` losses are all larger than the smallest; never if that is None.

    Examples
    --------
    >>> exhausted([0.5, 0.4, 0.6, 0.41], 2), exhausted([0.5, 0.4, 0.6, 0.4], 2)
    (True, False)
    """
    return patience is not None and len(losses) > patience and min(losses[-patience:]) > min(losses)


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


def mean_and_error(values: Tensor, weights: Tensor, group: Tensor) -> tuple[float, float]:
    r"""Weighted mean of values (n,) and its standard error, where those of one group (n,) were drawn together.

    With weights w of sum 1 and G groups, the error is the root of
    :math:`\frac{G}{G - 1} \sum_g (\sum_{j \in g} w_j (v_j - \bar v))^2`; NaN for one group.

    Examples
    --------
    >>> mean_and_error(torch.tensor([1.0, 2.0, 3.0]), torch.ones(3), torch.arange(3))
    (2.0, 0.57735...)
    """
    values, weights = values.double(), weights.double()
    mean = weights @ values / weights.sum()
    own = values.new_zeros(int(group.max()) + 1).index_add_(0, group, weights / weights.sum() * (values - mean))
    error = (own.square().sum() * len(own)).sqrt() / (len(own) - 1) ** 0.5 if len(own) > 1 else mean * torch.nan
    return mean.item(), error.item()
