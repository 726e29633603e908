"""Cost of a fit before it starts: how long its choices, its iterates and its last solve will take."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch

from agop.kernel_machine import SolvePlan, cheapest_solver, multiply_adds_per_second, solve_plan
from agop.rfm.choice import Search
from agop.rfm.cross_fit import fewer_tuning_rows, tuning_rows
from agop.rfm.division import fold_counts, folded, n_judging
from agop.rfm.rates import per_pair
from agop.rfm.tuning import Candidate
from agop.solvers import Cholesky, Solver

__all__ = ["FitCost", "Work", "fit_cost"]

_TRIED_ITERATES, _ITERATES = 2.5, 4
"""Iterates of a kernel in a choice, and of the recursion until one brings little, as seen on tables."""

_UPDATES = 2
"""AGOP updates of the iterate that is kept, as seen on tables."""

_LEFT_OUT = 1.3
"""Time of iterates with left-out predictions beside that of iterates without."""

_TUNING = 16
"""Settings that are tried for each iterate, as seen on tables."""

_AGAIN, _AGAIN_ITERATES = 0.7, 4
"""Share of the settings that are tried, and iterates over all kernels, after choices by parts of the rows."""

_TRIED, _TRIED_PAIR, _TRIED_CUBE = 2e7, 500.0, 0.22
"""Multiply-adds of a setting that is tried on n rows: at least, for each of n^2 pairs, and for each of n^3."""

_WIDE = 1.8
"""Time of a product over pairs in float64 beside one in float32."""


@dataclass(frozen=True)
class FitCost:
    """Predicted time of the parts of a fit, and its memory.

    Attributes
    ----------
    choosing
        Seconds of the choice of kernel, bandwidth, ridge and power.
    learning
        Seconds of the iterates, without the last solve.
    solving
        Seconds of the last solve, to all samples.
    stating
        Seconds of what the stated score takes beyond that: choices and iterates without some of the samples.
    solver
        Solver of the last linear system.
    bytes
        Predicted memory for matrices over pairs of samples.

    Examples
    --------
    >>> from agop import Laplace, RFMRegressor
    >>> cost = RFMRegressor(Laplace(10.0), ridge=0.1).predicted_cost(n_samples=5000, n_features=20)
    >>> cost.solver, cost.bytes
    (Cholesky(max_jitter=1e-08), 200000000)
    """

    choosing: float
    learning: float
    solving: float
    stating: float
    solver: Solver
    bytes: int

    @property
    def seconds(self) -> float:
        """Predicted time of the fit on cores without other work; choices make it vary by a factor of two."""
        return self.choosing + self.learning + self.solving + self.stating


@dataclass(frozen=True, eq=False)
class Work:
    """Predicted seconds of the pieces of a fit, on cores without other work.

    Kernel values and gradients are timed once on a few hundred rows of normal numbers; matrix products say how fast
    the cores are.

    Attributes
    ----------
    candidates
        Kernels with what is chosen of them, one or more.
    shape
        Features and outputs (d, C).
    dtype
        Data type of the inputs.
    solver
        The solver, or "auto".
    max_memory
        Bytes for the matrices over pairs; None for no limit.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> work = Work([Candidate(Laplace(2.0), ridges=(0.1,))], (5, 1))
    >>> work.tuning(1000), work.solve(1000).solver
    (0.0, Cholesky(max_jitter=1e-08))
    >>> work.solve(4000).seconds > work.solve(1000).seconds
    True
    """

    candidates: Sequence[Candidate]
    shape: tuple[int, int]
    dtype: torch.dtype = torch.float64
    solver: Literal["auto"] | Solver = "auto"
    max_memory: int | None = None

    def solver_for(self, n: int, *, leave_one_out: bool = False) -> Solver:
        """The solver that was asked for, or the fastest; MemoryBudgetError if none fits the memory."""
        if self.solver != "auto":
            return self.solver
        if self.candidates[0].ridges[0] == 0:
            return Cholesky()  # the other one needs a ridge
        return cheapest_solver(n, *self.shape, **self._options(leave_one_out)).solver

    def solve(self, n: int, *, leave_one_out: bool = False) -> SolvePlan:
        """A solve with n samples; MemoryBudgetError if no solver fits the memory."""
        value, _ = self._per_pair
        solver = self.solver_for(n, leave_one_out=leave_one_out)
        return solve_plan(solver, n, *self.shape, **self._options(leave_one_out), pair=value)

    def _options(self, leave_one_out: bool) -> dict[str, Any]:
        return {"dtype": self.dtype, "leave_one_out": leave_one_out, "max_memory": self.max_memory}

    def agop_bytes(self, n: int, sampled: int | None = None) -> int:
        """Memory of the gradient weights behind an AGOP."""
        return min(n * min(n, sampled or n) * self.dtype.itemsize, self.max_memory or sys.maxsize)

    def agop(self, n: int, sampled: int | None = None) -> float:
        """Seconds of an AGOP over n samples, or over some of them."""
        _, gradient = self._per_pair
        wide = _WIDE if self.dtype == torch.float64 else 1.0
        return wide * gradient * n * min(n, sampled or n) / multiply_adds_per_second()

    def update(self, n: int, sampled: int | None = None) -> float:
        """Seconds of an AGOP and the solve at the metric that it makes."""
        return self.agop(n, sampled) + self.solve(n).seconds

    def iterates(self, n: int, updates: int, sampled: int | None = None) -> float:
        """Seconds of a recursion."""
        return self.solve(n).seconds + updates * self.update(n, sampled)

    def predicting(self, rows: int, centers: int) -> float:
        """Seconds of the predictions of an iterate with some centers at other rows."""
        value, _ = self._per_pair
        wide = _WIDE if self.dtype == torch.float64 else 1.0
        return wide * rows * centers * (value + self.shape[1]) / multiply_adds_per_second()

    def left_out(self, n: int, updates: int) -> float:
        """Seconds of a recursion on n samples, some of which are predicted without it."""
        return _LEFT_OUT * self.iterates(n, updates)

    def tuning(self, rows: int) -> float:
        """Seconds of the choice of bandwidth, ridge and power at one iterate of one kernel."""
        if self.candidates[0].only is not None or not rows:
            return 0.0
        each = _TRIED + _TRIED_PAIR * rows**2 + _TRIED_CUBE * rows**3
        return _TUNING * each / multiply_adds_per_second()

    def tried(self, rows: int, tuning: int | None = None, share: float = 1.0) -> float:
        """Seconds of an iterate of one kernel in a choice by two halves of some rows.

        Bandwidth and ridge are chosen by ``tuning`` of the rows, ``tuning_rows`` if None, in a share of the usual time.
        """
        value, gradient = self._per_pair
        fit = solve_plan(Cholesky(), rows, *self.shape, dtype=torch.float32, pair=value).seconds
        agop = gradient * (rows / 2) ** 2 / multiply_adds_per_second()
        return share * self.tuning(tuning_rows(rows) if tuning is None else tuning) + 2 * (fit + agop)

    def tried_again(self, rows: int) -> float:
        """Seconds of an iterate of one kernel in a choice after those by parts of the rows."""
        return self.tried(rows, share=_AGAIN)

    def n_tried(self, n_iterations: int) -> int:
        """Iterates in a choice, over all kernels."""
        (first, *others) = self.candidates
        chosen = bool(others) or first.only is None or n_iterations > 0
        return chosen * math.ceil(len(self.candidates) * min(n_iterations + 1, _TRIED_ITERATES))

    def choice(self, rows: int, n_iterations: int) -> float:
        """Seconds of the choice of kernel, bandwidth, ridge, power and iterate by two halves of some rows."""
        return self.n_tried(n_iterations) * self.tried(rows)

    def first_choice(self, rows: int, n_iterations: int) -> float:
        """Seconds of a choice by a part of the rows, which another one by all of them follows."""
        return self.n_tried(n_iterations) * self.tried(rows, fewer_tuning_rows(rows))

    def choice_again(self, rows: int, n_iterations: int) -> float:
        """Seconds of a choice after those by parts of the rows."""
        return min(_AGAIN_ITERATES, self.n_tried(n_iterations)) * self.tried_again(rows)

    @cached_property
    def _per_pair(self) -> tuple[float, float]:
        """Multiply-adds behind a kernel value and a gradient at one pair of points, the mean ratio over the kernels."""
        each = [per_pair(candidate.kernel, *self.shape) for candidate in self.candidates]
        value, gradient = (math.prod(costs) ** (1 / len(each)) for costs in zip(*each, strict=True))
        return value, gradient


def fit_cost(work: Work, search: Search, n: int, metric_samples: int | None, *, leaving_out: bool) -> FitCost:
    """Predicted time and memory of a fit to n distinct samples; MemoryBudgetError if no solver fits."""
    n_iterations, sampled = search.n_iterations, search.limits.agop_samples
    choosing, stating, part = work.choice(min(n, search.rows), n_iterations), 0.0, min(n, metric_samples or n)
    last = work.solve(n)
    if not leaving_out:
        (candidate, *others) = search.candidates
        choosing *= bool(others) or candidate.only is None
        learning = work.iterates(part, n_iterations, sampled) - (part == n) * last.seconds
    elif folded(n, metric_samples, work.max_memory):
        updates = min(n_iterations, _UPDATES)
        learning = updates * work.update(n, sampled)
        n_folds, n_stating = fold_counts(n)
        choosing = work.choice_again(min(n, search.rows), n_iterations)
        without = work.first_choice(min(n - n // n_folds, search.rows), n_iterations)
        stating = n_stating * (without + work.left_out(n, updates))
    else:
        last, updates = work.solve(n, leave_one_out=True), min(n_iterations, _ITERATES)
        judged = n_judging(n)
        part = min(n - judged, part)
        each = work.tuning(judged * 2 // 3) + work.predicting(judged, part)
        learning = work.iterates(part, updates, sampled) + (updates + 1) * each
        choosing *= len(search.candidates) > 1
    most = max(last.bytes, work.solve(part).bytes, (n_iterations > 0) * work.agop_bytes(part, sampled))
    return FitCost(choosing, learning, last.seconds, stating, last.solver, most)
