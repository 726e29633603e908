"""The recursive feature machine: fit a kernel machine, take its AGOP as metric, repeat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from agop.errors import InputError
from agop.kernel_machine import Fit, KernelMachine, fit_with_gradient_weights
from agop.kernels import Kernel, Metric
from agop.outer_product import AGOPPlan, normalised_agop, planned_kernel_agop
from agop.solvers.leave_one_out import leave_one_out_residuals

__all__ = ["RFMStep", "rfm"]


@dataclass(frozen=True)
class RFMStep:
    """One iterate of the recursion.

    Attributes
    ----------
    iteration
        Number of AGOP updates behind the metric; 0 is kernel ridge regression.
    fit
        The kernel machine with the metric of this iterate, and how it was solved.
    plan
        How the AGOP that made the metric was computed; None at iteration 0.
    """

    iteration: int
    fit: Fit
    plan: AGOPPlan | None

    @property
    def machine(self) -> KernelMachine:
        """The predictor of this iterate."""
        return self.fit.machine


def rfm(
    inputs: Tensor,
    targets: Tensor,
    *,
    kernel: Kernel,
    ridge: float | Sequence[float] = 1e-3,
    n_iterations: int = 5,
    metric: Literal["full", "diagonal"] = "full",
    weights: Tensor | None = None,
    leave_one_out: bool = False,
    max_memory: int | None = None,
) -> Iterator[RFMStep]:
    r"""Iterates of the recursive feature machine, as they are computed.

    Start at M = I. Repeat: :math:`\alpha = (K_M + \lambda I)^{-1} Y`; M <- AGOP(f) divided by its
    largest entry (or the diagonal of it). After the last M the coefficients are solved once more.

    Parameters
    ----------
    inputs
        X, (n, d), distinct rows (see ``agop.distinct``), float32 or float64.
    targets
        Y, (n, C).
    kernel
        Kernel k.
    ridge
        lambda >= 0. Of several, each iterate takes the one with the smallest leave-one-out squared error at its
        metric, at the cost of two more factorisations for each.
    n_iterations
        Number k of AGOP updates; k + 1 solves and k + 1 steps.
    metric
        "full", or "diagonal" to keep the diagonal of the AGOP only.
    weights
        (n,) positive sample weights; ones if None.
    leave_one_out
        Whether the fits come with ``inverse_diagonal``, for leave-one-out at each iterate.
    max_memory
        Bytes for the matrices over pairs.

    Yields
    ------
    RFMStep
        Iterations 0 to ``n_iterations``.

    References
    ----------
    Radhakrishnan, Beaglehole, Pandit, Belkin 2024, Science 383:1461 (arXiv 2212.13881).

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Laplace
    >>> x = torch.rand(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> *_, last = rfm(x, x[:, :1], kernel=Laplace(2.0), n_iterations=2)
    >>> last.iteration, last.machine.metric.matrix.argmax().item()
    (2, 0)
    """
    if metric not in ("full", "diagonal"):
        raise InputError("metric='full' or 'diagonal'", repr(metric), "Choose one of the two.")
    if n_iterations < 0:
        raise InputError("n_iterations >= 0", str(n_iterations), "0 is kernel ridge regression.")
    ridges = tuple(ridge) if isinstance(ridge, Sequence) else (ridge,)
    if not ridges:
        raise InputError("one ridge or more", "none", "Pass a number or several.")
    learned: Metric | None = None
    plan: AGOPPlan | None = None
    for iteration in range(n_iterations + 1):
        fit, pairs = fit_with_gradient_weights(
            kernel,
            inputs,
            targets,
            ridge=_best_ridge(ridges, kernel, inputs, targets, learned, weights, max_memory),
            metric=learned,
            weights=weights,
            max_memory=max_memory,
            share=iteration < n_iterations,
            leave_one_out=leave_one_out,
        )
        yield RFMStep(iteration, fit, plan)
        if iteration == n_iterations:
            return
        agop, plan = planned_kernel_agop(
            kernel,
            inputs,
            inputs,
            fit.machine.coefficients,
            metric=learned,
            weights=weights,
            max_memory=max_memory,
            gradient_weights=pairs,
        )
        pairs = None  # free it before the next kernel matrix
        learned = Metric(normalised_agop(agop if metric == "full" else agop.diagonal()))


def _best_ridge(
    ridges: tuple[float, ...],
    kernel: Kernel,
    inputs: Tensor,
    targets: Tensor,
    metric: Metric | None,
    weights: Tensor | None,
    max_memory: int | None,
) -> float:
    """The ridge with the smallest leave-one-out error sum_i w_i ||y_i - f_-i(x_i)||^2; the first of equal ones."""
    if len(ridges) == 1:
        return ridges[0]
    errors = []
    for ridge in ridges:
        fit, _ = fit_with_gradient_weights(
            kernel,
            inputs,
            targets,
            ridge=ridge,
            metric=metric,
            weights=weights,
            max_memory=max_memory,
            share=False,
            leave_one_out=True,
        )
        assert fit.inverse_diagonal is not None  # noqa: S101 - it was asked for
        squares = leave_one_out_residuals(fit.machine.coefficients, fit.inverse_diagonal).square().sum(1)
        errors.append((squares if weights is None else weights.double() * squares).sum())
    return ridges[int(torch.stack(errors).argmin())]
