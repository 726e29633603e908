"""Choices of a fit from its samples, and their worth on samples that it has not seen."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from agop.rfm.clock import within_time
from agop.rfm.course import Choice, Course
from agop.rfm.cross_fit import CrossFitted, cross_fit, tuned, tuning_rows
from agop.rfm.division import Fold, folds
from agop.rfm.recursion import Limits, Settings, in_turn
from agop.rfm.samples import Samples
from agop.rfm.selection import pays
from agop.rfm.tuning import Candidate

__all__ = ["CHOICE_ROWS", "Extent", "Loss", "Search"]

CHOICE_ROWS = 2000
"""Rows at most that a choice is made by; time grows as the third power of their number."""

_FAR, _NEAR = 2.0, 1.05
"""Losses relative to the smallest of all up to which a candidate gets a first update, and another one.

The first one may halve the loss of a full metric, where products of columns matter.
"""

Extent: TypeAlias = Literal["kernel", "iterate", "all"]
"""Where a choice ends: with one kernel left, where no update pays any more, or with the last iterate of all kernels."""

Loss = Callable[[Samples, Tensor], float]
"""Loss of left-out predictions (m, C) for distinct samples; the smallest decides between iterates and candidates."""


@dataclass(frozen=True)
class Search:
    """Candidates of a fit, and the way in which it chooses.

    Attributes
    ----------
    candidates
        Kernels with their bandwidths and ridges, one or more.
    n_iterations
        Number of AGOP updates at most.
    loss
        Loss that decides between iterates and candidates; bandwidth and ridge have the smallest squared error.
    limits
        As for ``rfm``; folds depend on its seed too.
    rows
        Rows at most that the choice is made by.
    tuning_rows
        Rows by which bandwidth and ridge are chosen, of those of a choice.
    observe
        Called with the course of a candidate after each of its iterates.

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Laplace, LeaveOneOutBandwidth, ProductLaplace
    >>> x = torch.rand(60, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> samples = Samples.of(x, (6 * x[:, :1]).sin() + x[:, 1:2] * 3)
    >>> candidates = [Candidate(kernel(LeaveOneOutBandwidth()), diagonal=True) for kernel in (Laplace, ProductLaplace)]
    >>> search = Search(candidates, n_iterations=1)
    >>> type(candidates[search.choose(samples).best(1)[0]].kernel).__name__
    'ProductLaplace'
    >>> [(len(rows), len(predictions)) for rows, predictions, _ in search.left_out_predictions(samples, 3)]
    [(20, 2), (20, 2), (20, 2)]
    """

    candidates: Sequence[Candidate]
    n_iterations: int
    loss: Loss = Samples.error
    limits: Limits = field(default_factory=Limits)
    rows: int = CHOICE_ROWS
    tuning_rows: Callable[[int], int] = tuning_rows
    observe: Callable[[Course], object] = lambda course: None

    def choose(
        self,
        samples: Samples,
        extent: Extent = "iterate",
        *,
        seconds: float | None = None,
        before: Sequence[Choice] = (),
    ) -> Choice:
        """Kernel, bandwidth, ridge, power and iterate by cross-fitting on two halves of the samples, see ``cross_fit``.

        All candidates within twice the smallest loss are updated once. More updates get those to which the last one
        brought 0.5 % or more, and which are then within 5 % of the smallest loss.

        Parameters
        ----------
        samples
            Distinct samples, two or more.
        extent
            Where it ends.
        seconds
            Time after which no candidate gets a further iterate; None for no limit.
        before
            Choices by parts of the samples. Then only the kernels and updates that were near the best there are tried
            again, and searches begin at their settings.
        """
        (first, *others) = self.candidates
        if self.n_iterations == 0 and not others and first.only is not None:
            return Choice((Course(first, (first.only,), (math.nan,)),))  # nothing is to be chosen
        samples = samples.some(self.rows, self.limits.seed)
        halves = folds(len(samples), 2, self.limits.seed, samples.inputs.device)
        courses = [Course(candidate, (), ()) for candidate in self.candidates]
        kept = [each for choice in before for each in choice.near(self.n_iterations).items()]
        begun = dict(sorted(kept, key=lambda each: len(each[1].losses))) or dict(enumerate(courses))
        left = {number: self._tried(samples, halves, course, seconds) for number, course in begun.items()}
        while left:
            for number, steps in list(left.items()):
                step = next(steps, None)
                if step is None:
                    del left[number]
                else:
                    courses[number] = courses[number].after(step.setting, self.loss(samples, step.predictions))
                    self.observe(courses[number])
            best = min(min(courses[number].losses) for number in begun)
            if extent != "all":
                left = {k: steps for k, steps in left.items() if _goes_on(courses[k].losses, best)}
            if extent == "kernel" and len(left) == 1:
                break
        return Choice(tuple(courses))

    def _tried(
        self, samples: Samples, halves: Sequence[Fold], begun: Course, seconds: float | None
    ) -> Iterator[CrossFitted]:
        """Iterates of a candidate with the best settings at each, within the time that all candidates have together.

        Those of a course that has begun are repeated: its settings are where searches begin.
        """
        n_iterations = len(begun.settings) - 1 if begun.settings else self.n_iterations
        tune = tuned(samples, halves, begun.candidate, self.tuning_rows(len(samples)), begun.settings)
        steps = self._cross_fit(samples, halves, begun.candidate, tune, n_iterations, torch.float32)
        return within_time(steps, seconds)

    def left_out_predictions(
        self, samples: Samples, n_folds: int, *, seconds: float | None = None
    ) -> Iterator[tuple[Tensor, list[Tensor], Choice]]:
        r"""Fold by fold, predictions of rows by fits that have not seen them, whatever is chosen or learned.

        Everything that the fit to all samples chooses (kernel, bandwidth, ridge, iterate) and the metric is chosen and
        learned anew without the fold; then its rows are predicted by exact leave-one-out, in closed form. The
        prediction of a row does not depend on its target by any path. Against a fit to all samples only metric and
        settings come from fewer.

        Yields
        ------
        rows, predictions, choice
            Rows of the fold (v,); for each number of AGOP updates allowed, 0 to ``n_iterations``, predictions (v, C) of
            what is then chosen; and the choice.
        """
        start = time.monotonic()
        outer = folds(len(samples), n_folds, self.limits.seed + 1, samples.inputs.device)
        for number, fold in enumerate(outer):
            left = None if seconds is None else (start + seconds - time.monotonic()) / (n_folds - number)
            choice = self.choose(samples.part(fold.learn), seconds=left if left is None else max(left, 1e-9))
            yield fold.judge, self._judged(samples, fold, choice), choice

    def _judged(self, samples: Samples, fold: Fold, choice: Choice) -> list[Tensor]:
        """Predictions (v, C) of the judged rows for each number of updates allowed."""
        picks = [choice.best(allowed) for allowed in range(self.n_iterations + 1)]
        found: dict[tuple[int, int], Tensor] = {}
        for number in {number for number, _ in picks}:
            last = max(iteration for course, iteration in picks if course == number)
            course = choice.courses[number]
            for step in self._cross_fit(
                samples, [fold], course.candidate, in_turn(course.settings), last, torch.float64
            ):
                found[number, step.iteration] = step.predictions[fold.judge]
            for later in range(step.iteration + 1, last + 1):  # where the AGOP vanished
                found[number, later] = found[number, step.iteration]
        return [found[pick] for pick in picks]

    def _cross_fit(
        self,
        samples: Samples,
        folds: Sequence[Fold],
        candidate: Candidate,
        settings: Settings,
        n_iterations: int,
        precision: torch.dtype,
    ) -> Iterator[CrossFitted]:
        return cross_fit(
            samples,
            folds,
            settings,
            n_iterations,
            diagonal=candidate.diagonal,
            precision=precision,
            limits=self.limits,
        )


def _goes_on(losses: Sequence[float], best: float) -> bool:
    """Whether another update may pay, where all candidates have the smallest loss ``best``."""
    return losses[-1] <= (_FAR if len(losses) == 1 else _NEAR) * best and pays(losses)
