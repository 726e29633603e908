"""The recursion on parts of the samples, each judged on samples that its metric has not seen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from agop.kernel_machine import KernelMachine
from agop.kernel_machine.machine import mapped
from agop.kernels import Kernel, Metric
from agop.outer_product import normalised_agop
from agop.rfm.recursion import machine_agop
from agop.rfm.samples import DistinctSamples
from agop.rfm.tuning import Setting, Tuner
from agop.solvers import Cholesky
from agop.solvers.cross_validation import SplitSystem

__all__ = ["Candidate", "CrossFitted", "Fold", "cross_fit", "folds", "tuned"]

_TUNING_ROWS = 1000
"""Rows on which bandwidth and ridge are chosen where many fits are compared; more rows want shorter bandwidths."""


@dataclass(frozen=True)
class Candidate:
    """A kernel with what may be chosen of it, and a kind of metric.

    Attributes
    ----------
    tuner
        Kernel, bandwidths and ridges.
    metric
        "full" or "diagonal".
    """

    tuner: Tuner
    metric: Literal["full", "diagonal"]


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows from which a metric is learned, (p,), and others, (v,), on which it is judged; both in random order."""

    learn: Tensor
    judge: Tensor

    @property
    def rows(self) -> Tensor:
        """(p + v,) the former, then the latter."""
        return torch.cat([self.learn, self.judge])

    def part(self, share: float) -> Fold:
        """A share of both."""
        return Fold(*(rows[: math.ceil(share * len(rows))] for rows in (self.learn, self.judge)))


def folds(n: int, k: int, seed: int, device: torch.device | str = "cpu") -> list[Fold]:
    """K folds of n rows, which judge every row once; they depend on n, k and seed alone.

    Examples
    --------
    >>> [len(fold.judge) for fold in folds(8, 3, seed=0)]
    [3, 3, 2]
    """
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).to(device)
    number = torch.arange(n, device=device) % k
    return [Fold(order[number != fold], order[number == fold]) for fold in range(k)]


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
    samples: DistinctSamples,
    folds: Sequence[Fold],
    candidate: Candidate,
    n_iterations: int,
    *,
    settings: Sequence[Setting] | None = None,
    agop_samples: int | None = None,
    seed: int = 0,
    max_memory: int | None = None,
) -> Iterator[CrossFitted]:
    r"""Iterates of the recursion with left-out predictions: of each row by a fit to all others at a foreign metric.

    Closed leave-one-out holds the metric, which after the first AGOP update has seen the target of the row itself.
    So fold k has a metric :math:`M_k` that its recursion learned from other rows, and row i of the fold is predicted by
    the fit at :math:`M_k` to all rows but i: exact leave-one-out, in closed form. The prediction of row i depends on
    its own target only through the choice of bandwidth and ridge, which are the ones with the smallest error over all
    folds; with ``settings`` from elsewhere it does not depend on it at all.

    Where the AGOP of a fold vanishes, as that of a single row does, the recursion ends.

    Parameters
    ----------
    samples
        Distinct samples, m of them. Time grows as m^3 for each fold.
    folds
        Whose rows are all of the samples, or some.
    candidate
        Kernel, what may be chosen of it, and the kind of metric.
    n_iterations
        Number of AGOP updates at most.
    settings
        Kernel and ridge of each iterate; chosen if None.
    agop_samples, seed, max_memory
        As for ``rfm``.

    Yields
    ------
    CrossFitted
        Iterations 0 to ``n_iterations``.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> x = torch.rand(60, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> samples = DistinctSamples(x, (6 * x[:, :1]).sin(), torch.ones(60), torch.zeros(60))
    >>> steps = list(cross_fit(samples, folds(60, 2, seed=0), Candidate(Tuner(Laplace()), "full"), 2))
    >>> samples.error(steps[0].predictions) > samples.error(steps[1].predictions)
    True
    """
    metrics: list[Metric | None] = [None] * len(folds)
    setting: Setting | None = None
    for iteration in range(n_iterations + 1):
        if settings is None:
            setting = tuned(samples, folds, metrics, candidate.tuner, setting)
        else:
            setting = settings[min(iteration, len(settings) - 1)]
        predictions = torch.full_like(samples.targets, torch.nan, dtype=torch.float64)
        learned: list[Metric | None] = []
        for fold, metric in zip(folds, metrics, strict=True):
            part = samples[fold.rows]
            kernel = setting.kernel_at(part.inputs, metric)
            points = mapped(part.inputs, part.inputs.mean(0), metric, torch.float64)
            system, residuals = _split(kernel, points, part, len(fold.learn), setting.ridge)
            predictions[fold.judge] = samples.targets[fold.judge].double() - residuals
            if iteration < n_iterations:
                first = part[torch.arange(len(fold.learn), device=points.device)]
                coefficients = _first_coefficients(system, first)
                agop, *_ = machine_agop(
                    KernelMachine(kernel, first.inputs, coefficients.to(first.inputs), metric),
                    weights=first.weights,
                    samples=agop_samples,
                    seed=seed + iteration,
                    max_memory=max_memory,
                )
                agop = agop if candidate.metric == "full" else agop.diagonal()
                learned.append(Metric(normalised_agop(agop)) if agop.max() > 0 else None)
        yield CrossFitted(iteration, setting, predictions)
        if any(metric is None for metric in learned):
            return
        metrics = learned


def tuned(
    samples: DistinctSamples,
    folds: Sequence[Fold],
    metrics: Sequence[Metric | None],
    tuner: Tuner,
    last: Setting | None = None,
    rows: int = _TUNING_ROWS,
) -> Setting:
    """Bandwidth and ridge with the smallest squared left-out error of the folds, each at its metric.

    A share of every fold is taken, of so many ``rows`` in all; the search starts at the ``last`` setting.
    """
    if tuner.choices == 1:
        return tuner.first
    share = min(1.0, rows / len(samples))
    some = [fold.part(share) for fold in folds]
    if all(metric is None for metric in metrics):  # one metric that has seen no target: all rows can be judged at once
        judged = torch.cat([fold.judge for fold in some])
        some, metrics = [Fold(judged[:0], judged)], [None]
    parts, mapped_rows = [samples[fold.rows] for fold in some], []
    for part, metric in zip(parts, metrics, strict=True):
        points = mapped(part.inputs, part.inputs.mean(0), metric, torch.float64)
        median = 1.0 if tuner.factors is None else tuner.kernel.median_distance(points)
        mapped_rows.append((points, median))

    def error(setting: Setting) -> float:
        total = weight = 0.0
        for fold, part, (points, median) in zip(some, parts, mapped_rows, strict=True):
            kernel, learned = setting.with_median(median), len(fold.learn)
            _, residuals = _split(kernel, points, part, learned, setting.ridge)
            judged = part[torch.arange(learned, len(part), device=points.device)]
            own = judged.weights.double().sum().item()
            total += own * judged.error(judged.targets - residuals)
            weight += own
        return total / weight

    return tuner.search(error, last)


def _split(
    kernel: Kernel, points: Tensor, samples: DistinctSamples, first: int, ridge: float
) -> tuple[SplitSystem, Tensor]:
    """The system of samples of which ``first`` are learned from, and left-out residuals of the others."""

    def build(dtype: torch.dtype) -> Tensor:
        gram = kernel.gram(points.to(dtype)).values
        gram.diagonal().add_(ridge / samples.weights.to(dtype))
        return gram

    lower = Cholesky().factorise(build, torch.float64).lower
    system = SplitSystem.of(lower, samples.right_hand_sides().double(), first)
    return system, samples.about_the_others(system.residuals(), first)


def _first_coefficients(system: SplitSystem, first: DistinctSamples) -> Tensor:
    """Coefficients (p, C) of the fit to the samples that are learned from, about their own mean."""
    coefficients = system.coefficients()
    return coefficients[:, :-1] - coefficients[:, -1:] * first.mean() if first.intercept else coefficients
