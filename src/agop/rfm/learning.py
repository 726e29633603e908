"""Pieces of a fit: the choice of a kernel, iterates within the time there is, and the last solve."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from agop.kernel_machine import Fit, fit_kernel_machine
from agop.kernels import KernelMatrix
from agop.ranks import ALONE, Panels, Ranks
from agop.rfm.choice import Extent, Search
from agop.rfm.clock import Clock
from agop.rfm.cost import Work, fit_cost
from agop.rfm.course import Choice, Course
from agop.rfm.display import Display
from agop.rfm.division import FOLDED_ROWS, affordable_rows
from agop.rfm.recursion import Limits, RFMStep, Settings, rfm
from agop.rfm.samples import Samples
from agop.rfm.selection import Selected, select_iterate
from agop.rfm.tuning import Setting
from agop.solvers import Nystrom, Solver

__all__ = ["UPDATES", "Learning"]

UPDATES = 2
"""AGOP updates for which a time budget must have room, else they are taken over fewer rows."""


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

    def reads_forward(self, n: int) -> bool:
        """Whether a fit to n samples needs few of them together, and reads the others in their order."""
        solver, (candidate, *_) = self.work.solver, self.search.candidates
        if self.metric_samples is None or candidate.ridges[0] == 0 or n <= max(self.metric_samples, FOLDED_ROWS):
            return False
        return solver == "auto" or (isinstance(solver, Nystrom) and n > solver.n_centers)

    def course(self, samples: Samples, extent: Extent, display: Display, later: Callable[[], float]) -> Course:
        """Kernel and settings by cross-fitting on some of the samples; nothing is computed where all is given."""
        (candidate, *others) = self.search.candidates
        if not others and candidate.only is not None:
            return Course(candidate, (candidate.only,), ())
        rows = max(2, min(self.search.rows, affordable_rows(self.search.limits.max_memory)))
        choice = self.chosen(samples.some(rows, self.search.limits.seed), extent, display, later, 1 / 3)
        return choice.courses[choice.best(self.search.n_iterations)[0]]

    def chosen(
        self,
        samples: Samples,
        extent: Extent,
        display: Display,
        later: Callable[[], float],
        share: float,
        before: Sequence[Choice] = (),
    ) -> Choice:
        """A choice by as many of the samples as a share of the time allows, after those by parts of them."""
        n_iterations, most = self.search.n_iterations, min(len(samples), self.search.rows)
        whole = self.work.choice_again if before else self.work.choice
        each = self.work.tried_again if before else self.work.tried
        rows = self.clock.most(most, lambda n: whole(n, n_iterations), share, later)
        if rows < most:
            self.clock.cut(f"{rows:,} rows choose kernel and settings, not {most:,}")
        with display.part("choosing", self.n_tried) as advance:

            def observe(course: Course) -> None:
                advance(len(course.losses) - 1, course.settings[-1], f"left-out loss {course.losses[-1]:.4g}")

            search = replace(self.search, rows=rows, observe=observe)
            with self.clock.measured(lambda: each(rows) * sum(len(c.losses) for c in choice.courses)):
                seconds = self.clock.left(share, later)
                choice = self.ranks.first(lambda: search.choose(samples, extent, seconds=seconds, before=before))
        return choice

    def seconds_of_solve(self, n: int) -> float:
        """Predicted seconds of a solve with n samples."""
        return self.work.solve(n).seconds

    @property
    def n_tried(self) -> int:
        """Iterates that a choice tries, as seen on tables."""
        return self.work.n_tried(self.search.n_iterations)

    def affordable(
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

    def reduced(
        self, samples: Samples, what: str, seconds: Callable[[int], float], later: Callable[[], float] = lambda: 0.0
    ) -> Samples:
        """As many random samples as there is time for."""
        return samples.some(self.affordable(len(samples), what, seconds, later), self.search.limits.seed)

    def steps(
        self,
        part: Samples,
        settings: Settings,
        n_iterations: int,
        diagonal: bool,
        later: Callable[[], float] = lambda: 0.0,
        tuning_rows: int = 0,
        judged: int = 0,
    ) -> Iterator[RFMStep]:
        """The recursion on a part, within the time that later work leaves; each iterate predicts the judged rows."""
        limits, solver = self._limits, self.work.solver_for(len(part))

        def seconds(iteration: int) -> float:
            first = self.seconds_of_solve(len(part)) + self.work.tuning(tuning_rows)
            first += self.work.predicting(judged, len(part))
            return first + (iteration > 0) * self.work.agop(len(part), limits.agop_samples)

        steps = rfm(part, settings, n_iterations, diagonal=diagonal, solver=solver, limits=limits)

        def cut(number: int) -> str:
            return f"iterate {number - 1} is the last one computed, of up to {n_iterations}"

        return self.clock.steps(steps, seconds, cut, later=later)

    def selected(
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
                judged = ""
                if score is not None:
                    judged = f"left-out loss {-score:.4g}" if early else f"validation score {score:.4g}"
                advance(step.iteration, setting, judged)

            options: dict[str, Any] = {"early": early, "callback": self.callback, "ranks": self.ranks}
            return select_iterate(steps, criterion, advance=shown, **options)

    def display(self, n: int, *, leaving_out: bool) -> Display:
        """The bar of a fit, with parts as long as they are predicted to take."""

        def parts() -> dict[str, float]:
            cost = fit_cost(self.work, self.search, n, self.metric_samples, leaving_out=leaving_out)
            return {"choosing": cost.choosing, "learning": cost.learning, "stating the score": cost.stating}

        return Display(self.verbose, parts)

    @property
    def _limits(self) -> Limits:
        """Limits of what all ranks do together."""
        return replace(self.search.limits, ranks=self.ranks)

    def predicted(self, step: RFMStep, samples: Samples) -> Tensor:
        """Predictions (m, C) of an iterate at the inputs of samples, of which each rank makes its part."""
        panels = Panels.of(len(samples), self.ranks)
        own = step.machine(panels.own_part(samples.inputs), max_memory=self.search.limits.max_memory)
        return panels.gathered(own)

    def fit_to_all(self, step: RFMStep, samples: Samples) -> tuple[RFMStep, Solver]:
        """An iterate with its kernel, metric and ridge, fitted to samples."""
        fit, solver = self._solved(step, samples, samples.targets)
        return replace(step, fit=fit), solver

    def fit_leaving_out(self, step: RFMStep, samples: Samples, rows: Tensor) -> tuple[RFMStep, Solver, Tensor]:
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
        if samples.in_chunks and not (isinstance(solver, Nystrom) and solver.n_centers < len(samples)):
            solver = Nystrom()
        machine, shift = step.machine, step.ridge / samples.weights
        matrix = KernelMatrix(machine.kernel, samples.inputs, shift, machine.metric, self.search.limits.max_memory)
        together = self._limits.solver(solver, len(samples))
        return fit_kernel_machine(matrix, targets, together, left_out=left_out), solver
