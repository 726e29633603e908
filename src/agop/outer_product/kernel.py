"""AGOP of a kernel machine."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agop.chunks import BLOCK
from agop.errors import InputError
from agop.inputs import all_finite
from agop.kernel_machine import KernelMachine
from agop.outer_product.forms import Problem, elementwise, per_output
from agop.outer_product.plan import AGOPPlan, cheapest_plan, pairs_fit
from agop.outer_product.sampled import sampled_agop
from agop.ranks import ALONE, Panels

__all__ = ["KernelAGOP", "kernel_agop", "normalized_agop"]

_EXPONENTS = 120
"""Powers of two that float32 has."""


@dataclass(frozen=True, eq=False)
class KernelAGOP:
    """The AGOP of a kernel machine and how it was computed.

    Attributes
    ----------
    matrix
        (d, d), float64: sum over outputs, (weighted) mean over points.
    plan
        Form and precision; None if it is an estimate.
    standard_error
        Standard error of an estimate relative to the Frobenius norm: the root of the mean of ||estimate - AGOP||^2 over
        ||AGOP||^2, itself estimated; 0 if all points were used.

    Examples
    --------
    >>> from agop.kernels import Gaussian
    >>> x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> machine = KernelMachine(Gaussian(1.0), x, x[:, :1])
    >>> for samples in (10, 50, None):
    ...     print(samples, round(kernel_agop(machine, samples=samples).standard_error, 2))
    10 0.28
    50 0.11
    None 0.0
    """

    matrix: Tensor
    plan: AGOPPlan | None = None
    standard_error: float = 0.0


def kernel_agop(
    machine: KernelMachine,
    points: Tensor | Panels | None = None,
    *,
    weights: Tensor | None = None,
    samples: int | None = None,
    seed: int = 0,
    plan: AGOPPlan | None = None,
    gradient_weights: Tensor | None = None,
    max_memory: int | None = None,
) -> KernelAGOP:
    r"""AGOP :math:`\frac1n \sum_i J(x_i)^T J(x_i)` of the kernel machine :math:`f(x) = \sum_j \alpha_j k(x, x_j)`.

    Without a plan it takes the cheapest form and precision whose predicted error is below 1e-4 (float32
    data) or 1e-7 (float64) and whose matrices fit ``max_memory``, or the most accurate if none is. The
    elementwise form loses the machine epsilon times the squared terms over the squared gradients; the
    per-output form, with the root of that factor.

    Parameters
    ----------
    machine
        Kernel k, centers (m, d), coefficients (m, C), metric.
    points
        Z, (n, d): where the gradients are taken; the centers if None, which saves half of the pairs. Panels of the
        centers are shared out: each rank takes the gradients at its own, and all get the AGOP over all centers.
    weights
        (n,) non-negative weights of the points, so that the mean is a weighted one; ones if None.
    samples
        Points, drawn without replacement, from which the AGOP is estimated; all if None or not fewer.
    seed
        Seed of the draw.
    plan
        Form and precision; the cheapest that is accurate enough if None.
    gradient_weights
        V, (m, m), if they are known for the centers; with panels the rows of this rank.
    max_memory
        Bytes for the matrices over pairs; unlimited if None.

    Raises
    ------
    InputError
        If points or weights are unusable, fewer than two samples are asked for, or the elementwise form is asked of a
        kernel without gradient weights.

    References
    ----------
    Radhakrishnan et al. 2024 (arXiv 2212.13881); Beaglehole et al. 2024 (arXiv 2402.13728), section 3.

    Examples
    --------
    >>> from agop.kernels import Gaussian
    >>> x = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    >>> kernel_agop(KernelMachine(Gaussian(1.0), x, torch.tensor([[1.0], [-1.0]]))).matrix
    tensor([[0.3679, 0.0000],
            [0.0000, 0.0000]], dtype=torch.float64)
    """
    machine.kernel.check()
    if points is None or points is machine.centers:
        points = Panels.of(len(machine.centers), widest=BLOCK)
    at = points if isinstance(points, Tensor) else machine.centers
    _check(machine, at, weights)
    machine, factor = _of_unit_gradients(machine)
    if samples is not None and samples < len(at):
        ranks = points.ranks if isinstance(points, Panels) else ALONE
        estimate, error = sampled_agop(
            machine, at, samples, weights=weights, seed=seed, max_memory=max_memory, ranks=ranks
        )
        return KernelAGOP(estimate / factor**2, standard_error=error)
    problem, pairs = Problem.of(machine, points, weights), gradient_weights
    dtype = problem.points.dtype
    has_pairs = pairs is not None or problem.has_gradient_weights
    if plan is None and has_pairs and pairs_fit(problem, dtype, max_memory):
        pairs = problem.to(dtype).gradient_weights() if pairs is None else pairs
        plan = cheapest_plan(problem.to(pairs.dtype), pairs, dtype, max_memory)
    elif plan is None:
        dtype = torch.float64 if has_pairs else dtype
        plan = AGOPPlan("per-output", dtype, torch.finfo(dtype).eps)
    problem = problem.to(plan.dtype)
    if pairs is not None:  # rounding them is cheap, more digits need the distances again
        pairs = pairs.to(plan.dtype) if pairs.dtype in (plan.dtype, torch.float64) else None
    if plan.form == "elementwise":
        total = elementwise(problem, problem.gradient_weights() if pairs is None else pairs)
    else:
        total = per_output(problem, pairs, max_memory)
    if isinstance(points, Panels):
        (total,) = points.ranks.sum([total])
    total /= factor**2 * (len(at) if weights is None else weights.double().sum())
    return KernelAGOP(total if machine.metric is None else machine.metric.pull_back(total), plan)


def normalized_agop(agop: Tensor) -> Tensor:
    """AGOP (d, d) or its diagonal (d,), divided by its largest entry: the scale the recursions use.

    Raises
    ------
    InputError
        If the AGOP is zero, which is that of a constant predictor.

    Examples
    --------
    >>> normalized_agop(torch.tensor([4.0, 1.0]))
    tensor([1.0000, 0.2500])
    """
    largest = agop.max()
    if not largest > 0:
        advice = "Check whether the targets or all features are constant."
        raise InputError("a predictor that depends on its inputs", "an AGOP of zero", advice)
    return agop / largest


def _of_unit_gradients(machine: KernelMachine) -> tuple[KernelMachine, float]:
    """The machine times a power of two, such that its gradients have squares in float32, and that factor."""
    _, exponent = math.frexp(float(machine.coefficients.abs().max()) / machine.kernel.bandwidth)
    factor = 2.0 ** -max(-_EXPONENTS, min(exponent, _EXPONENTS))
    return replace(machine, coefficients=machine.coefficients * factor), factor


def _check(machine: KernelMachine, points: Tensor, weights: Tensor | None) -> None:
    centers, coefficients = machine.centers, machine.coefficients
    for name, values in (("points", points), ("centers", centers), ("coefficients", coefficients)):
        if values.ndim != 2 or not len(values) or not all_finite(values):
            got = f"shape {tuple(values.shape)}, NaN or infinity"
            raise InputError(f"{name} as a finite matrix with rows", got, "Check the data.")
    if points.shape[1] != centers.shape[1] or len(coefficients) != len(centers):
        got = ", ".join(str(tuple(values.shape)) for values in (points, centers, coefficients))
        raise InputError("points (n, d), centers (m, d) and coefficients (m, C)", got, "Check the axes.")
    if weights is not None and (
        weights.shape != points.shape[:1] or not ((weights >= 0) & weights.isfinite()).all() or not weights.any()
    ):
        got = f"shape {tuple(weights.shape)}, negative, infinite, or all zero"
        raise InputError(f"{len(points)} non-negative weights", got, "Leave samples without weight out.")
