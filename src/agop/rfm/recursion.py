"""The recursive feature machine: fit a kernel machine, take its AGOP as metric, repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from agop.errors import InputError
from agop.kernel_machine import Fit, KernelMachine, fit_kernel_machine
from agop.kernels import KernelMatrix
from agop.outer_product import AGOPPlan, KernelAGOP, centered_agop, kernel_agop
from agop.ranks import ALONE, Panels, Ranks
from agop.rfm.powers import Powers
from agop.rfm.samples import Samples
from agop.rfm.tuning import Setting
from agop.solvers import Cholesky, PanelCholesky, Solver

__all__ = ["Limits", "RFMStep", "Settings", "in_turn", "rfm"]

Settings: TypeAlias = Callable[[int, Sequence[Powers | None]], Setting]
"""Setting of an iterate, from its number and the last AGOP on each fold: one where there are no folds."""


def in_turn(settings: Sequence[Setting]) -> Settings:
    """Settings of the iterates in turn, the last one also of all that follow."""
    return lambda iteration, _: settings[min(iteration, len(settings) - 1)]


@dataclass(frozen=True)
class Limits:
    """Limits of an iterate: samples behind its AGOP, memory, and the processes that share it.

    Attributes
    ----------
    agop_samples
        Random samples over which an AGOP is taken, new ones for each iterate; all if None.
    seed
        Seed of the draw of these samples, and of folds.
    max_memory
        Bytes for the matrices over pairs, of each rank; None for no limit.
    ranks
        Processes that take the iterate together, with the same samples: each has some rows of the matrices over pairs.

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Laplace
    >>> x = torch.rand(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> samples, setting = Samples.of(x, x[:, :1]), Setting(Laplace(2.0), 1e-3)
    >>> [round(step.agop_error, 2) for step in rfm(samples, setting, 2, limits=Limits(agop_samples=25))]
    [0.0, 0.05, 0.04]
    """

    agop_samples: int | None = None
    seed: int = 0
    max_memory: int | None = None
    ranks: Ranks = ALONE

    def solver(self, solver: Solver | None, n: int) -> Solver:
        """The solver of a system of n rows, ``Cholesky()`` if None, or what does the same on several ranks.

        Raises
        ------
        InputError
            If ranks cannot share the work of the solver.
        """
        if self.ranks.group is None:
            return solver or Cholesky()
        if solver is not None and not isinstance(solver, Cholesky):
            raise InputError("solver='auto' or Cholesky() in a process group", repr(solver), "Take one of these.")
        return PanelCholesky(Panels.of(n, self.ranks), Cholesky().max_jitter if solver is None else solver.max_jitter)

    def sampled(self, inputs: Tensor) -> bool:
        """Whether the AGOP over inputs (n, d) is an estimate."""
        return self.agop_samples is not None and self.agop_samples < len(inputs)

    def agop(
        self,
        machine: KernelMachine,
        points: Tensor,
        weights: Tensor,
        iteration: int,
        gradient_weights: Tensor | None = None,
    ) -> KernelAGOP:
        """AGOP of a machine over weighted points, or an estimate with a draw of its own at each iteration."""
        return kernel_agop(
            machine,
            points if self.ranks.group is None else Panels.of(len(weights), self.ranks),
            weights=weights,
            samples=self.agop_samples,
            seed=self.seed + iteration,
            gradient_weights=gradient_weights,
            max_memory=self.max_memory,
        )


@dataclass(frozen=True)
class RFMStep:
    """One iterate of the recursion.

    Attributes
    ----------
    iteration
        Number of AGOP updates behind the metric; 0 is kernel ridge regression.
    fit
        The kernel machine with the metric of this iterate, and how it was solved.
    ridge
        lambda of this iterate.
    power
        Power of the AGOP that is its metric; 0, that of the identity, at iteration 0.
    plan
        Plan by which the AGOP that made the metric was computed; None at iteration 0, or if it is an estimate.
    agop_error
        Relative standard error of that AGOP; 0 if it is no estimate.

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Laplace
    >>> x = torch.rand(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> for step in rfm(Samples.of(x, x[:, :1]), Setting(Laplace(2.0), 1e-3, power=0.5), n_iterations=1):
    ...     print(step.iteration, step.power, step.plan and step.plan.form)
    0 0.0 None
    1 0.5 per-output
    """

    iteration: int
    fit: Fit
    ridge: float
    power: float
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
    centered: bool = False,
    solver: Solver | None = None,
    limits: Limits = Limits(),
) -> Iterator[RFMStep]:
    r"""Iterates of the recursive feature machine, as they are computed.

    Start at M = I. Repeat: :math:`\alpha = (K_M + \lambda I)^{-1} Y`; :math:`M \leftarrow \mathrm{AGOP}(f)^s` (or the
    power of its diagonal) divided by its largest entry. After the last M the coefficients are solved once more.

    Parameters
    ----------
    samples
        X, (n, d), distinct, in float32 or float64, with targets Y, (n, C), and weights.
    settings
        Kernel k, ridge lambda and power s of all iterates, s = 1 unless given; or a function of the iterate.
    n_iterations
        Number k of AGOP updates; k + 1 solves and k + 1 steps.
    diagonal
        Whether to keep the diagonal of the AGOP only.
    centered
        Whether to take the gradients about their mean over the samples, as for modular arithmetic (arXiv 2407.20199).
    solver
        ``Cholesky()`` if None, ``ConjugateGradient()``, or ``Nystrom()``.
    limits
        Samples behind each AGOP, seed of their draw, memory, and the ranks that take the iterates together.

    Yields
    ------
    RFMStep
        Iterations 0 to ``n_iterations``; 0 alone where all targets are zero, as is the predictor at any metric.

    Raises
    ------
    InputError
        If ``n_iterations`` is negative, samples or a power are unusable, the AGOP is zero, though a target is not, or
        centered gradients are asked of an estimated AGOP or of several ranks.

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
    if centered and (limits.sampled(samples.inputs) or limits.ranks.group is not None):
        raise InputError("all samples in one process for centered gradients", repr(limits), "Leave one of both out.")
    setting_of = in_turn([settings]) if isinstance(settings, Setting) else settings
    powers: Powers | None = None
    plan: AGOPPlan | None = None
    error = 0.0
    for iteration in range(n_iterations + 1):
        setting = limits.ranks.exchange(setting_of(iteration, [powers]))[0]
        metric = setting.metric(powers)
        matrix = KernelMatrix(
            setting.kernel_at(samples.inputs, metric),
            samples.inputs,
            setting.ridge / samples.weights,
            metric,
            limits.max_memory,
            keep_gradient_weights=iteration < n_iterations and not limits.sampled(samples.inputs),
        )
        fit = fit_kernel_machine(matrix, samples.targets, limits.solver(solver, len(samples)))
        yield RFMStep(iteration, fit, setting.ridge, setting.power if iteration else 0.0, plan, error)
        if iteration == n_iterations or not samples.sample_targets.any():
            return
        agop = limits.agop(fit.machine, samples.inputs, samples.weights, iteration, matrix.gradient_weights)
        if centered:
            agop = centered_agop(agop, fit.machine, samples.weights, limits.max_memory)
        del matrix  # free its gradient weights before the next one
        plan, error = agop.plan, agop.standard_error
        powers = Powers.of(agop, samples.inputs.dtype, diagonal=diagonal)
