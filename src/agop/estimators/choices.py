"""What an RFM estimator was not told: kernel, kind of metric, bandwidth, ridge, solver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import torch
from sklearn.base import clone
from sklearn.utils import check_random_state
from torch import Tensor

from agop.errors import InputError
from agop.kernel_machine import Solver, cheapest_solver
from agop.kernels import Kernel, Laplace, Metric, ProductLaplace
from agop.recursions import (
    BANDWIDTH_FACTORS,
    RIDGES,
    Candidate,
    DistinctSamples,
    LeaveOneOutTuner,
    Tuned,
    best_candidate,
    median_distance,
)
from agop.solvers import Cholesky, ConjugateGradient

__all__ = ["Choices", "solver_for", "with_median_bandwidth"]

TUNING_ROWS = 1000
"""Random distinct rows on which leave-one-out chooses bandwidth and ridge: seconds, and enough to tell."""

COMPARISON_ROWS = 4000
"""Random distinct rows on which it chooses the kernel: two kernels can be closer than two bandwidths."""

MEDIAN_ROWS = 1000
"""Random rows whose distances give the median bandwidth."""


@dataclass(frozen=True)
class Choices:
    """Arguments of the recursion.

    Attributes
    ----------
    kernel, ridge
        As given; of no use where ``tune`` says what they are.
    metric
        "full" or "diagonal".
    tune
        Kernel and ridge as functions of the metric; None if both were given.
    """

    kernel: Kernel
    ridge: float
    metric: Literal["full", "diagonal"]
    tune: Callable[[Metric | None], Tuned] | None

    @classmethod
    def of(
        cls,
        kernel: Kernel | None,
        ridge: float | Literal["loo"],
        metric: Literal["full", "diagonal"] | None,
        n_iterations: int,
        samples: DistinctSamples,
        random_state: Any,
        seconds: float | None = None,
    ) -> Choices:
        """Choices for distinct samples.

        ``seconds`` limit the choice of a kernel.

        Raises
        ------
        InputError
            If ridge or bandwidth is neither a number nor one of the known words.
        """
        if ridge != "loo" and not (isinstance(ridge, Real) and 0 <= ridge < float("inf")):
            raise InputError("a finite ridge >= 0 or 'loo'", repr(ridge), "Set a number, or let leave-one-out choose.")
        kernels = (
            [Laplace().set_params(bandwidth="loo"), ProductLaplace().set_params(bandwidth="loo")]
            if kernel is None
            else [clone(kernel)]
        )
        kernels = [with_median_bandwidth(kernel, samples.inputs, random_state) for kernel in kernels]
        metrics = [metric or ("diagonal" if isinstance(kernel, ProductLaplace) else "full") for kernel in kernels]
        if ridge != "loo" and kernel is not None and getattr(kernels[0], "bandwidth", None) != "loo":
            return cls(kernels[0], float(ridge), metrics[0], None)
        some = samples[_random(samples, TUNING_ROWS, random_state)]
        candidates = [
            Candidate(
                LeaveOneOutTuner(
                    some,
                    kernel,
                    BANDWIDTH_FACTORS if getattr(kernel, "bandwidth", None) == "loo" else None,
                    RIDGES if ridge == "loo" else (float(ridge),),
                ),
                kind,
            )
            for kernel, kind in zip(kernels, metrics, strict=True)
        ]
        if len(candidates) > 1:
            more = samples[_random(samples, COMPARISON_ROWS, random_state)]
            candidates = [best_candidate(candidates, more, n_iterations, seconds=seconds)]
        (chosen,) = candidates
        return cls(chosen.tuner.kernel, float("nan"), chosen.metric, chosen.tuner)


def solver_for(
    solver: Literal["auto"] | Solver,
    inputs: Tensor,
    n_outputs: int,
    *,
    ridge: float,
    leave_one_out: bool,
    max_memory: int | None,
) -> Solver:
    """The solver that was asked for, or the one with the smaller predicted time; without a ridge only a direct one.

    Raises
    ------
    InputError
        If the solver is not known.
    MemoryBudgetError
        If no solver can work within ``max_memory``.
    """
    if isinstance(solver, Cholesky | ConjugateGradient):
        return solver
    if solver != "auto":
        raise InputError("solver='auto', Cholesky() or ConjugateGradient()", repr(solver), "Choose one of the three.")
    if ridge == 0:
        return Cholesky()
    n, d = inputs.shape
    return cheapest_solver(
        n, d, n_outputs, dtype=inputs.dtype, leave_one_out=leave_one_out, max_memory=max_memory
    ).solver


def _random(samples: DistinctSamples, most: int, random_state: Any) -> Tensor:
    return random_rows(len(samples), most, random_state).to(samples.inputs.device)


def random_rows(n: int, most: int, random_state: Any) -> Tensor:
    """Indices of ``most`` of n rows in order, or of all if they are fewer."""
    if n <= most:
        return torch.arange(n)
    return torch.from_numpy(check_random_state(random_state).choice(n, most, replace=False)).sort().values


def with_median_bandwidth(kernel: Kernel, rows: Tensor, random_state: Any) -> Kernel:
    """Set a bandwidth of "median" to the median distance between two of at most 1,000 rows; another one stays.

    Examples
    --------
    >>> with_median_bandwidth(Laplace("median"), torch.tensor([[0.0], [1.0], [4.0]]), None)
    Laplace(bandwidth=3.0)
    """
    if getattr(kernel, "bandwidth", None) != "median":
        return kernel
    some = random_rows(len(rows), MEDIAN_ROWS, random_state).to(rows.device)
    kernel.set_params(bandwidth=median_distance(kernel, rows[some]))
    return kernel
