"""What a fit chooses from its samples, and what that choice is worth on samples that it has not seen."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from agop.rfm.cross_fit import Fold, cross_fit, folds, tuned
from agop.rfm.recursion import Limits, in_turn
from agop.rfm.samples import Samples
from agop.rfm.selection import PATIENCE, exhausted, within_time
from agop.rfm.tuning import Candidate, Setting

__all__ = ["Choice", "Course", "Loss", "choose", "left_out_predictions"]

Loss = Callable[[Samples, Tensor], float]
"""Loss of left-out predictions (m, C) for distinct samples; the smallest decides between iterates and candidates."""


@dataclass(frozen=True)
class Course:
    """Cross-fitted iterates of one candidate.

    Attributes
    ----------
    candidate
        Kernel and kind of metric.
    settings
        Kernel and ridge of each iterate.
    losses
        Left-out loss of each iterate.
    """

    candidate: Candidate
    settings: tuple[Setting, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True)
class Choice:
    """A course for each candidate.

    Attributes
    ----------
    courses
        One or more.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> candidate = Candidate(Laplace())
    >>> choice = Choice((Course(candidate, (), (0.5, 0.4, 0.6)), Course(candidate, (), (0.45, 0.46))))
    >>> choice.best(0), choice.best(5)
    ((1, 0), (0, 1))
    """

    courses: tuple[Course, ...]

    def best(self, n_iterations: int) -> tuple[int, int]:
        """Course and iterate with the smallest loss of at most ``n_iterations`` updates, the earliest of equals."""
        losses = [
            (loss, iteration, number)
            for number, course in enumerate(self.courses)
            for iteration, loss in enumerate(course.losses[: n_iterations + 1])
        ]
        _, iteration, number = min(losses)
        return number, iteration


def choose(
    samples: Samples,
    candidates: Sequence[Candidate],
    n_iterations: int,
    *,
    loss: Loss = Samples.error,
    patience: int | None = PATIENCE,
    seconds: float | None = None,
    limits: Limits = Limits(),  # noqa: B008 (a frozen value)
) -> Choice:
    """Kernel, bandwidth, ridge and iterate by cross-fitting on two halves of the samples, see ``cross_fit``.

    Parameters
    ----------
    samples
        Distinct samples, two or more.
    candidates
        One or more.
    n_iterations
        Number of AGOP updates at most.
    loss
        Loss that decides between iterates and candidates; bandwidth and ridge have the smallest squared error.
    patience
        Iterates in a row that are worse than the best, after which a recursion ends; None for no end but the last.
    seconds
        Time of which every candidate has the same share, after which it gets no further iterate; None for no limit.
    limits
        As for ``rfm``; the halves depend on its seed too.

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Laplace, LeaveOneOutBandwidth, ProductLaplace
    >>> x = torch.rand(60, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> samples = Samples.of(x, (6 * x[:, :1]).sin() + x[:, 1:2] * 3)
    >>> candidates = [Candidate(kernel(LeaveOneOutBandwidth()), diagonal=True) for kernel in (Laplace, ProductLaplace)]
    >>> choice = choose(samples, candidates, 1)
    >>> type(candidates[choice.best(1)[0]].kernel).__name__
    'ProductLaplace'
    """
    share = None if seconds is None else seconds / len(candidates)
    halves = folds(len(samples), 2, limits.seed, samples.inputs.device)
    courses = []
    for candidate in candidates:
        if n_iterations == 0 and len(candidates) == 1 and candidate.only is not None:  # nothing is to be chosen
            return Choice((Course(candidate, (candidate.only,), (math.nan,)),))
        settings: list[Setting] = []
        losses: list[float] = []
        tune = tuned(samples, halves, candidate)
        steps = cross_fit(samples, halves, tune, n_iterations, diagonal=candidate.diagonal, limits=limits)
        for step in within_time(steps, share):
            settings.append(step.setting)
            losses.append(loss(samples, step.predictions))
            if exhausted(losses, patience):
                break
        courses.append(Course(candidate, tuple(settings), tuple(losses)))
    return Choice(tuple(courses))


def left_out_predictions(
    samples: Samples,
    candidates: Sequence[Candidate],
    n_iterations: int,
    n_folds: int,
    *,
    loss: Loss = Samples.error,
    seconds: float | None = None,
    limits: Limits = Limits(),  # noqa: B008 (a frozen value)
) -> Iterator[tuple[Tensor, list[Tensor]]]:
    r"""Fold by fold, predictions of rows by fits that have not seen them, whatever is chosen or learned.

    What the fit to all samples chooses from them (kernel, bandwidth, ridge, iterate) and the metric is chosen and
    learned anew without the fold; then its rows are predicted by exact leave-one-out, in closed form. The prediction
    of a row does not depend on its target by any path. Against a fit to all samples only the metric comes from fewer.

    Yields
    ------
    rows, predictions
        Rows of the fold (v,), and for each number of AGOP updates allowed, 0 to ``n_iterations``, predictions (v, C)
        of what is then chosen.

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Laplace
    >>> x = torch.rand(60, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> parts = list(left_out_predictions(Samples.of(x, (6 * x[:, :1]).sin()), [Candidate(Laplace())], 1, 3))
    >>> [(len(rows), len(predictions)) for rows, predictions in parts]
    [(20, 2), (20, 2), (20, 2)]
    """
    start = time.monotonic()
    outer = folds(len(samples), n_folds, limits.seed + 1, samples.inputs.device)
    for number, fold in enumerate(outer):
        left = None if seconds is None else (start + seconds - time.monotonic()) / (n_folds - number)
        left = left if left is None else max(left, 1e-9)
        choice = choose(samples.part(fold.learn), candidates, n_iterations, loss=loss, seconds=left, limits=limits)
        yield fold.judge, _judged(samples, fold, choice, n_iterations, limits)


def _judged(samples: Samples, fold: Fold, choice: Choice, n_iterations: int, limits: Limits) -> list[Tensor]:
    """Predictions (v, C) of the judged rows for each number of updates allowed."""
    picks = [choice.best(allowed) for allowed in range(n_iterations + 1)]
    found: dict[tuple[int, int], Tensor] = {}
    for number in {number for number, _ in picks}:
        last = max(iteration for course, iteration in picks if course == number)
        course = choice.courses[number]
        settings, diagonal = in_turn(course.settings), course.candidate.diagonal
        for step in cross_fit(samples, [fold], settings, last, diagonal=diagonal, limits=limits):
            found[number, step.iteration] = step.predictions[fold.judge]
        for later in range(step.iteration + 1, last + 1):  # where the AGOP vanished
            found[number, later] = found[number, step.iteration]
    return [found[pick] for pick in picks]
