"""Learning of the metric in a fit, the choices on the way, and their worth on samples left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import torch
from rich.progress import Progress
from torch import Tensor

from agop.kernel_machine import cheapest_solver, fit_kernel_machine
from agop.kernels import KernelMatrix
from agop.rfm.choice import Course, Search
from agop.rfm.cross_fit import Fold, tuned
from agop.rfm.recursion import RFMStep, Settings, in_turn, rfm
from agop.rfm.samples import Samples
from agop.rfm.selection import PATIENCE, Clock, select_iterate, within_time
from agop.solvers import Cholesky, Solver
from agop.solvers.cross_validation import leave_one_out_residuals

__all__ = ["Judged", "Learned", "Learning"]

FOLDED_ROWS = 4000
"""Distinct rows up to which every row is left out in its turn; time grows as the third power of their number."""

STATING_FOLDS = {500: (3, 3), 2000: (5, 3), FOLDED_ROWS: (5, 1)}
"""Number of folds, and how many of them state the score, up to so many rows."""

_FEWEST = 12
"""Rows that are not divided into three parts, whatever ``metric_samples`` says."""

JUDGE_SHARE, JUDGE_ROWS = 1 / 4, 3000
"""Share and number at most of more rows that give no metric: a third of them states the score, the others choose."""


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
        The iterate that is kept, fitted to all samples.
    last_iteration
        The last one computed.
    diagonal, solver
        Whether the metric is diagonal, and how the last linear system was solved.
    judged
        Left-out predictions, if samples were left out.
    """

    best: RFMStep
    last_iteration: int
    diagonal: bool
    solver: Solver
    judged: Judged | None = None


@dataclass(frozen=True)
class Learning:
    """The parameters of a fit; see ``RFMRegressor``. The seed of the ``search`` is that of all folds and parts."""

    search: Search
    solver: Literal["auto"] | Solver
    metric_samples: int | None
    clock: Clock
    callback: Callable[[RFMStep], object] | None
    verbose: bool

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
        if len(samples) <= max(_FEWEST, min(FOLDED_ROWS, self.metric_samples or FOLDED_ROWS, self._affordable)):
            return self._folded(samples)
        return self._divided(samples)

    def _iterated(self, samples: Samples, criterion: Callable[[RFMStep], float] | None) -> tuple[Learned, bool]:
        """The last iterate, or the one with the largest criterion, and whether it was fitted again to all samples."""
        part = samples.some(self.metric_samples, self.search.limits.seed)
        first, last = self._solver(part), self._solver(samples)
        with self._progress(self.search.n_iterations + 1) as advance:
            course = self._course(part, None)
            settings, diagonal = in_turn(course.settings), course.candidate.diagonal
            steps = self._steps(part, settings, self.search.n_iterations, diagonal, first, samples)
            found = select_iterate(steps, criterion, callback=self.callback, advance=advance)
        refit = part is not samples
        best = self._fit_to_all(found.best, samples, last) if refit else found.best
        return Learned(best, found.last.iteration, diagonal, last), refit

    def _folded(self, samples: Samples) -> Learned:
        """Choose on all samples, then repeat choosing and learning without each fold to predict it."""
        n_folds, n_stating = next(counts for most, counts in STATING_FOLDS.items() if len(samples) <= most)
        solver, share = self._solver(samples), 1 / (n_stating + 1)
        rows: list[Tensor] = []
        predictions: list[list[Tensor]] = []
        with self._progress(n_stating + 2) as advance:
            choice = self.search.choose(samples, seconds=self.clock.left(share))
            advance()
            if len(samples) > n_folds:  # a fit needs two rows at least
                seconds = self.clock.left(n_stating * share)
                parts = self.search.left_out_predictions(samples, n_folds, seconds=seconds)
                for own, found in islice(parts, n_stating):
                    rows.append(own)
                    predictions.append(found)
                    advance()
            number, iteration = choice.best(self.search.n_iterations)
            course = choice.courses[number]
            diagonal = course.candidate.diagonal
            steps = self._steps(samples, in_turn(course.settings), iteration, diagonal, solver, samples)
            best = select_iterate(steps, None, callback=self.callback).best
            advance()
        judged = None
        if rows:
            order = torch.cat(rows).argsort()
            each = [torch.cat(parts)[order] for parts in zip(*predictions, strict=True)]
            judged = Judged(samples.part(torch.cat(rows)[order]), each, each[-1])
        return Learned(best, len(course.losses) - 1, diagonal, solver, judged)

    def _divided(self, samples: Samples) -> Learned:
        """Learn from most samples, choose by some others, and let the rest state what that is worth."""
        order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(self.search.limits.seed))
        order = order.to(samples.group)
        n_judge = min(JUDGE_ROWS, math.ceil(JUDGE_SHARE * len(samples)))
        rows, n_stating = order[:n_judge], max(1, n_judge // 3)
        stating, choosing = samples.part(rows[:n_stating]), samples.part(rows[n_stating:])
        part, mean = _centered(samples.part(order[n_judge:][: self.metric_samples]))
        first, last = self._solver(part), self._solver(samples, leave_one_out=True)
        stated: list[Tensor] = []

        def score(step: RFMStep) -> float:
            stated.append(self._predicted(step, stating) + mean)
            return -self.search.loss(choosing, self._predicted(step, choosing) + mean)

        with self._progress(self.search.n_iterations + 1) as advance:
            (candidate, *others) = self.search.candidates
            candidate = self._course(part, PATIENCE).candidate if others else candidate
            everything = torch.arange(len(choosing), device=rows.device)
            settings = tuned(choosing, [Fold(everything[:0], everything)], candidate, rows=len(choosing))
            steps = self._steps(part, settings, self.search.n_iterations, candidate.diagonal, first, samples)
            found = select_iterate(steps, score, patience=PATIENCE, callback=self.callback, advance=advance)
        best, left_out = self._fit_leaving_out(found.best, samples, last)
        predictions = []
        for allowed in range(self.search.n_iterations + 1):
            pick = max(range(len(found.scores[: allowed + 1])), key=found.scores.__getitem__)
            predictions.append(left_out[rows[:n_stating]] if pick == best.iteration else stated[pick])
        return Learned(
            best, found.last.iteration, candidate.diagonal, last, Judged(stating, predictions, predictions[-1])
        )

    @property
    def _affordable(self) -> int:
        """Rows whose float64 kernel matrix and factor fit the memory."""
        return FOLDED_ROWS if self.search.limits.max_memory is None else math.isqrt(self.search.limits.max_memory // 16)

    def _course(self, samples: Samples, patience: int | None) -> Course:
        """Kernel and settings by cross-fitting on some of the samples; nothing is computed where all is given."""
        (candidate, *others) = self.search.candidates
        if not others and candidate.only is not None:
            return Course(candidate, (candidate.only,), ())
        some = samples.some(min(FOLDED_ROWS, max(2, self._affordable)), self.search.limits.seed)
        choice = self.search.choose(some, patience=patience, seconds=self.clock.left(1 / 3))
        return choice.courses[choice.best(self.search.n_iterations)[0]]

    def _steps(
        self, part: Samples, settings: Settings, n_iterations: int, diagonal: bool, solver: Solver, whole: Samples
    ) -> Iterator[RFMStep]:
        """The recursion on a part, within the time that a last fit to the whole leaves."""
        steps = rfm(part, settings, n_iterations, diagonal=diagonal, solver=solver, limits=self.search.limits)
        later = 0.0
        if self.clock.budget is not None and part is not whole:
            (n, d), n_outputs = whole.inputs.shape, whole.targets.shape[1]
            later = cheapest_solver(n, d, n_outputs, max_memory=self.search.limits.max_memory).seconds
        return within_time(steps, self.clock.left(reserve=later))

    def _solver(self, samples: Samples, *, leave_one_out: bool = False) -> Solver:
        """The solver that was asked for, or the fastest; MemoryBudgetError, before any iterate, if none fits."""
        if self.solver != "auto":
            return self.solver
        if self.search.candidates[0].ridges[0] == 0:
            return Cholesky()  # the other one needs a ridge
        (n, d), n_outputs, dtype = samples.inputs.shape, samples.targets.shape[1], samples.inputs.dtype
        memory = self.search.limits.max_memory
        return cheapest_solver(n, d, n_outputs, dtype=dtype, leave_one_out=leave_one_out, max_memory=memory).solver

    def _predicted(self, step: RFMStep, samples: Samples) -> Tensor:
        return step.machine(samples.inputs, max_memory=self.search.limits.max_memory)

    def _fit_to_all(self, step: RFMStep, samples: Samples, solver: Solver, targets: Tensor | None = None) -> RFMStep:
        """An iterate with its kernel, metric and ridge, fitted to all samples; left out too where targets are given."""
        machine, shift = step.machine, step.ridge / samples.weights
        matrix = KernelMatrix(machine.kernel, samples.inputs, shift, machine.metric, self.search.limits.max_memory)
        values = samples.targets if targets is None else targets
        fit = fit_kernel_machine(matrix, values, solver, leave_one_out=targets is not None)
        return replace(step, fit=fit)

    def _fit_leaving_out(self, step: RFMStep, samples: Samples, solver: Solver) -> tuple[RFMStep, Tensor]:
        """An iterate fitted to all samples, and predictions (m, C) of each distinct row by the fit to the others."""
        step = self._fit_to_all(step, samples, solver, samples.right_hand_sides())
        residuals = leave_one_out_residuals(step.fit.solution)
        if samples.intercept:
            machine = replace(step.machine, coefficients=step.machine.coefficients[:, :-1].contiguous())
            step = replace(step, fit=replace(step.fit, machine=machine))
        return step, samples.targets.double() - samples.about_the_others(residuals)

    @contextmanager
    def _progress(self, total: int) -> Iterator[Callable[[], None]]:
        """A progress bar if that is wanted, full at the end; the function that advances it."""
        with Progress(disable=not self.verbose) as progress:
            task = progress.add_task("RFM", total=total)
            yield lambda: progress.advance(task)
            progress.update(task, completed=total)


def _centered(samples: Samples) -> tuple[Samples, Tensor]:
    """The samples about their own mean target (C,), or as they are and zero without an intercept."""
    mean = samples.mean().to(samples.targets) * samples.intercept
    return replace(samples, sample_targets=samples.sample_targets - mean), mean
