"""The recursion on parts of the samples, each judged on samples that its metric has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from agop.kernel_machine import KernelMachine
from agop.kernels import Kernel, KernelMatrix, Metric
from agop.kernels.distances import median_positive
from agop.kernels.metric import mapped
from agop.rfm.division import Fold
from agop.rfm.powers import Powers
from agop.rfm.recursion import Limits, Settings, in_turn
from agop.rfm.samples import Samples
from agop.rfm.tuning import MEDIAN_ROWS, Candidate, Setting
from agop.solvers.cross_validation import SplitSystem

__all__ = ["CrossFitted", "cross_fit", "fewer_tuning_rows", "tuned", "tuning_rows"]

_TUNING_ROWS = (600, 1000)
"""Rows on which bandwidth and ridge are chosen where many fits are compared: half of all, but no fewer and no more.

More rows want shorter bandwidths.
"""

_FIRST_ROWS = 300
"""Rows on which the first search begins, which take little time."""


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """An iterate on all folds.

    Attributes
    ----------
    iteration
        Number of AGOP updates behind the metrics.
    setting
        Kernel and ridge, the same for all folds.
    predictions
        (m, C) float64 left-out predictions; NaN for rows that no fold judges.
    """

    iteration: int
    setting: Setting
    predictions: Tensor


def cross_fit(
    samples: Samples,
    folds: Sequence[Fold],
    settings: Settings,
    n_iterations: int,
    *,
    diagonal: bool = False,
    precision: torch.dtype = torch.float64,
    limits: Limits = Limits(),  # noqa: B008 (a frozen value)
) -> Iterator[CrossFitted]:
    r"""Iterates of the recursion with left-out predictions: of each row by a fit to all others at a foreign metric.

    Closed leave-one-out holds the metric, which after the first AGOP update has seen the target of the row itself.
    So fold k has a metric :math:`M_k` that its recursion learned from other rows, and row i of the fold is predicted by
    the fit at :math:`M_k` to all rows but i: exact leave-one-out, in closed form. The prediction of row i depends on
    its own target only through the settings, if they are ``tuned`` to these folds; with settings from elsewhere it does
    not depend on it at all.

    Where the AGOP of a fold vanishes, as that of a single row does, the recursion ends.

    Parameters
    ----------
    samples
        Distinct samples, m of them. Time grows as m^3 for each fold.
    folds
        Folds whose rows are all of the samples, or some.
    settings
        Kernel and ridge of each iterate.
    n_iterations
        Number of AGOP updates at most.
    precision
        Of kernel matrices and their factors; float32 does to choose by, and takes half of the time.
    diagonal, limits
        As for ``rfm``.

    Yields
    ------
    CrossFitted
        Iterations 0 to ``n_iterations``.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> from agop.rfm.division import folds
    >>> x = torch.rand(60, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> samples, halves = Samples.of(x, (6 * x[:, :1]).sin()), folds(60, 2, seed=0)
    >>> steps = cross_fit(samples, halves, tuned(samples, halves, Candidate(Laplace(2.0))), 2)
    >>> [round(samples.error(step.predictions), 2) for step in steps]
    [0.05, 0.01, 0.0]
    """
    last: list[Powers | None] = [None] * len(folds)
    for iteration in range(n_iterations + 1):
        setting = settings(iteration, last)
        predictions = torch.full_like(samples.targets, torch.nan, dtype=torch.float64)
        learned: list[Powers] = []
        for fold, powers in zip(folds, last, strict=True):
            metric = setting.metric(powers)
            part = _MappedFold.of(samples, fold, metric, precision)
            kernel = setting.kernel_at(part.samples.inputs, metric)
            system, residuals = part.solve(kernel, setting.ridge)
            predictions[fold.judge] = samples.targets[fold.judge].double() - residuals
            if iteration < n_iterations:
                first = samples.part(fold.learn)
                coefficients = _first_coefficients(system, first).to(precision)
                machine = KernelMachine(kernel, first.inputs.to(precision), coefficients, metric)
                agop = limits.agop(machine, machine.centers, first.weights, iteration)
                learned.append(Powers.of(agop, precision, diagonal=diagonal))
        yield CrossFitted(iteration, setting, predictions)
        if learned and not torch.stack([powers.agop.max() for powers in learned]).min() > 0:
            return
        last = list(learned)


def tuning_rows(n: int) -> int:
    """Rows on which bandwidth and ridge are chosen, of n.

    Examples
    --------
    >>> tuning_rows(500), tuning_rows(1400), tuning_rows(5000)
    (500, 700, 1000)
    """
    fewest, most = _TUNING_ROWS
    return min(n, most, max(fewest, n // 2))


def fewer_tuning_rows(n: int) -> int:
    """Rows, of n, on which bandwidth and ridge are chosen where another choice by more rows follows.

    Examples
    --------
    >>> fewer_tuning_rows(500), fewer_tuning_rows(1400)
    (400, 466)
    """
    return min(n, 2 * max(_TUNING_ROWS[0], tuning_rows(n)) // 3)


def tuned(
    samples: Samples,
    folds: Sequence[Fold],
    candidate: Candidate,
    rows: int | None = None,
    starts: Sequence[Setting] = (),
) -> Settings:
    """Bandwidth, ridge and power with the smallest squared left-out error of the folds, each at its metric.

    A share of every fold is taken, of so many ``rows`` in all, ``tuning_rows`` if None. The search of an iterate begins
    at its setting in ``starts``, whose power it keeps, or at the last setting; the first one without such at what is
    found on fewer rows.
    """
    if candidate.only is not None:
        return in_turn([candidate.only])
    last: Setting | None = None
    most = tuning_rows(len(samples)) if rows is None else rows

    def error(number: int, agops: Sequence[Powers | None]) -> Callable[[Setting], float]:
        some = [fold.part(min(1.0, number / len(samples))) for fold in folds]
        return _error(samples, some, agops, candidate)

    def setting(iteration: int, agops: Sequence[Powers | None]) -> Setting:
        nonlocal last
        given = iteration < len(starts)
        if given:
            last = starts[iteration]
        elif last is None and min(most, len(samples)) > 1.5 * _FIRST_ROWS:
            last = candidate.search(error(_FIRST_ROWS, agops))
        last = candidate.search(error(most, agops), last, learned=agops[0] is not None and not given)
        return last

    return setting


def _error(
    samples: Samples, folds: Sequence[Fold], agops: Sequence[Powers | None], candidate: Candidate
) -> Callable[[Setting], float]:
    """Squared left-out error of a setting over all folds."""
    if agops[0] is None:  # one metric that has seen no target: all rows can be judged at once
        every = torch.cat([fold.judge for fold in folds])
        folds, agops = [Fold(every[:0], every)], [None]
    judged = [samples.part(fold.judge) for fold in folds]
    weights = [part.weights.sum().item() for part in judged]

    @cache
    def parts(power: float) -> list[tuple[_MappedFold, Tensor, float]]:
        """Rows of each fold at its metric, their distances and the median of these."""
        found = []
        for fold, powers in zip(folds, agops, strict=True):
            metric = None if powers is None else powers.metric(power)
            part = _MappedFold.of(samples, fold, metric, torch.float64)
            distances = candidate.kernel.distances(part.points)
            median = 1.0 if candidate.factors == (None,) else median_positive(distances[:MEDIAN_ROWS, :MEDIAN_ROWS])
            found.append((part, distances.float(), median))
        return found

    def error(setting: Setting) -> float:
        total = 0.0
        for (part, distances, median), own, weight in zip(parts(setting.power), judged, weights, strict=True):
            _, residuals = part.solve(setting.with_median(median), setting.ridge, distances)
            total += weight * own.error(own.targets - residuals)
        return total / sum(weights)

    return error


@dataclass(frozen=True, eq=False)
class _MappedFold:
    """Samples of a fold, the ``first`` of which are learned from, and their points in the coordinates of a metric."""

    samples: Samples
    first: int
    points: Tensor

    @classmethod
    def of(cls, samples: Samples, fold: Fold, metric: Metric | None, precision: torch.dtype) -> _MappedFold:
        part = samples.part(fold.rows)
        return cls(part, len(fold.learn), mapped(part.inputs, part.inputs.mean(0), metric, precision))

    def solve(self, kernel: Kernel, ridge: float, distances: Tensor | None = None) -> tuple[SplitSystem, Tensor]:
        """The linear system, and left-out residuals of the samples that are judged; distances (m, m) if known."""
        matrix = KernelMatrix(kernel, self.points, ridge / self.samples.weights, distances=distances)
        system = SplitSystem.of(matrix, self.samples.right_hand_sides().double(), self.first)
        return system, self.samples.about_the_others(system.residuals(), slice(self.first, None))


def _first_coefficients(system: SplitSystem, first: Samples) -> Tensor:
    """Coefficients (p, C) of the fit to the samples that are learned from, about their own mean."""
    coefficients = system.coefficients()
    return coefficients[:, :-1] - coefficients[:, -1:] * first.mean() if first.intercept else coefficients
