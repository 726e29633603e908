"""Learning with left-out predictions by the same procedure: fold by fold, or by some samples for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any, TypeAlias

import torch
from torch import Tensor

from agop.rfm.course import Choice, Course
from agop.rfm.cross_fit import fewer_tuning_rows, tuned
from agop.rfm.display import Display
from agop.rfm.division import Fold, fold_counts, folded, n_judging
from agop.rfm.learned import Judged, Learned
from agop.rfm.learning import UPDATES, Learning
from agop.rfm.recursion import RFMStep, in_turn
from agop.rfm.samples import Samples

__all__ = ["by_leaving_out"]

_SHARE = 3 / 4
"""Share that the choice among what was near the best may take of the time that is not kept for the last fit."""

_Stated: TypeAlias = list[tuple[Tensor, list[Tensor], Choice]]
"""Rows of some folds, their predictions by fits that have not seen them, and the choices of these fits."""


def by_leaving_out(learning: Learning, samples: Samples) -> Learned:
    """The iterate with the smallest left-out error, with left-out predictions by the same procedure."""
    n = len(samples)
    few = folded(n, learning.metric_samples, learning.search.limits.max_memory)
    if few and learning.clock.fits(lambda: (1 + fold_counts(n)[1]) * learning.work.left_out(n, 1), share=1 / 2):
        return _folded(learning, samples)
    return _divided(learning, samples)


def _folded(learning: Learning, samples: Samples) -> Learned:
    """Choose and learn without some folds to predict them, then choose on all samples among what was near the best."""
    n, (n_folds, _) = len(samples), fold_counts(len(samples))
    solver, search = learning.work.solver_for(n), learning.search

    def last() -> float:
        return learning.work.iterates(n, 1)

    def again() -> float:
        return learning.work.choice_again(min(n, search.rows), search.n_iterations)

    with learning.display(n, leaving_out=True) as display:
        stated = _stated(learning, samples, display, lambda: again() + last()) if n > n_folds else []
        before = [choice for _, _, choice in stated]
        if before and not learning.clock.fits(lambda: again() + last()):
            learning.clock.cut(f"kernel and settings are chosen without some of the {n:,} rows")
            choice = before[-1]
        else:
            choice = learning.chosen(samples, "iterate", display, last, _SHARE, before)
        number, iteration = choice.best(search.n_iterations)
        course = choice.courses[number]
        part = learning.reduced(samples, "the last fit", learning.seconds_of_solve)
        steps = learning.steps(part, in_turn(course.settings), iteration, course.candidate.diagonal)
        best = learning.selected(steps, display, iteration).best
    judged = _judged(samples, stated) if stated else None
    return Learned(best, part, len(course.losses) - 1, course.candidate.diagonal, solver, judged)


def _stated(learning: Learning, samples: Samples, display: Display, later: Callable[[], float]) -> _Stated:
    """As many folds as the time allows, one at least."""
    n, (n_folds, n_stating) = len(samples), fold_counts(len(samples))

    def seconds(rows: int) -> float:
        return learning.work.first_choice(rows, learning.search.n_iterations) + learning.work.left_out(n, 1)

    clock, most = learning.clock, min(n - n // n_folds, learning.search.rows)
    rows = clock.most(most, lambda rows: n_stating * seconds(rows), later=later)
    with display.part("stating the score", n_stating * learning.n_tried) as advance:

        def observe(course: Course) -> None:
            advance(len(course.losses) - 1, course.settings[-1], f"left-out loss {course.losses[-1]:.4g}")

        search = replace(learning.search, rows=rows, tuning_rows=fewer_tuning_rows, observe=observe)
        parts = search.left_out_predictions(samples, n_folds, seconds=clock.left(n_folds / n_stating, later))

        def cut(number: int) -> str:
            return f"{number} folds of {n_stating} state the score"

        def predicted(number: int) -> float:
            return seconds(rows) if number < n_stating else 0.0

        def found() -> _Stated:
            return list(clock.alone.steps(islice(parts, n_stating), predicted, cut, later=later))

        return learning.ranks.first(found, samples.inputs.device)


def _judged(samples: Samples, stated: _Stated) -> Judged:
    """The rows of all folds in their order, with their predictions."""
    own = torch.cat([rows for rows, _, _ in stated])
    order = own.argsort()
    each = [torch.cat(parts)[order] for parts in zip(*(parts for _, parts, _ in stated), strict=True)]
    return Judged(samples.part(own[order]), each, each[-1])


def _divided(learning: Learning, samples: Samples) -> Learned:
    """Learn from most samples, choose by some others, and let the rest state what that is worth."""
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(learning.search.limits.seed))
    order = order.to(samples.group)
    n_left_out = n_judging(len(samples))
    n_stating = max(1, n_left_out // 3)
    samples.read_ahead(order[: n_left_out + (learning.metric_samples or 0)])
    stating, choosing = samples.part(order[:n_stating]), samples.part(order[n_stating:n_left_out])
    learning.work.solver_for(len(samples), leave_one_out=True)  # says at once if there is no memory for any

    def last(n: int = len(samples)) -> float:
        return learning.work.solve(n, leave_one_out=True).seconds

    with learning.display(len(samples), leaving_out=True) as display:
        (candidate, *others) = learning.search.candidates
        part = samples.part(order[n_left_out:][: learning.metric_samples])
        candidate = learning.course(part, "kernel", display, last).candidate if others else candidate

        def iterates(n: int) -> float:
            return learning.work.iterates(n, UPDATES) + (UPDATES + 1) * learning.work.predicting(n_left_out, n)

        part = learning.reduced(part, "the metric", iterates, last)
        part, mean = _centered(part)
        stated: list[Tensor] = []

        def score(step: RFMStep) -> float:
            stated.append(learning.predicted(step, stating) + mean)
            return -learning.search.loss(choosing, learning.predicted(step, choosing) + mean)

        everything = torch.arange(len(choosing), device=order.device)
        rows = learning.clock.most(len(choosing), learning.work.tuning, 1 / 4, last)
        settings = tuned(choosing, [Fold(everything[:0], everything)], candidate, rows=rows)
        options: dict[str, Any] = {"later": last, "tuning_rows": rows, "judged": n_left_out}
        steps = learning.steps(part, settings, learning.search.n_iterations, candidate.diagonal, **options)
        found = learning.selected(steps, display, learning.search.n_iterations, score, early=True)
        n_whole = learning.affordable(len(samples), "the last fit", last, least=len(part))
        whole, again = samples, order[:n_stating]
        if samples.in_chunks:
            if n_whole < len(samples):
                increasing = order[:n_whole].sort().values
                whole, again = samples.part(increasing), torch.searchsorted(increasing, again[:n_whole])
        elif n_whole < len(samples) or not samples.in_place:  # a factorization leaves last rows out at little cost
            whole = samples.part(order[:n_whole].flip(0))
            again = n_whole - 1 - torch.arange(min(n_stating, n_whole), device=order.device)
        best, solver, left_out = learning.fit_leaving_out(found.best, whole, again)
    stated[best.iteration] = torch.cat([left_out, stated[best.iteration][len(again) :]])
    predictions = []
    for allowed in range(learning.search.n_iterations + 1):
        pick = max(range(len(found.scores[: allowed + 1])), key=found.scores.__getitem__)
        predictions.append(stated[pick])
    judged = Judged(stating, predictions, predictions[-1])
    return Learned(best, whole, found.last.iteration, candidate.diagonal, solver, judged)


def _centered(samples: Samples) -> tuple[Samples, Tensor]:
    """The samples about their own mean target (C,), or as they are and zero without an intercept."""
    mean = samples.mean().to(samples.targets) * samples.intercept
    return replace(samples, sample_targets=samples.sample_targets - mean), mean
