"""What a fit chooses from its samples, and what that choice is worth on samples that it has not seen."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from agop.rfm.budget import within_time
from agop.rfm.cross_fit import Candidate, Fold, cross_fit, folds
from agop.rfm.samples import DistinctSamples
from agop.rfm.tuning import Setting

__all__ = ["PATIENCE", "Choice", "Course", "Loss", "choose", "exhausted", "left_out_predictions"]

Loss = Callable[[DistinctSamples, Tensor], float]
"""Loss of left-out predictions (m, C) for distinct samples; the smallest decides between iterates and candidates."""

PATIENCE = 2
"""Iterates in a row that are worse than the best, after which a recursion ends: it rarely falls again."""


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
    >>> from agop.rfm.tuning import Tuner
    >>> candidate = Candidate(Tuner(Laplace()), "full")
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


def exhausted(losses: Sequence[float], patience: int | None) -> bool:
    """Whether the last ``patience`` losses are all larger than the smallest; never if that is None.

    Examples
    --------
    >>> exhausted([0.5, 0.4, 0.6, 0.41], 2), exhausted([0.5, 0.4, 0.6, 0.4], 2)
    (True, False)
    """
    return patience is not None and len(losses) > patience and min(losses[-patience:]) > min(losses)


def choose(
    samples: DistinctSamples,
    candidates: Sequence[Candidate],
    n_iterations: int,
    *,
    loss: Loss = DistinctSamples.error,
    agop_samples: int | None = None,
    seed: int = 0,
    patience: int | None = PATIENCE,
    seconds: float | None = None,
    max_memory: int | None = None,
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
        What decides between iterates and candidates; bandwidth and ridge have the smallest squared error.
    agop_samples, seed, max_memory
        As for ``rfm``; the halves depend on ``seed`` too.
    patience
        Iterates in a row that are worse than the best, after which a recursion ends; None for no end but the last.
    seconds
        Of which every candidate has the same share, after which it gets no further iterate; None for no limit.

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Laplace, ProductLaplace
    >>> from agop.rfm.tuning import Tuner
    >>> x = torch.rand(60, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> y = (6 * x[:, :1]).sin() + x[:, 1:2] * 3
    >>> candidates = [Candidate(Tuner(kernel()), "diagonal") for kernel in (Laplace, ProductLaplace)]
    >>> choice = choose(DistinctSamples(x, y, torch.ones(60), torch.zeros(60)), candidates, 1)
    >>> candidates[choice.best(1)[0]].tuner.kernel
    ProductLaplace()
    """
    share = None if seconds is None else seconds / len(candidates)
    halves = folds(len(samples), 2, seed, samples.inputs.device)
    courses = []
    for candidate in candidates:
        if n_iterations == 0 and len(candidates) == candidate.tuner.choices == 1:  # nothing is to be chosen
            return Choice((Course(candidate, (candidate.tuner.first,), (math.nan,)),))
        steps = cross_fit(
            samples, halves, candidate, n_iterations, agop_samples=agop_samples, seed=seed, max_memory=max_memory
        )
        settings: list[Setting] = []
        losses: list[float] = []
        for step in within_time(steps, share):
            settings.append(step.setting)
            losses.append(loss(samples, step.predictions))
            if exhausted(losses, patience):
                break
        courses.append(Course(candidate, tuple(settings), tuple(losses)))
    return Choice(tuple(courses))


def left_out_predictions(
    samples: DistinctSamples,
    candidates: Sequence[Candidate],
    n_iterations: int,
    n_folds: int,
    *,
    loss: Loss = DistinctSamples.error,
    agop_samples: int | None = None,
    seed: int = 0,
    seconds: float | None = None,
    max_memory: int | None = None,
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
    >>> from agop.rfm.tuning import Tuner
    >>> x = torch.rand(60, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> samples = DistinctSamples(x, (6 * x[:, :1]).sin(), torch.ones(60), torch.zeros(60))
    >>> parts = list(left_out_predictions(samples, [Candidate(Tuner(Laplace()), "full")], 1, 3))
    >>> [(len(rows), len(predictions)) for rows, predictions in parts]
    [(20, 2), (20, 2), (20, 2)]
    """
    start = time.monotonic()
    limits: dict[str, Any] = {"agop_samples": agop_samples, "seed": seed, "max_memory": max_memory}
    outer = folds(len(samples), n_folds, seed + 1, samples.inputs.device)
    for number, fold in enumerate(outer):
        left = None if seconds is None else (start + seconds - time.monotonic()) / (n_folds - number)
        left = left if left is None else max(left, 1e-9)
        choice = choose(samples[fold.learn], candidates, n_iterations, loss=loss, seconds=left, **limits)
        yield fold.judge, _judged(samples, fold, choice, n_iterations, limits)


def _judged(
    samples: DistinctSamples, fold: Fold, choice: Choice, n_iterations: int, limits: dict[str, Any]
) -> list[Tensor]:
    """Predictions (v, C) of the judged rows for each number of updates allowed."""
    picks = [choice.best(allowed) for allowed in range(n_iterations + 1)]
    found: dict[tuple[int, int], Tensor] = {}
    for number in {number for number, _ in picks}:
        last = max(iteration for course, iteration in picks if course == number)
        course = choice.courses[number]
        for step in cross_fit(samples, [fold], course.candidate, last, settings=course.settings, **limits):
            found[number, step.iteration] = step.predictions[fold.judge]
        for later in range(step.iteration + 1, last + 1):  # where the AGOP vanished
            found[number, later] = found[number, step.iteration]
    return [found[pick] for pick in picks]
