"""Kernel ridge regression on images: the predictor of an iterate, and how it was computed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.conv_rfm.machine import ConvMachine, patch_kernel_matrix
from agop.conv_rfm.patch_kernel import PatchKernel
from agop.rfm import Samples
from agop.solvers import Cholesky, DenseMatrix, Solution, Solver
from agop.solvers.solver import require_memory

__all__ = ["ConvFit", "fit_conv_machine"]


@dataclass(frozen=True, eq=False)
class ConvFit:
    """A fitted machine and how it was computed.

    Attributes
    ----------
    machine
        The predictor.
    solution
        The solution of its linear system; its values are the coefficients.
    predictions
        (n, C) float64 values at the images that it was fitted to, from the system: K alpha = Y - diag(s) alpha.

    Examples
    --------
    >>> from agop.conv_rfm import ConvNNGP, IterateSettings, conv_rfm
    >>> samples = Samples.of(torch.eye(4, dtype=torch.float64), torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]))
    >>> (step,) = conv_rfm(samples, (1, 2, 2), IterateSettings(ConvNNGP(depth=1), ridge=0.1), n_iterations=0)
    >>> step.fit.predictions.ravel(), step.fit.solution.jitter
    (tensor([ 0.4309, -0.4309,  0.4309, -0.4309], dtype=torch.float64), 0.0)
    """

    machine: ConvMachine
    solution: Solution
    predictions: Tensor


def fit_conv_machine(
    kernel: PatchKernel,
    images: Tensor,
    samples: Samples,
    ridge: float,
    metric: Tensor | None = None,
    *,
    solver: Solver | None = None,
    max_memory: int | None = None,
) -> ConvFit:
    """Kernel ridge regression of the targets of samples on their images (n, c, H, W)."""
    unsolved = ConvMachine(kernel, images, images.new_empty(0, 0), metric)
    solver = Cholesky() if solver is None else solver
    needed = 8 * len(images) ** 2 + solver.least_memory(len(images), torch.float64)
    require_memory(needed, max_memory)
    matrix = patch_kernel_matrix(kernel, images, unsolved.root, max_memory)
    shift, targets = ridge / samples.weights, samples.targets.double()
    solution = solver.solve(DenseMatrix(matrix, shift), targets)
    predictions = targets - (shift + solution.jitter)[:, None] * solution.values
    return ConvFit(ConvMachine(kernel, images, solution.values, metric), solution, predictions)
