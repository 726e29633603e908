"""The recursive feature machine: fit a kernel machine, take its AGOP as metric, repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from agop.errors import InputError
from agop.kernel_machine import Fit, KernelMachine, Solver, fit_with_gradient_weights
from agop.kernels import Kernel, Metric
from agop.outer_product import AGOPPlan, normalised_agop, planned_kernel_agop, sampled_kernel_agop
from agop.rfm.tuning import Setting

__all__ = ["RFMStep", "machine_agop", "rfm"]


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
        How the AGOP that made the metric was computed; None at iteration 0, or if it is an estimate.
    agop_error
        Relative standard error of that AGOP; 0 if it is no estimate.
    """

    iteration: int
    fit: Fit
    plan: AGOPPlan | None
    agop_error: float = 0.0

    @property
    def machine(self) -> KernelMachine:
        """The predictor of this iterate."""
        return self.fit.machine


def rfm(
    inputs: Tensor,
    targets: Tensor,
    *,
    kernel: Kernel,
    ridge: float = 1e-3,
    n_iterations: int = 5,
    metric: Literal["full", "diagonal"] = "full",
    weights: Tensor | None = None,
    settings: Sequence[Setting] | Callable[[Metric | None], Setting] | None = None,
    solver: Solver | None = None,
    agop_samples: int | None = None,
    seed: int = 0,
    max_memory: int | None = None,
) -> Iterator[RFMStep]:
    r"""Iterates of the recursive feature machine, as they are computed.

    Start at M = I. Repeat: :math:`\alpha = (K_M + \lambda I)^{-1} Y`; M <- AGOP(f) divided by its
    largest entry (or the diagonal of it). After the last M the coefficients are solved once more.

    Parameters
    ----------
    inputs
        X, (n, d), distinct rows (see ``agop.rfm.distinct``), float32 or float64.
    targets
        Y, (n, C).
    kernel
        Kernel k.
    ridge
        lambda >= 0.
    n_iterations
        Number k of AGOP updates; k + 1 solves and k + 1 steps.
    metric
        "full", or "diagonal" to keep the diagonal of the AGOP only.
    weights
        (n,) positive sample weights; ones if None.
    settings
        Kernel and ridge of each iterate, in the place of those given: in turn, the last one also of all that follow, or
        as a function of the metric.
    solver
        ``Cholesky()`` if None, or ``ConjugateGradient()``.
    agop_samples
        Random samples over which the AGOP is taken, new ones for each iterate; all if None.
    seed
        Seed of the draw of these samples.
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
    settings = settings or [Setting(kernel, ridge)]
    learned: Metric | None = None
    plan: AGOPPlan | None = None
    error = 0.0
    for iteration in range(n_iterations + 1):
        setting = settings(learned) if callable(settings) else settings[min(iteration, len(settings) - 1)]
        kernel = setting.kernel_at(inputs, learned)
        fit, pairs = fit_with_gradient_weights(
            kernel,
            inputs,
            targets,
            ridge=setting.ridge,
            metric=learned,
            weights=weights,
            solver=solver,
            max_memory=max_memory,
            share=iteration < n_iterations and not _sampled(agop_samples, inputs),
        )
        yield RFMStep(iteration, fit, plan, error)
        if iteration == n_iterations:
            return
        agop, plan, error = machine_agop(
            fit.machine,
            weights=weights,
            samples=agop_samples,
            seed=seed + iteration,
            max_memory=max_memory,
            gradient_weights=pairs,
        )
        pairs = None  # free it before the next kernel matrix
        learned = Metric(normalised_agop(agop if metric == "full" else agop.diagonal()))


def machine_agop(
    machine: KernelMachine,
    *,
    weights: Tensor | None = None,
    samples: int | None = None,
    seed: int = 0,
    max_memory: int | None = None,
    gradient_weights: Tensor | None = None,
) -> tuple[Tensor, AGOPPlan | None, float]:
    """AGOP (d, d) of a machine over its own centers, how it was computed, and its relative standard error.

    It is an estimate from ``samples`` of the centers if they are more, drawn with ``seed``; it has no plan then.
    """
    kernel, centers, coefficients, metric = machine.kernel, machine.centers, machine.coefficients, machine.metric
    if samples is not None and _sampled(samples, centers):
        estimate = sampled_kernel_agop(
            kernel, centers, coefficients, samples, metric=metric, weights=weights, seed=seed, max_memory=max_memory
        )
        return estimate.matrix, None, estimate.error
    agop, plan = planned_kernel_agop(
        kernel,
        centers,
        centers,
        coefficients,
        metric=metric,
        weights=weights,
        max_memory=max_memory,
        gradient_weights=gradient_weights,
    )
    return agop, plan, 0.0


def _sampled(samples: int | None, inputs: Tensor) -> bool:
    return samples is not None and samples < len(inputs)
