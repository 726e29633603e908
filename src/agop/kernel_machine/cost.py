"""Cost of a fit before it starts: the cheapest solver, its time and its memory."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from agop.solvers import Cholesky, ConjugateGradient, Nystrom, Solver
from agop.solvers.conjugate_gradient import DIRECTIONS
from agop.solvers.solver import require_memory
from agop.waiting import one_thread

__all__ = ["SolvePlan", "cheapest_solver", "multiply_adds_per_second", "solve_plan"]

_PAIR = 250
"""Cost of a kernel value beside its inner product, in float32 multiply-adds of a matrix product."""

_CALL = 2e8
"""Cost of a solve of any size: calls, copies and checks, a few ms."""

_ENTRY = 15
"""Cost of an entry in the product of a kept kernel matrix with a vector; memory limits it."""

_ITERATIONS = 30
"""Products until the preconditioned iteration ends, as seen with ridges of 1e-3 and more."""

_SURE = 2.0
"""Times as long a factorization may take as the iteration is predicted to: that number of products varies threefold."""

_SHORT = 5e10
"""Multiply-adds, about half a second, below which a factorization is taken in any case: its solution is exact."""

_LONG = 5e12
"""Multiply-adds, about a minute, above which a solution with few centers is taken if it is sooner there."""

_CENTERS = (4000, 10_000)
"""Fewest and most centers where memory allows; a quarter of the fewest in less memory."""

_CENTER_BYTES = 28
"""Memory for each pair of centers."""

_DIRECT = 1.3
"""Time of a multiply-add in a factorization or a triangular solve beside one in a matrix product."""

_WIDE = 1.8
"""Time of a float64 multiply-add beside one in float32."""


@dataclass(frozen=True)
class SolvePlan:
    """A solver and what one kernel ridge regression with it will take.

    Attributes
    ----------
    solver
        ``Cholesky``, ``ConjugateGradient`` or ``Nystrom``.
    multiply_adds
        Predicted operations, in float32 multiply-adds of a matrix product.
    bytes
        Predicted memory for matrices over pairs; it includes what an iterative solver keeps to save time.

    Examples
    --------
    >>> plan = solve_plan(Cholesky(), 1000, 20, 1)
    >>> plan.solver, plan.bytes
    (Cholesky(max_jitter=1e-08), 8000000)
    """

    solver: Solver
    multiply_adds: float
    bytes: int

    @property
    def seconds(self) -> float:
        """Predicted time on cores without other work, at the rate of matrix products measured on them."""
        return self.multiply_adds / multiply_adds_per_second()


def cheapest_solver(
    n: int,
    d: int,
    n_outputs: int,
    *,
    dtype: torch.dtype = torch.float64,
    leave_one_out: bool = False,
    max_memory: int | None = None,
) -> SolvePlan:
    r"""The solver with the smallest predicted time among those that fit ``max_memory``, exact ones first.

    A factorization is taken in any case where it takes about half a second or less, or twice what is predicted of the
    iteration, whose number of products is a guess. Few centers are taken only where the others take more than about a
    minute, or have no room.

    A factorization takes :math:`n^2 d / 2` multiply-adds for inner products, :math:`n^3 / 6` for the factor
    and n^2 for each output; its memory is :math:`n^2` entries of ``dtype``. The
    iteration works in float32: :math:`n^2 d / 2` for the kernel matrix, again for each product where it is not kept,
    and n^2 for each product and column; its memory is from :math:`2 n r`, with r columns of the preconditioner,
    to :math:`n^2 / 2` more. With m centers it takes n m d for kernel values and :math:`n m^2 / 2` in float64 for their
    products, and memory of a few m^2; m is from 4,000 to 10,000, as about a minute allows, or fewer as the memory does.

    Parameters
    ----------
    n, d, n_outputs
        Distinct samples, features, outputs.
    dtype
        Data type of the inputs; a float32 matrix that turns out to be singular is built again in float64.
    leave_one_out
        Whether left-out residuals of some rows are wanted, which take the iteration 16 more columns.
    max_memory
        Bytes for matrices over pairs; unlimited if None.

    Raises
    ------
    MemoryBudgetError
        If no solver fits.

    Examples
    --------
    >>> cheapest_solver(1000, 20, 1).solver
    Cholesky(max_jitter=1e-08)
    >>> cheapest_solver(30_000, 20, 1).solver
    ConjugateGradient(rank=None, tolerance=0.005, max_iterations=300, seed=0)
    >>> cheapest_solver(1_000_000, 20, 1).solver
    Nystrom(n_centers=4000, seed=0)
    """
    options: dict[str, Any] = {"dtype": dtype, "leave_one_out": leave_one_out, "max_memory": max_memory}
    solvers: list[Solver] = [Cholesky(), ConjugateGradient(), Nystrom(_n_centers(n, max_memory))]
    room = [each for each in solvers if max_memory is None or each.least_memory(n, dtype) <= max_memory]
    if not room:
        require_memory(min(each.least_memory(n, dtype) for each in solvers), max_memory)
    plans = {each: solve_plan(each, n, d, n_outputs, **options) for each in room}
    direct = plans.get(solvers[0])
    if direct is not None and direct.multiply_adds < _SHORT:
        return direct
    iterative = plans.get(solvers[1])
    surely = direct is not None and (iterative is None or _time(direct) <= _SURE * _time(iterative))
    exact = direct if surely else iterative
    return exact if exact is not None and _time(exact) < _LONG else min(plans.values(), key=_time)


def _n_centers(n: int, max_memory: int | None) -> int:
    """As many centers for n rows as about a minute allows, and the memory."""
    fewest, most = _CENTERS
    affordable = max(fewest, min(most, math.isqrt(int(2 * _LONG / (_WIDE * n)))))
    if max_memory is not None:
        affordable = min(affordable, math.isqrt(max_memory // _CENTER_BYTES))
    return max(fewest // 4, affordable // 100 * 100)


def _time(plan: SolvePlan) -> float:
    return plan.multiply_adds


def solve_plan(
    solver: Solver,
    n: int,
    d: int,
    n_outputs: int,
    *,
    dtype: torch.dtype = torch.float64,
    leave_one_out: bool = False,
    max_memory: int | None = None,
    pair: float | None = None,
) -> SolvePlan:
    """What a solver will take, see ``cheapest_solver``, where a kernel value takes ``pair`` multiply-adds.

    Without that number they are d and 250 more, as for a kernel of inner products.

    Examples
    --------
    >>> plans = [solve_plan(Cholesky(), n, 20, 1) for n in (10_000, 20_000)]
    >>> [f"{plan.multiply_adds:.1e}" for plan in plans]
    ['4.1e+11', '3.2e+12']
    """
    pair = d + _PAIR if pair is None else pair
    if isinstance(solver, Nystrom):
        return _restricted_plan(solver, n, pair, n_outputs, dtype)
    if isinstance(solver, ConjugateGradient):
        return _iterative_plan(solver, n, pair, n_outputs + DIRECTIONS * leave_one_out, max_memory)
    return _direct_plan(solver, n, pair, n_outputs, dtype)


def _direct_plan(solver: Solver, n: int, pair: float, n_outputs: int, dtype: torch.dtype) -> SolvePlan:
    unit = _WIDE if dtype == torch.float64 else 1.0
    pairs = n**2 / 2 * pair
    factor = _DIRECT * (n**3 / 6 + n**2 * n_outputs)
    return SolvePlan(solver, _CALL + unit * (pairs + factor), Cholesky().least_memory(n, dtype))


def _iterative_plan(solver: ConjugateGradient, n: int, pair: float, columns: int, max_memory: int | None) -> SolvePlan:
    rank = solver.rank_for(n)
    least, all_pairs = solver.least_memory(n), n**2 // 2 * torch.float32.itemsize
    kept = all_pairs if max_memory is None else min(all_pairs, max(0, max_memory - least))
    again = 1 + (_ITERATIONS - 1) * (1 - kept / all_pairs)
    pairs = n**2 / 2 * pair * again
    products = _ITERATIONS * (n**2 * (_ENTRY + columns) + 4 * n * rank * columns)
    return SolvePlan(solver, _CALL + pairs + products + 2 * n * rank**2, least + kept)


def _restricted_plan(solver: Nystrom, n: int, pair: float, n_outputs: int, dtype: torch.dtype) -> SolvePlan:
    m, rows = min(n, solver.n_centers), solver.pool(n)
    values = n * m * pair * (_WIDE if dtype == torch.float64 else 1.0)
    products = _WIDE * n * m * (m / 2 + n_outputs)
    choice = _DIRECT * rows * m * (m / 2 + pair)
    factor = _WIDE * _DIRECT * m**2 * (m / 6 + n_outputs)
    return SolvePlan(solver, _CALL + values + products + choice + factor, solver.least_memory(n, dtype))


@cache
def multiply_adds_per_second(size: int = 1024) -> float:
    """Rate of float32 matrix products on the cores of this process, as if no other process used them.

    It comes from the processor time of one core, which waiting does not count in; the best of three products.
    """
    square = torch.ones(size, size)
    best = float("inf")
    with one_thread():
        for _ in range(3):
            start = time.process_time()
            square @ square
            best = min(best, time.process_time() - start)
    return size**3 * torch.get_num_threads() / max(best, 1e-6)
