"""Plan of an AGOP of a kernel machine: the cheapest form and precision that is accurate enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from agop.chunks import BLOCK, blocks
from agop.kernels import weighted_gradients
from agop.outer_product.forms import Problem
from agop.ranks import Panels

__all__ = ["AGOPPlan", "cheapest_plan", "pairs_fit"]

_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-7}
"""Relative error of the trace that a plan may predict, by the dtype of the data."""

_FLOAT64_COST = 2.0
"""Time of a float64 product beside one in float32."""

_SAMPLED = 8
"""Points and outputs on which the size of the gradients is estimated."""


@dataclass(frozen=True)
class AGOPPlan:
    """Form and precision of an AGOP.

    Attributes
    ----------
    form
        "elementwise" or "per-output".
    dtype
        Precision of the products.
    error
        Predicted relative error of the trace.

    Examples
    --------
    >>> from agop.kernel_machine import KernelMachine
    >>> from agop.kernels import Gaussian
    >>> from agop.outer_product import kernel_agop
    >>> machine = KernelMachine(Gaussian(1.0), torch.eye(3), torch.tensor([[1.0], [-1.0], [0.0]]))
    >>> plan = kernel_agop(machine).plan
    >>> plan.form, plan.dtype
    ('per-output', torch.float32)
    """

    form: Literal["elementwise", "per-output"]
    dtype: torch.dtype
    error: float


def pairs_fit(problem: Problem, dtype: torch.dtype, max_memory: int | None) -> bool:
    """Say whether the gradient weights and a few blocks fit."""
    n_points = len(problem.points) if problem.panels is None else problem.panels.most_rows
    pairs = n_points * len(problem.centers)
    return max_memory is None or (pairs + 3 * BLOCK**2) * dtype.itemsize <= max_memory


def cheapest_plan(problem: Problem, pairs: Tensor, own: torch.dtype, max_memory: int | None) -> AGOPPlan:
    """Cheapest plan whose predicted error is small enough for data in the dtype ``own``, from V; that of all ranks."""
    loss = _cancellation(problem, pairs)
    (m, d), outputs = problem.centers.shape, problem.coefficients.shape[1]
    n = len(problem.points) if problem.panels is None else problem.panels.n
    costs: dict[AGOPPlan, float] = {}
    for dtype in {own, torch.float64}:
        eps, unit = torch.finfo(dtype).eps, _FLOAT64_COST if dtype == torch.float64 else 1.0
        costs[AGOPPlan("per-output", dtype, eps * loss**0.5)] = unit * outputs * (n * m * d + n * d * d)
        if pairs_fit(problem, dtype, max_memory):
            elementwise = n * m * m / 2 + n * m * d + n * d * d + 3 * n * m * outputs
            if problem.panels is None:
                elementwise += n * m * d
            costs[AGOPPlan("elementwise", dtype, eps * loss)] = unit * elementwise
    accurate = [plan for plan in costs if plan.error <= _TOLERANCE[own]]
    return min(accurate, key=costs.__getitem__) if accurate else min(costs, key=lambda plan: plan.error)


def _cancellation(problem: Problem, pairs: Tensor) -> float:
    """Squared terms whose rounding the elementwise form adds up, over the squared gradients.

    The terms are V_ij a_jl z_i, V_ij a_jl x_j and S_il z_i, all of them, so that a single close pair counts;
    the gradients are estimated from a few points.
    """
    panels = Panels.of(len(pairs)) if problem.panels is None else problem.panels
    origin = problem.centers.mean(0)
    at_centers = torch.linalg.vector_norm(problem.centers - origin, dim=1).square()
    at_points = (at_centers if problem.symmetric else (problem.points - origin).square().sum(1))[:, None]
    sizes = problem.coefficients.square().sum(1)
    terms = torch.zeros((), dtype=torch.float64, device=pairs.device)
    squared = pairs.new_empty(min(BLOCK, len(pairs)), pairs.shape[1])
    for rows in blocks(len(pairs)):
        squares = torch.square(pairs[rows], out=squared[: rows.stop - rows.start])
        # two products with a vector take a fifth of the time of one with two columns
        near_points, near_centers = squares.mv(sizes)[:, None], squares.mv(sizes * at_centers)[:, None]
        sums = (pairs[rows] @ problem.coefficients).square().sum(1, keepdim=True)
        terms += problem.weighted((near_points + sums) * at_points[rows] + near_centers, rows).sum()
    sampled = torch.linspace(0, panels.n - 1, min(_SAMPLED, panels.n), device=pairs.device).long()
    own = panels.positions(sampled)
    coefficients = problem.coefficients[:, :_SAMPLED]
    gradients = weighted_gradients(pairs[own], problem.points[own], problem.centers, coefficients)
    total = terms.new_tensor(len(pairs)) if problem.weights is None else problem.weights.double().sum()
    terms, squares, total = panels.ranks.sum([terms, gradients.double().square().sum(), total])
    share = len(sampled) * coefficients.shape[1] / problem.coefficients.shape[1]
    remaining = (squares * total / share).item()
    return terms.item() / remaining if remaining > 0 else 1.0
