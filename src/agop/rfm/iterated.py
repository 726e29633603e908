"""Learning on all samples, up to the last iterate or to one that others choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from agop.rfm.learned import Judged, Learned
from agop.rfm.learning import UPDATES, Learning
from agop.rfm.recursion import RFMStep, in_turn
from agop.rfm.samples import Samples

__all__ = ["by_validation", "to_the_end"]


def to_the_end(learning: Learning, samples: Samples) -> Learned:
    """The last iterate."""
    return _iterated(learning, samples, None)[0]


def by_validation(learning: Learning, samples: Samples, held_out: Samples, score: Callable[[Tensor], float]) -> Learned:
    """The iterate with the largest score of its predictions (m, C) at the inputs of other samples."""
    predictions: list[Tensor] = []

    def criterion(step: RFMStep) -> float:
        predictions.append(learning.predicted(step, held_out))
        return score(predictions[-1])

    learned, refitted = _iterated(learning, samples, criterion)
    kept = learning.predicted(learned.best, held_out) if refitted else predictions[learned.best.iteration]
    return replace(learned, judged=Judged(held_out, predictions, kept))


def _iterated(
    learning: Learning, samples: Samples, criterion: Callable[[RFMStep], float] | None
) -> tuple[Learned, bool]:
    """The last iterate, or the one with the largest criterion, and whether it was fitted again to all samples."""
    part = samples.some(learning.metric_samples, learning.search.limits.seed)
    part.require_together()
    refit, n_iterations = part is not samples, learning.search.n_iterations
    solver = learning.work.solver_for(len(samples))

    def last() -> float:
        return learning.work.solve(len(samples)).seconds if refit else 0.0

    with learning.display(len(samples), leaving_out=False) as display:
        course = learning.course(part, "all", display, last)
        part = learning.reduced(part, "the metric", lambda n: learning.work.iterates(n, refit * UPDATES), last)
        steps = learning.steps(part, in_turn(course.settings), n_iterations, course.candidate.diagonal, last)
        found = learning.selected(steps, display, n_iterations, criterion)
        best, learned_from = found.best, part
        if refit:
            n_whole = learning.affordable(len(samples), "the last fit", learning.seconds_of_solve, least=len(part))
            whole = samples.some(n_whole, learning.search.limits.seed)
            (best, solver), learned_from = learning.fit_to_all(found.best, whole), whole
    return Learned(best, learned_from, found.last.iteration, course.candidate.diagonal, solver), refit
