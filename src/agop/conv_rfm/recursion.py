"""The recursion of convolutional RFM: fit a kernel machine on images, take its patch AGOP as metric, repeat."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from agop.conv_rfm.fit import ConvFit, fit_conv_machine
from agop.conv_rfm.machine import ConvMachine
from agop.conv_rfm.metric import patch_metric
from agop.conv_rfm.patch_agop import patch_agop
from agop.conv_rfm.patch_kernel import PatchKernel
from agop.errors import InputError
from agop.rfm import Samples
from agop.solvers import Solver

__all__ = ["ConvRFMStep", "IterateSettings", "conv_rfm"]


@dataclass(frozen=True)
class IterateSettings:
    """Settings of the iterates of convolutional RFM.

    Attributes
    ----------
    kernel
        Kernel k of the predictors.
    ridge
        lambda >= 0.
    power
        Power s > 0 of the AGOP that is the metric.
    agop_samples
        Images over which an AGOP is taken, a random draw for each iterate; all if None.

    Examples
    --------
    >>> from agop.conv_rfm import ConvNNGP
    >>> rows = torch.randn(20, 25, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> for power in (1.0, 0.5):  # the root keeps more of the identity
    ...     settings = IterateSettings(ConvNNGP(depth=1), power=power)
    ...     *_, last = conv_rfm(Samples.of(rows, rows[:, 12:13]), (1, 5, 5), settings, n_iterations=1)
    ...     print(power, round((last.machine.metric.diagonal().max() / last.machine.metric.trace()).item(), 2))
    1.0 0.14
    0.5 0.13
    """

    kernel: PatchKernel
    ridge: float = 1e-3
    power: float = 1.0
    agop_samples: int | None = None


@dataclass(frozen=True, eq=False)
class ConvRFMStep:
    """One iterate of the recursion.

    Attributes
    ----------
    iteration
        Number of AGOP updates behind the metric; 0 is kernel ridge regression.
    fit
        The predictor with the metric of this iterate, and how it was solved.

    Examples
    --------
    >>> from agop.conv_rfm import ConvNNGP
    >>> rows = torch.randn(20, 25, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> samples, settings = Samples.of(rows, rows[:, 12:13]), IterateSettings(ConvNNGP(depth=1), ridge=0.1)
    >>> for step in conv_rfm(samples, (1, 5, 5), settings, n_iterations=1):
    ...     error = (step.fit.predictions - samples.targets).square().mean().sqrt()
    ...     print(step.iteration, round(error.item(), 2))
    0 0.12
    1 0.11
    """

    iteration: int
    fit: ConvFit

    @property
    def machine(self) -> ConvMachine:
        """The predictor of this iterate."""
        return self.fit.machine


def conv_rfm(
    samples: Samples,
    image_shape: tuple[int, int, int],
    settings: IterateSettings,
    n_iterations: int = 2,
    *,
    seed: int = 0,
    max_memory: int | None = None,
    solver: Solver | None = None,
) -> Iterator[ConvRFMStep]:
    r"""Iterates of convolutional RFM, as they are computed.

    Start at M = I. Repeat: :math:`\alpha = (K_M + \lambda I)^{-1} Y`; :math:`M \leftarrow \mathrm{AGOP}^s`, the patch
    AGOP of the predictor, scaled so that mapped patches have the mean square that they have at M = I: the kernels of
    networks are proportional to M, so that the ridge means the same at every iterate.

    Parameters
    ----------
    samples
        Images as rows (n, c H W), distinct, in float32 or float64, with targets Y, (n, C), and weights.
    image_shape
        (c, H, W).
    settings
        Kernel, ridge, power, and images behind each AGOP.
    n_iterations
        Number k of AGOP updates; k + 1 solves and k + 1 steps.
    seed
        Seed of the draws of ``agop_samples``.
    max_memory
        Bytes for the kernel matrix and its factor, and once more for patches; no limit if None.
    solver
        ``Cholesky()`` if None.

    Yields
    ------
    ConvRFMStep
        Iterations 0 to ``n_iterations``; 0 alone where all targets are zero, as is the predictor at any metric.

    Raises
    ------
    InputError
        If a setting is out of its range, shapes do not match, or the AGOP is zero, though a target is not.
    MemoryBudgetError
        If the kernel matrix does not fit.

    References
    ----------
    Beaglehole, Radhakrishnan, Pandit, Belkin 2023 (arXiv 2309.00570).

    Examples
    --------
    >>> from agop.conv_rfm import ConvNNGP
    >>> rows = torch.randn(20, 25, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> samples = Samples.of(rows, rows[:, 12:13])
    >>> *_, last = conv_rfm(samples, (1, 5, 5), IterateSettings(ConvNNGP(depth=1)), n_iterations=1)
    >>> last.iteration, last.machine.metric.diagonal().argmax().item()
    (1, 4)
    """
    _check(samples, image_shape, settings, n_iterations)
    images = samples.inputs.reshape(-1, *image_shape)
    metric = None
    for iteration in range(n_iterations + 1):
        fit = fit_conv_machine(
            settings.kernel, images, samples, settings.ridge, metric, solver=solver, max_memory=max_memory
        )
        yield ConvRFMStep(iteration, fit)
        if iteration == n_iterations or not samples.sample_targets.any():
            return
        rows = _drawn(len(samples), settings.agop_samples, seed, iteration).to(images.device)
        weights = samples.weights[rows]
        agop = patch_agop(fit.machine, images[rows], weights, max_memory=max_memory)
        metric = patch_metric(settings.kernel, agop.mean(), images, samples.weights, settings.power)


def _drawn(n: int, most: int | None, seed: int, iteration: int) -> torch.Tensor:
    """Images behind an AGOP, a draw of its own for each iterate."""
    if most is None or most >= n:
        return torch.arange(n)
    generator = torch.Generator().manual_seed(seed + iteration)
    return torch.randperm(n, generator=generator)[:most].sort().values


def _check(samples: Samples, image_shape: tuple[int, int, int], settings: IterateSettings, n_iterations: int) -> None:
    if n_iterations < 0:
        raise InputError("n_iterations >= 0", str(n_iterations), "0 is kernel ridge regression.")
    if not 0 < settings.power < math.inf:
        raise InputError("a positive, finite power", repr(settings.power), "Take n_iterations=0 for the identity.")
    if not 0 <= settings.ridge < math.inf:
        raise InputError("a finite ridge >= 0", repr(settings.ridge), "Set such a number.")
    if math.prod(image_shape) != samples.inputs.shape[1]:
        got = f"rows of {samples.inputs.shape[1]} values"
        raise InputError(f"images of shape {tuple(image_shape)}", got, "Name channels, height and width.")
    settings.kernel.check(*image_shape[1:])
