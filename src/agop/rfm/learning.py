"""Learning of the metric in a fit, the choices on the way, and their worth on samples left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from agop.kernel_machine import Fit, fit_kernel_machine
from agop.kernels import KernelMatrix
from agop.ranks import ALONE, Panels, Ranks
from agop.rfm.choice import Choice, Course, Extent, Search
from agop.rfm.clock import Clock
from agop.rfm.cost import Work, fit_cost
from agop.rfm.cross_fit import Fold, tuned
from agop.rfm.display import Display
from agop.rfm.division import affordable_rows, fold_counts, folded, n_judging
from agop.rfm.recursion import Limits, RFMStep, Settings, in_turn, rfm
from agop.rfm.samples import Samples
from agop.rfm.selection import Selected, select_iterate
from agop.rfm.tuning import Setting
from agop.solvers import Solver

__all__ = ["Judged", "Learned", "Learning"]

_UPDATES = 2
"""AGOP updates for which a time budget must have room, else they are taken over fewer rows."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Samples with predictions that do not depend on their targets.

    Attributes
    ----------
    samples
        Samples that were left out.
    predictions
        (m, C) at their inputs, for each number of AGOP updates.
    kept
        (m, C) of what is kept.
    """

    samples: Samples
    predictions: list[Tensor]
    kept: Tensor


@dataclass(frozen=True, eq=False)
class Learned:
    """The outcome of a fit.

    Attributes
    ----------
    best
        The iterate that is kept, fitted to all samples, or to as many as the time allows.
    samples
        Samples that it was fitted to.
    last_iteration
        The last one computed.
    diagonal, solver
        Whether the metric is diagonal, and how the last linear system was solved.
    judged
        Left-out predictions, if samples were left out.
    """

    best: RFMStep
    samples: Samples
    last_iteration: int
    diagonal: bool
    solver: Solver
    judged: Judged | None = None


@dataclass(frozen=True)
class Learning:
    """The parameters of a fit; see ``RFMRegressor``. The seed of the ``search`` is that of all folds and parts.

    Ranks share the iterates, the predictions and the last solve; what is chosen by few rows, the first one chooses.
    """

    search: Search
    work: Work
    metric_samples: int | None
    clock: Clock
    callback: Callable[[RFMStep], object] | None
    verbose: int
    ranks: Ranks = ALONE

    def to_the_end(self, samples: Samples) -> Learned:
        """The last iterate."""
        return self._iterated(samples, None)[0]

    def by_validation(self, samples: Samples, held_out: Samples, score: Callable[[Tensor], float]) -> Learned:
        """The iterate with the largest score of its predictions (m, C) at the inputs of other samples."""
        predictions: list[Tensor] = []

        def criterion(step: RFMStep) -> float:
            predictions.append(self._predicted(step, held_out))
            return score(predictions[-1])

        learned, refitted = self._iterated(samples, criterion)
        kept = self._predicted(learned.best, held_out) if refitted else predictions[learned.best.iteration]
        return replace(learned, judged=Judged(held_out, predictions, kept))

    def by_leaving_out(self, samples: Samples) -> Learned:
        """The iterate with the smallest left-out error, with left-out predictions by the same procedure."""
        n = len(samples)
        few = folded(n, self.metric_samples, self.search.limits.max_memory)
        if few and self.clock.fits(lambda: (1 + fold_counts(n)[1]) * self.work.left_out(n, 1), share=1 / 2):
            return self._folded(samples)
        return self._divided(samples)

    def _iterated(self, samples: Samples, criterion: Callable[[RFMStep], float] | None) -> tuple[Learned, bool]:
        """The last iterate, or the one with the largest criterion, and whether it was fitted again to all samples."""
        part = samples.some(self.metric_samples, self.search.limits.seed)
        refit, n_iterations = part is not samples, self.search.n_iterations
        solver = self.work.solver_for(len(samples))

        def last() -> float:
            return self.work.solve(len(samples)).seconds if refit else 0.0

        with self._display(len(samples), leaving_out=False) as display:
            course = self._course(part, "all", display, last)
            part = self._reduced(part, "the metric", lambda n: self.work.iterates(n, refit * _UPDATES), last)
            steps = self._steps(part, in_turn(course.settings), n_iterations, course.candidate.diagonal, last)
            found = self._selected(steps, display, n_iterations, criterion)
            best, learned_from = found.best, part
            if refit:
                n_whole = self._affordable(len(samples), "the last fit", self._seconds_of_solve, least=len(part))
                whole = samples.some(n_whole, self.search.limits.seed)
                (best, solver), learned_from = self._fit_to_all(found.best, whole), whole
        return Learned(best, learned_from, found.last.iteration, course.candidate.diagonal, solver), refit

    def _folded(self, samples: Samples) -> Learned:
        """Choose on all samples, then repeat choosing and learning without each fold to predict it."""
        n, (n_folds, n_stating) = len(samples), fold_counts(len(samples))
        solver = self.work.solver_for(n)
        with self._display(n, leaving_out=True) as display:
            choice = self._chosen(
                samples, "iterate", display, lambda: (1 + n_stating) * self.work.left_out(n, 1), 1 / (1 + n_stating)
            )
            number, iteration = choice.best(self.search.n_iterations)
            course = choice.courses[number]
            part = self._reduced(samples, "the last fit", self._seconds_of_solve)
            steps = self._steps(part, in_turn(course.settings), iteration, course.candidate.diagonal)
            best = self._selected(steps, display, iteration).best
            judged = self._stated(samples, n_folds, n_stating, iteration, display) if n > n_folds else None
        return Learned(best, part, len(course.losses) - 1, course.candidate.diagonal, solver, judged)

    def _stated(self, samples: Samples, n_folds: int, n_stating: int, updates: int, display: Display) -> Judged | None:
        """Predictions of some folds, by fits that have not seen them: of as many as the time allows."""

        def seconds(rows: int) -> float:
            return self.work.choice(rows, self.search.n_iterations) + self.work.left_out(len(samples), updates)

        rows = self.clock.most(min(len(samples), self.search.rows), lambda rows: n_stating * seconds(rows))
        with display.part("stating the score", n_stating * self._n_tried) as advance:
            search = replace(self.search, rows=rows, observe=lambda _: advance())
            parts = search.left_out_predictions(samples, n_folds, seconds=self.clock.left())

            def cut(number: int) -> str:
                return f"{number} folds of {n_stating} state the score"

            found = self.ranks.first(
                lambda: list(self.clock.steps(islice(parts, n_stating), lambda _: seconds(rows), cut, least=0)),
                samples.inputs.device,
            )
        if not found:
            return None
        own = torch.cat([rows for rows, _ in found])
        order = own.argsort()
        each = [torch.cat(parts)[order] for parts in zip(*(parts for _, parts in found), strict=True)]
        return Judged(samples.part(own[order]), each, each[-1])

    def _divided(self, samples: Samples) -> Learned:
        """Learn from most samples, choose by some others, and let the rest state what that is worth."""
        order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(self.search.limits.seed))
        order = order.to(samples.group)
        n_left_out = n_judging(len(samples))
        n_stating = max(1, n_left_out // 3)
        stating, choosing = samples.part(order[:n_stating]), samples.part(order[n_stating:n_left_out])
        self.work.solver_for(len(samples), leave_one_out=True)  # says at once if there is no memory for any

        def last(n: int = len(samples)) -> float:
            return self.work.solve(n, leave_one_out=True).seconds

        with self._display(len(samples), leaving_out=True) as display:
            (candidate, *others) = self.search.candidates
            part = samples.part(order[n_left_out:][: self.metric_samples])
            candidate = self._course(part, "kernel", display, last).candidate if others else candidate
            part = self._reduced(part, "the metric", lambda n: self.work.iterates(n, _UPDATES), last)
            part, mean = _centered(part)
            stated: list[Tensor] = []

            def score(step: RFMStep) -> float:
                stated.append(self._predicted(step, stating) + mean)
                return -self.search.loss(choosing, self._predicted(step, choosing) + mean)

            everything = torch.arange(len(choosing), device=order.device)
            rows = self.clock.most(len(choosing), self.work.tuning, 1 / 4, last)
            settings = tuned(choosing, [Fold(everything[:0], everything)], candidate, rows=rows)
            steps = self._steps(part, settings, self.search.n_iterations, candidate.diagonal, last, tuning_rows=rows)
            found = self._selected(steps, display, self.search.n_iterations, score, early=True)
            n_whole = self._affordable(len(samples), "the last fit", last, least=len(part))
            whole, again = samples, order[:n_stating]
            if n_whole < len(samples) or not samples.in_place:  # a factorization leaves last rows out at little cost
                whole = samples.part(order[:n_whole].flip(0))
                again = n_whole - 1 - torch.arange(min(n_stating, n_whole), device=order.device)
            best, solver, left_out = self._fit_leaving_out(found.best, whole, again)
        stated[best.iteration] = torch.cat([left_out, stated[best.iteration][len(again) :]])
        predictions = []
        for allowed in range(self.search.n_iterations + 1):
            pick = max(range(len(found.scores[: allowed + 1])), key=found.scores.__getitem__)
            predictions.append(stated[pick])
        judged = Judged(stating, predictions, predictions[-1])
        return Learned(best, whole, found.last.iteration, candidate.diagonal, solver, judged)

    def _course(self, samples: Samples, extent: Extent, display: Display, later: Callable[[], float]) -> Course:
        """Kernel and settings by cross-fitting on some of the samples; nothing is computed where all is given."""
        (candidate, *others) = self.search.candidates
        if not others and candidate.only is not None:
            return Course(candidate, (candidate.only,), ())
        rows = max(2, min(self.search.rows, affordable_rows(self.search.limits.max_memory)))
        choice = self._chosen(samples.some(rows, self.search.limits.seed), extent, display, later, 1 / 3)
        return choice.courses[choice.best(self.search.n_iterations)[0]]

    def _chosen(
        self,
        samples: Samples,
        extent: Extent,
        display: Display,
        later: Callable[[], float],
        share: float,
    ) -> Choice:
        """A choice by as many of the samples as a share of the time allows."""
        n_iterations = self.search.n_iterations
        most = min(len(samples), self.search.rows)
        rows = self.clock.most(most, lambda n: self.work.choice(n, n_iterations), share, later)
        if rows < most:
            self.clock.cut(f"{rows:,} rows choose kernel and settings, not {most:,}")
        with display.part("choosing", self._n_tried) as advance:

            def observe(course: Course) -> None:
                advance(len(course.losses) - 1, course.settings[-1], course.losses[-1])

            search = replace(self.search, rows=rows, observe=observe)
            with self.clock.measured(lambda: self.work.tried(rows) * sum(len(c.losses) for c in choice.courses)):
                seconds = self.clock.left(share, later)
                choice = self.ranks.first(lambda: search.choose(samples, extent, seconds=seconds))
        return choice

    def _seconds_of_solve(self, n: int) -> float:
        return self.work.solve(n).seconds

    @property
    def _n_tried(self) -> int:
        """Iterates that a choice tries, as seen on tables."""
        return self.work.n_tried(self.search.n_iterations)

    def _affordable(
        self,
        n: int,
        what: str,
        seconds: Callable[[int], float],
        later: Callable[[], float] = lambda: 0.0,
        least: int = 0,
    ) -> int:
        """As many of n rows as there is time for, and as many as ``least`` in any case."""
        rows = max(self.clock.most(n, seconds, later=later), min(least, n))
        if rows < n:
            self.clock.cut(f"{what} has {rows:,} rows of {n:,}")
        return rows

    def _reduced(
        self, samples: Samples, what: str, seconds: Callable[[int], float], later: Callable[[], float] = lambda: 0.0
    ) -> Samples:
        """As many random samples as there is time for."""
        return samples.some(self._affordable(len(samples), what, seconds, later), self.search.limits.seed)

    def _steps(
        self,
        part: Samples,
        settings: Settings,
        n_iterations: int,
        diagonal: bool,
        later: Callable[[], float] = lambda: 0.0,
        tuning_rows: int = 0,
    ) -> Iterator[RFMStep]:
        """The recursion on a part, within the time that later work leaves."""
        limits, solver = self._limits, self.work.solver_for(len(part))

        def seconds(iteration: int) -> float:
            first = self._seconds_of_solve(len(part)) + self.work.tuning(tuning_rows)
            return first + (iteration > 0) * self.work.agop(len(part), limits.agop_samples)

        steps = rfm(part, settings, n_iterations, diagonal=diagonal, solver=solver, limits=limits)

        def cut(number: int) -> str:
            return f"iterate {number - 1} is the last one computed, of up to {n_iterations}"

        return self.clock.steps(steps, seconds, cut, later=later)

    def _selected(
        self,
        steps: Iterator[RFMStep],
        display: Display,
        n_iterations: int,
        criterion: Callable[[RFMStep], float] | None = None,
        *,
        early: bool = False,
    ) -> Selected:
        """The iterate that is kept, with a line on each."""
        with display.part("learning", n_iterations + 1) as advance:

            def shown(step: RFMStep, score: float | None) -> None:
                setting = Setting(step.machine.kernel, step.ridge, power=step.power)
                advance(step.iteration, setting, None if score is None else -score)

            options: dict[str, Any] = {"early": early, "callback": self.callback, "ranks": self.ranks}
            return select_iterate(steps, criterion, advance=shown, **options)

    def _display(self, n: int, *, leaving_out: bool) -> Display:
        """The bar of a fit, with parts as long as they are predicted to take."""

        def parts() -> dict[str, float]:
            cost = fit_cost(self.work, self.search, n, self.metric_samples, leaving_out=leaving_out)
            return {"choosing": cost.choosing, "learning": cost.learning, "stating the score": cost.stating}

        return Display(self.verbose, parts)

    @property
    def _limits(self) -> Limits:
        """Limits of what all ranks do together."""
        return replace(self.search.limits, ranks=self.ranks)

    def _predicted(self, step: RFMStep, samples: Samples) -> Tensor:
        panels = Panels.of(len(samples), self.ranks)
        own = step.machine(panels.own_part(samples.inputs), max_memory=self.search.limits.max_memory)
        return panels.gathered(own)

    def _fit_to_all(self, step: RFMStep, samples: Samples) -> tuple[RFMStep, Solver]:
        """An iterate with its kernel, metric and ridge, fitted to samples."""
        fit, solver = self._solved(step, samples, samples.targets)
        return replace(step, fit=fit), solver

    def _fit_leaving_out(self, step: RFMStep, samples: Samples, rows: Tensor) -> tuple[RFMStep, Solver, Tensor]:
        """An iterate fitted to samples, and predictions (v, C) of some distinct rows, each by the fit to the others."""
        fit, solver = self._solved(step, samples, samples.right_hand_sides(), rows)
        assert fit.solution.left_out is not None  # noqa: S101 - it was asked for
        residuals = samples.about_the_others(fit.solution.left_out, rows)
        if samples.intercept:
            machine = replace(fit.machine, coefficients=fit.machine.coefficients[:, :-1].contiguous())
            fit = replace(fit, machine=machine)
        return replace(step, fit=fit), solver, samples.targets[rows].double() - residuals

    def _solved(
        self, step: RFMStep, samples: Samples, targets: Tensor, left_out: Tensor | None = None
    ) -> tuple[Fit, Solver]:
        """The system of an iterate over samples, solved by all ranks, and the solver that was chosen."""
        solver = self.work.solver_for(len(samples), leave_one_out=left_out is not None)
        machine, shift = step.machine, step.ridge / samples.weights
        matrix = KernelMatrix(machine.kernel, samples.inputs, shift, machine.metric, self.search.limits.max_memory)
        together = self._limits.solver(solver, len(samples))
        return fit_kernel_machine(matrix, targets, together, left_out=left_out), solver


def _centered(samples: Samples) -> tuple[Samples, Tensor]:
    """The samples about their own mean target (C,), or as they are and zero without an intercept."""
    mean = samples.mean().to(samples.targets) * samples.intercept
    return replace(samples, sample_targets=samples.sample_targets - mean), mean
