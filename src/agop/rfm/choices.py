"""What an RFM estimator was not told: kernel, kind of metric, bandwidth, ridge, solver."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal

from sklearn.base import clone
from torch import Tensor

from agop.errors import InputError
from agop.kernel_machine import Solver, cheapest_solver
from agop.kernels import Kernel, Laplace, LeaveOneOutBandwidth, MedianDistance, ProductLaplace
from agop.rfm.cross_fit import Candidate
from agop.rfm.problem import random_rows
from agop.rfm.samples import DistinctSamples
from agop.rfm.tuning import RIDGES, Tuner
from agop.solvers import Cholesky, ConjugateGradient

__all__ = ["candidates_for", "solver_for", "with_median_bandwidth"]

MEDIAN_ROWS = 1000
"""Random rows whose distances give the median bandwidth."""


def candidates_for(
    kernel: Kernel | None,
    ridge: float | Literal["loo"],
    metric: Literal["full", "diagonal"] | None,
    samples: DistinctSamples,
    random_state: Any,
) -> list[Candidate]:
    """Kernels to choose from, with what is to be chosen of each, for distinct samples.

    Ridges are multiples of the mean weight of a distinct row: the choice does not depend on the unit of weights.

    Raises
    ------
    InputError
        If the ridge is neither a number nor "loo", or the bandwidth neither a number nor a rule.
    """
    if ridge != "loo" and not (isinstance(ridge, Real) and 0 <= ridge < float("inf")):
        raise InputError("a finite ridge >= 0 or 'loo'", repr(ridge), "Set a number, or let leave-one-out choose.")
    unit = samples.weights.double().mean().item()
    ridges = tuple(factor * unit for factor in RIDGES) if ridge == "loo" else (float(ridge),)
    rule = LeaveOneOutBandwidth()
    candidates = []
    for given in [Laplace(rule), ProductLaplace(rule)] if kernel is None else [clone(kernel)]:
        resolved = with_median_bandwidth(given, samples.inputs, random_state)
        factors = None
        if isinstance(resolved.bandwidth, LeaveOneOutBandwidth):
            factors = resolved.bandwidth.factors
            resolved.median_distance(samples.inputs[:2])  # says so at once if that is not possible
        else:
            resolved.check()
        kind = metric or ("diagonal" if resolved.default_diagonal else "full")
        candidates.append(Candidate(Tuner(resolved, factors, ridges), kind))
    return candidates


def solver_for(
    solver: Literal["auto"] | Solver,
    inputs: Tensor,
    n_outputs: int,
    *,
    ridge: float | Literal["loo"],
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


def with_median_bandwidth(kernel: Kernel, rows: Tensor, random_state: Any) -> Kernel:
    """Set a bandwidth of ``MedianDistance()`` to the median distance of at most 1,000 rows; another one stays.

    Examples
    --------
    >>> import torch
    >>> with_median_bandwidth(Laplace(MedianDistance()), torch.tensor([[0.0], [1.0], [4.0]]), None)
    Laplace(bandwidth=3.0)
    """
    if not isinstance(kernel.bandwidth, MedianDistance):
        return kernel
    some = random_rows(len(rows), MEDIAN_ROWS, random_state).to(rows.device)
    kernel.set_params(bandwidth=kernel.median_distance(rows[some]))
    return kernel
