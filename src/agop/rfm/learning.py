"""How a fit learns its metric and what it chooses on the way, and what that is worth on samples left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import torch
from rich.progress import Progress
from torch import Tensor

from agop.kernel_machine import Solver, cheapest_solver, fit_kernel_machine
from agop.kernels import Metric
from agop.rfm.budget import within_time
from agop.rfm.choice import PATIENCE, Course, Loss, choose, left_out_predictions
from agop.rfm.choices import solver_for
from agop.rfm.cross_fit import Candidate, Fold, tuned
from agop.rfm.learned import Clock, Judged, Learned
from agop.rfm.problem import Problem
from agop.rfm.recursion import RFMStep, rfm
from agop.rfm.samples import DistinctSamples
from agop.rfm.selection import select_iterate
from agop.rfm.tuning import Setting, Tuner
from agop.solvers.cross_validation import leave_one_out_residuals

__all__ = ["Learning"]

FOLDED_ROWS = 4000
"""Distinct rows up to which every row is left out in its turn; time grows as the third power of their number."""

STATING_FOLDS = {500: (3, 3), 2000: (5, 3), FOLDED_ROWS: (5, 1)}
"""Up to so many rows: number of folds, and how many of them state the score."""

_FEWEST = 12
"""Rows that are not divided into three parts, whatever ``metric_samples`` says."""

JUDGE_SHARE, JUDGE_ROWS = 1 / 4, 3000
"""Of more rows, those that no metric is learned from: a third of them states the score, the others choose."""


@dataclass(frozen=True)
class Learning:
    """The parameters of a fit; see ``RFMRegressor``. ``seed`` is that of all folds and parts."""

    candidates: Sequence[Candidate]
    n_iterations: int
    loss: Loss
    intercept: bool
    solver: Literal["auto"] | Solver
    metric_samples: int | None
    agop_samples: int | None
    max_memory: int | None
    seed: int
    clock: Clock
    callback: Callable[[RFMStep], object] | None
    verbose: bool

    def to_the_end(self, problem: Problem) -> Learned:
        """The last iterate."""
        return self._selected(problem, None)

    def by_validation(self, problem: Problem, score: Callable[[RFMStep], float]) -> Learned:
        """The iterate with the largest score."""
        return self._selected(problem, score)

    def by_leaving_out(self, problem: Problem) -> Learned:
        """The iterate with the smallest left-out error, with left-out predictions by the same procedure."""
        if len(problem) <= max(_FEWEST, min(FOLDED_ROWS, self.metric_samples or FOLDED_ROWS, self._affordable)):
            return self._folded(problem)
        return self._split(problem)

    def _selected(self, problem: Problem, score: Callable[[RFMStep], float] | None) -> Learned:
        part = problem.part(self.metric_samples, self.seed)
        first, last = self._solver(part), self._solver(problem)
        with self._progress(self.n_iterations + 1) as advance:
            course = self._course(part, None)
            steps = self._steps(part, course.candidate, course.settings, self.n_iterations, first, problem)
            found = select_iterate(steps, score, callback=self.callback, advance=advance)
        best = found.best if part is problem else self._fit_to_all(found.best, problem, last)
        return Learned(best, found.last.iteration, course.candidate.metric, last, found.scores)

    def _folded(self, problem: Problem) -> Learned:
        """Choose on all samples, then repeat choosing and learning without each fold to predict it."""
        samples, limits = problem.samples(intercept=self.intercept), self._limits
        n_folds, n_stating = next(counts for most, counts in STATING_FOLDS.items() if len(problem) <= most)
        solver, parts = self._solver(problem), []
        with self._progress(n_stating + 2) as advance:
            share = 1 / (n_stating + 1)
            seconds = self.clock.left(share)
            choice = choose(samples, self.candidates, self.n_iterations, loss=self.loss, seconds=seconds, **limits)
            advance()
            if len(problem) > n_folds:  # a fit needs two rows at least
                seconds = self.clock.left(n_stating * share)
                left_out = left_out_predictions(
                    samples, self.candidates, self.n_iterations, n_folds, loss=self.loss, seconds=seconds, **limits
                )
                for part in islice(left_out, n_stating):
                    parts.append(part)
                    advance()
            number, iteration = choice.best(self.n_iterations)
            course = choice.courses[number]
            steps = self._steps(problem, course.candidate, course.settings, iteration, solver, problem)
            found = select_iterate(steps, None, callback=self.callback)
            advance()
        return Learned(
            found.best,
            len(course.losses) - 1,
            course.candidate.metric,
            solver,
            judged=Judged.of(problem, parts) if parts else None,
        )

    def _split(self, problem: Problem) -> Learned:
        """Learn from most samples, choose by some others, and let the rest state what that is worth."""
        order = torch.randperm(len(problem), generator=torch.Generator().manual_seed(self.seed))
        order = order.to(problem.centers.device)
        n_judge = min(JUDGE_ROWS, math.ceil(JUDGE_SHARE * len(problem)))
        rows, n_stating = order[:n_judge], max(1, n_judge // 3)
        stating, choosing = problem.at(rows[:n_stating]), problem.at(rows[n_stating:]).samples(intercept=self.intercept)
        part, mean = self._centered(problem.at(order[n_judge:][: self.metric_samples]))
        first, last = self._solver(part), self._solver(problem, leave_one_out=True)
        stated: list[Tensor] = []
        predictions: list[Tensor] = []

        def score(step: RFMStep) -> float:
            stated.append(step.machine(stating.centers, max_memory=self.max_memory) + mean)
            return -self.loss(choosing, step.machine(choosing.inputs, max_memory=self.max_memory) + mean)

        with self._progress(self.n_iterations + 1) as advance:
            candidate = self._course(part, PATIENCE).candidate if len(self.candidates) > 1 else self.candidates[0]
            steps = self._steps(part, candidate, _tuning(choosing, candidate.tuner), self.n_iterations, first, problem)
            found = select_iterate(steps, score, patience=PATIENCE, callback=self.callback, advance=advance)
        best, left_out = self._fit_leaving_out(found.best, problem, last)
        for allowed in range(self.n_iterations + 1):
            pick = max(range(len(found.scores[: allowed + 1])), key=found.scores.__getitem__)
            predictions.append(left_out[rows[:n_stating]] if pick == best.iteration else stated[pick])
        return Learned(best, found.last.iteration, candidate.metric, last, judged=Judged(stating, predictions))

    def _centered(self, problem: Problem) -> tuple[Problem, Tensor]:
        """The samples about their own mean target (C,), or as they are and zero."""
        mean = problem.samples(intercept=True).mean().to(problem.targets) * self.intercept
        return replace(problem, targets=problem.targets - mean), mean

    @property
    def _limits(self) -> dict[str, Any]:
        return {"agop_samples": self.agop_samples, "seed": self.seed, "max_memory": self.max_memory}

    @property
    def _affordable(self) -> int:
        """Rows whose float64 kernel matrix and factor fit the memory."""
        return FOLDED_ROWS if self.max_memory is None else math.isqrt(self.max_memory // 16)

    def _course(self, problem: Problem, patience: int | None) -> Course:
        """Kernel and settings by cross-fitting on some of the samples; nothing is computed where all is given."""
        (candidate, *others) = self.candidates
        if not others and candidate.tuner.choices == 1:
            return Course(candidate, (candidate.tuner.first,), ())
        some = problem.part(min(FOLDED_ROWS, max(2, self._affordable)), self.seed).samples(intercept=self.intercept)
        seconds = self.clock.left(1 / 3)
        limits = {"loss": self.loss, "patience": patience, "seconds": seconds, **self._limits}
        choice = choose(some, self.candidates, self.n_iterations, **limits)
        return choice.courses[choice.best(self.n_iterations)[0]]

    def _steps(
        self,
        part: Problem,
        candidate: Candidate,
        settings: Sequence[Setting] | Callable[[Metric | None], Setting],
        n_iterations: int,
        solver: Solver,
        whole: Problem,
    ) -> Iterator[RFMStep]:
        """The recursion on a part, within the time that a last fit to the whole leaves."""
        steps = rfm(
            part.centers,
            part.means,
            kernel=candidate.tuner.kernel,
            n_iterations=n_iterations,
            metric=candidate.metric,
            weights=part.rows.total_weights,
            settings=settings,
            solver=solver,
            agop_samples=self.agop_samples,
            seed=self.seed,
            max_memory=self.max_memory,
        )
        later = 0.0
        if self.clock.budget is not None and part is not whole:
            (n, d), n_outputs = whole.centers.shape, whole.means.shape[1]
            later = cheapest_solver(n, d, n_outputs, max_memory=self.max_memory).seconds
        return within_time(steps, self.clock.left(reserve=later))

    def _solver(self, problem: Problem, *, leave_one_out: bool = False) -> Solver:
        """The solver of a problem; MemoryBudgetError, before any iterate, if "auto" finds none that fits."""
        return solver_for(
            self.solver,
            problem.centers,
            problem.means.shape[1],
            ridge=self.candidates[0].tuner.ridges[0],
            leave_one_out=leave_one_out,
            max_memory=self.max_memory,
        )

    def _fit_to_all(self, step: RFMStep, problem: Problem, solver: Solver, targets: Tensor | None = None) -> RFMStep:
        """An iterate with its kernel, metric and ridge, fitted to all samples; left out too where targets are given."""
        fit = fit_kernel_machine(
            step.machine.kernel,
            problem.centers,
            problem.means if targets is None else targets,
            ridge=step.fit.ridge,
            metric=step.machine.metric,
            weights=problem.rows.total_weights,
            solver=solver,
            max_memory=self.max_memory,
            leave_one_out=targets is not None,
        )
        return replace(step, fit=fit)

    def _fit_leaving_out(self, step: RFMStep, problem: Problem, solver: Solver) -> tuple[RFMStep, Tensor]:
        """An iterate fitted to all samples, and predictions (m, C) of each distinct row by the fit to the others."""
        samples = problem.samples(intercept=self.intercept)
        step = self._fit_to_all(step, problem, solver, samples.right_hand_sides())
        assert step.fit.inverse_diagonal is not None  # it was asked for  # noqa: S101
        residuals = leave_one_out_residuals(step.machine.coefficients, step.fit.inverse_diagonal)
        if self.intercept:
            machine = replace(step.machine, coefficients=step.machine.coefficients[:, :-1].contiguous())
            step = replace(step, fit=replace(step.fit, machine=machine))
        return step, problem.means.double() - samples.about_the_others(residuals)

    @contextmanager
    def _progress(self, total: int) -> Iterator[Callable[[], None]]:
        """A progress bar if that is wanted, full at the end; what advances it."""
        with Progress(disable=not self.verbose) as progress:
            task = progress.add_task("RFM", total=total)
            yield lambda: progress.advance(task)
            progress.update(task, completed=total)


def _tuning(samples: DistinctSamples, tuner: Tuner) -> Callable[[Metric | None], Setting]:
    """Bandwidth and ridge as a function of a metric that was not learned from the samples: by leave-one-out of them."""
    rows = torch.arange(len(samples), device=samples.inputs.device)
    last: Setting | None = None

    def setting(metric: Metric | None) -> Setting:
        nonlocal last
        last = tuned(samples, [Fold(rows[:0], rows)], [metric], tuner, last, rows=len(samples))
        return last

    return setting
