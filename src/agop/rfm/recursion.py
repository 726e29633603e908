"""The recursive feature machine: fit a kernel machine, take its AGOP as metric, repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from agop.errors import InputError
from agop.kernel_machine import Fit, KernelMachine, Solver, fit_with_gradient_weights
from agop.kernels import Metric
from agop.outer_product import AGOPPlan, normalised_agop, planned_kernel_agop, sampled_kernel_agop
from agop.rfm.samples import Samples
from agop.rfm.tuning import Setting

__all__ = ["Limits", "RFMStep", "Settings", "in_turn", "machine_agop", "rfm"]

Settings: TypeAlias = Callable[[int, Sequence[Metric | None]], Setting]
"""Kernel and ridge of an iterate, from its number and its metric on each fold: one where there are no folds."""


def in_turn(settings: Sequence[Setting]) -> Settings:
    """Settings of the iterates in turn, the last one also of all that follow."""
    return lambda iteration, _: settings[min(iteration, len(settings) - 1)]


@dataclass(frozen=True)
class Limits:
    """What an iterate may take.

    Attributes
    ----------
    agop_samples
        Random samples over which an AGOP is taken, new ones for each iterate; all if None.
    seed
        Seed of the draw of these samples, and of folds.
    max_memory
        Bytes for the matrices over pairs; None for no limit.
    """

    agop_samples: int | None = None
    seed: int = 0
    max_memory: int | None = None

    def sampled(self, inputs: Tensor) -> bool:
        """Whether the AGOP over inputs (n, d) is an estimate."""
        return self.agop_samples is not None and self.agop_samples < len(inputs)


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
    samples: Samples,
    settings: Setting | Settings,
    n_iterations: int = 5,
    *,
    diagonal: bool = False,
    solver: Solver | None = None,
    limits: Limits = Limits(),
) -> Iterator[RFMStep]:
    r"""Iterates of the recursive feature machine, as they are computed.

    Start at M = I. Repeat: :math:`\alpha = (K_M + \lambda I)^{-1} Y`; M <- AGOP(f) divided by its
    largest entry (or the diagonal of it). After the last M the coefficients are solved once more.

    Parameters
    ----------
    samples
        X, (n, d), distinct, in float32 or float64, with targets Y, (n, C), and weights.
    settings
        Kernel k and ridge lambda of all iterates, or a function of the iterate.
    n_iterations
        Number k of AGOP updates; k + 1 solves and k + 1 steps.
    diagonal
        Whether to keep the diagonal of the AGOP only.
    solver
        ``Cholesky()`` if None, or ``ConjugateGradient()``.
    limits
        Samples behind each AGOP, seed of their draw, and memory.

    Yields
    ------
    RFMStep
        Iterations 0 to ``n_iterations``.

    Raises
    ------
    InputError
        If ``n_iterations`` is negative, samples are unusable, or the predictor is constant, so that its AGOP is zero.

    References
    ----------
    Radhakrishnan, Beaglehole, Pandit, Belkin 2024, Science 383:1461 (arXiv 2212.13881).

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Laplace
    >>> x = torch.rand(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> *_, last = rfm(Samples.of(x, x[:, :1]), Setting(Laplace(2.0), 1e-3), n_iterations=2)
    >>> last.iteration, last.machine.metric.matrix.argmax().item()
    (2, 0)
    """
    if n_iterations < 0:
        raise InputError("n_iterations >= 0", str(n_iterations), "0 is kernel ridge regression.")
    setting_of = in_turn([settings]) if isinstance(settings, Setting) else settings
    metric: Metric | None = None
    plan: AGOPPlan | None = None
    error = 0.0
    for iteration in range(n_iterations + 1):
        setting = setting_of(iteration, [metric])
        fit, pairs = fit_with_gradient_weights(
            setting.kernel_at(samples.inputs, metric),
            samples.inputs,
            samples.targets,
            ridge=setting.ridge,
            metric=metric,
            weights=samples.weights,
            solver=solver,
            max_memory=limits.max_memory,
            share=iteration < n_iterations and not limits.sampled(samples.inputs),
        )
        yield RFMStep(iteration, fit, plan, error)
        if iteration == n_iterations:
            return
        agop, plan, error = machine_agop(fit.machine, samples.weights, iteration, limits, gradient_weights=pairs)
        pairs = None  # free it before the next kernel matrix
        metric = Metric(normalised_agop(agop.diagonal() if diagonal else agop))


def machine_agop(
    machine: KernelMachine,
    weights: Tensor,
    iteration: int,
    limits: Limits,
    *,
    gradient_weights: Tensor | None = None,
) -> tuple[Tensor, AGOPPlan | None, float]:
    """AGOP (d, d) of a machine over its own centers, how it was computed, and its relative standard error.

    It is an estimate if ``limits`` say so, with a draw of its own at each iteration; it has no plan then.
    """
    kernel, centers, coefficients, metric = machine.kernel, machine.centers, machine.coefficients, machine.metric
    if limits.agop_samples is not None and limits.sampled(centers):
        estimate = sampled_kernel_agop(
            kernel,
            centers,
            coefficients,
            limits.agop_samples,
            metric=metric,
            weights=weights,
            seed=limits.seed + iteration,
            max_memory=limits.max_memory,
        )
        return estimate.matrix, None, estimate.error
    agop, plan = planned_kernel_agop(
        kernel,
        centers,
        centers,
        coefficients,
        metric=metric,
        weights=weights,
        max_memory=limits.max_memory,
        gradient_weights=gradient_weights,
    )
    return agop, plan, 0.0
