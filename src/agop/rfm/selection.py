"""When a recursion ends, which iterate is kept, and what its score is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agop.estimator.effects import row_worth
from agop.ranks import ALONE, Ranks
from agop.rfm.recursion import RFMStep

__all__ = ["Selected", "mean_and_error", "pays", "select_iterate", "share_and_error"]

GAIN = 0.005
"""Share of the loss that an update must bring, else no other one follows: it rarely brings more."""


def pays(losses: Sequence[float]) -> bool:
    """Whether another update may pay: the first one, or one after an update that did.

    Examples
    --------
    >>> pays([0.5]), pays([0.5, 0.4]), pays([0.5, 0.4, 0.399])
    (True, True, False)
    """
    return len(losses) < 2 or losses[-1] <= (1 - GAIN) * losses[-2]


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
    early: bool = False,
    callback: Callable[[RFMStep], object] | None = None,
    advance: Callable[[RFMStep, float | None], object] = lambda step, score: None,
    ranks: Ranks = ALONE,
) -> Selected:
    """Run a recursion and keep the first of its best iterates, or the last one.

    Parameters
    ----------
    steps
        One iterate or more.
    criterion
        Score of an iterate, the larger the better. None keeps the last.
    early
        Whether the recursion ends after an update that does not pay; scores are then negative losses.
    callback
        Called with every iterate; a true result stops.
    advance
        Called with every iterate and its score, for a progress bar.
    ranks
        Processes that take the iterates together: the score of the first one counts, and a callback on any stops all.
    """
    scores: list[float] = []
    for step in steps:
        if criterion is None:
            best = step
        else:
            scores.append(ranks.exchange(criterion(step))[0])
            if scores[-1] > max(scores[:-1], default=float("-inf")) or len(scores) == 1:
                best = step
        advance(step, scores[-1] if scores else None)
        stops = any(ranks.exchange(callback is not None and bool(callback(step))))
        if stops or (early and not pays([-score for score in scores])):
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


def share_and_error(values: Tensor, weights: Tensor, group: Tensor) -> tuple[float, float]:
    r"""Weighted share of values (n,) that are 1, the others being 0, and its standard error, which is never 0.

    The error is that of ``mean_and_error``, or with the :math:`n = (\sum_g w_g)^2 / \sum_g w_g^2` draws that the groups
    are worth and two more hits and two more misses :math:`\sqrt{p (1 - p) / (n + 4)}` if that is larger: without a miss
    among n draws up to 3 / n of all may be misses.

    References
    ----------
    Agresti and Coull 1998, Approximate is better than "exact" for interval estimation of binomial proportions, The
    American Statistician 52:119.

    Examples
    --------
    >>> share_and_error(torch.ones(1000), torch.ones(1000), torch.arange(1000))
    (1.0, 0.001407...)
    """
    share, error = mean_and_error(values, weights, group)
    of_group = torch.bincount(group, weights.double())
    n = row_worth(of_group.cpu().numpy())
    more = (n * share + 2) / (n + 4)
    return share, max(error, (more * (1 - more) / (n + 4)) ** 0.5)
