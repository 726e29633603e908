"""AGOP of a kernel machine."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.errors import InputError
from agop.inputs import all_finite
from agop.kernels import Kernel, Metric, RadialKernel
from agop.outer_product.forms import Problem, elementwise, per_output
from agop.outer_product.plan import AGOPPlan, cheapest_plan, pairs_fit

__all__ = ["kernel_agop", "normalised_agop", "planned_kernel_agop"]


def kernel_agop(
    kernel: Kernel,
    points: Tensor,
    centers: Tensor,
    coefficients: Tensor,
    *,
    metric: Metric | None = None,
    weights: Tensor | None = None,
    plan: AGOPPlan | None = None,
    max_memory: int | None = None,
) -> Tensor:
    r"""AGOP :math:`\frac1n \sum_i J(x_i)^T J(x_i)` of the kernel machine f(x) = sum_j a_j k(x, x_j).

    Parameters
    ----------
    kernel
        Kernel k, applied to M^{1/2} x.
    points
        Z, (n, d): where the gradients are taken.
    centers
        X, (m, d); passing ``points`` itself saves half of the pairs.
    coefficients
        A, (m, C).
    metric
        M; identity if None.
    weights
        (n,) non-negative weights of the points, so that the mean is a weighted one; ones if None.
    plan
        Form and precision; the cheapest that is accurate enough if None.
    max_memory
        Bytes for the matrices over pairs; unlimited if None.

    Returns
    -------
    Tensor
        (d, d), float64: sum over outputs, (weighted) mean over points.

    Raises
    ------
    InputError
        If the elementwise form is asked of a kernel that is not radial, or weights are unusable.

    References
    ----------
    Radhakrishnan et al. 2024 (arXiv 2212.13881); Beaglehole et al. 2024 (arXiv 2402.13728), section 3.

    Examples
    --------
    >>> from agop.kernels import Gaussian
    >>> x = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    >>> kernel_agop(Gaussian(1.0), x, x, torch.tensor([[1.0], [-1.0]]))
    tensor([[0.3679, 0.0000],
            [0.0000, 0.0000]], dtype=torch.float64)
    """
    return planned_kernel_agop(
        kernel,
        points,
        centers,
        coefficients,
        metric=metric,
        weights=weights,
        plan=plan,
        max_memory=max_memory,
    )[0]


def planned_kernel_agop(
    kernel: Kernel,
    points: Tensor,
    centers: Tensor,
    coefficients: Tensor,
    *,
    metric: Metric | None = None,
    weights: Tensor | None = None,
    plan: AGOPPlan | None = None,
    max_memory: int | None = None,
    gradient_weights: Tensor | None = None,
) -> tuple[Tensor, AGOPPlan]:
    """``kernel_agop`` together with the plan it followed.

    Without a plan it takes the cheapest form and precision whose predicted error is below 1e-4 (float32
    data) or 1e-7 (float64) and whose matrices fit ``max_memory``, or the most accurate if none is. The
    elementwise form loses the machine epsilon times the squared terms over the squared gradients; the
    per-output form, with the root of that factor. ``gradient_weights`` are V if they are known.
    """
    kernel.check()
    _check_problem(points, centers, coefficients, weights)
    origin, symmetric = centers.mean(0), points is centers
    if metric is not None:
        centers = metric.map(centers, origin)
        points = centers if symmetric else metric.map(points, origin)
    problem, pairs = Problem(kernel, points, centers, coefficients, weights), gradient_weights
    if plan is None and isinstance(kernel, RadialKernel) and pairs_fit(problem, points.dtype, max_memory):
        pairs = problem.to(points.dtype).gradient_weights() if pairs is None else pairs
        plan = cheapest_plan(problem.to(pairs.dtype), pairs, points.dtype, max_memory)
    elif plan is None:
        dtype = torch.float64 if isinstance(kernel, RadialKernel) else points.dtype
        plan = AGOPPlan("per-output", dtype, torch.finfo(dtype).eps)
    problem = problem.to(plan.dtype)
    if pairs is not None:  # rounding them is cheap, more digits need the distances again
        pairs = pairs.to(plan.dtype) if pairs.dtype in (plan.dtype, torch.float64) else None
    if plan.form == "elementwise":
        total = elementwise(problem, problem.gradient_weights() if pairs is None else pairs)
    else:
        total = per_output(problem, pairs, max_memory)
    total /= len(points) if weights is None else weights.double().sum()
    return (total if metric is None else metric.pull_back(total)), plan


def normalised_agop(agop: Tensor) -> Tensor:
    """AGOP (d, d) or its diagonal (d,), divided by its largest entry: the scale the recursions use.

    Raises
    ------
    InputError
        If the AGOP is zero, which is that of a constant predictor.

    Examples
    --------
    >>> normalised_agop(torch.tensor([4.0, 1.0]))
    tensor([1.0000, 0.2500])
    """
    largest = agop.max()
    if not largest > 0:
        raise InputError(
            "a predictor that depends on its inputs",
            "an AGOP of zero",
            "Are the targets or all features constant?",
        )
    return agop / largest


def _check_problem(points: Tensor, centers: Tensor, coefficients: Tensor, weights: Tensor | None) -> None:
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
