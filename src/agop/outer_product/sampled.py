"""AGOP of a kernel machine from a random subset of the points, with its standard error."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError
from agop.kernel_machine import KernelMachine
from agop.ranks import ALONE, Ranks

__all__ = ["sampled_agop"]


def sampled_agop(
    machine: KernelMachine,
    points: Tensor,
    samples: int,
    *,
    weights: Tensor | None = None,
    seed: int = 0,
    max_memory: int | None = None,
    ranks: Ranks = ALONE,
) -> tuple[Tensor, float]:
    r"""AGOP (d, d), estimated at some of the points drawn without replacement, and its relative standard error.

    With the terms :math:`T_i = J_i^T J_i` at m of n points, the mean of the T_i has the expected squared error
    :math:`(1 - m/n) \frac{m}{m - 1} \sum_i w_i^2 \|T_i - \overline{T}\|_F^2`, with the weights w of sum 1 over the
    drawn points and :math:`\overline{T} = \sum_i w_i T_i`. The norm of T_i is that of the C x C matrix
    :math:`J_i J_i^T`. Time grows as m n, memory stays bounded. Products are in the precision of the coefficients.
    Ranks that call this with the same arguments have m / ranks of the points each.

    Raises
    ------
    InputError
        If fewer than two samples are asked for.

    Examples
    --------
    >>> from agop.kernels import Gaussian
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> machine = KernelMachine(Gaussian(1.0), x, x[:, :1])
    >>> (estimate, error), (whole, none) = (sampled_agop(machine, x, m) for m in (100, 200))
    >>> bool((estimate - whole).norm() < 3 * error * whole.norm()), none
    (True, 0.0)
    """
    metric, coefficients = machine.metric, machine.coefficients
    n, m, dtype = len(points), min(samples, len(points)), coefficients.dtype
    if m < 2:
        raise InputError("two samples or more for an AGOP", str(samples), "Take some hundreds, or all.")
    chosen = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:m].sort().values.to(points.device)
    shares = torch.ones(m, dtype=torch.float64, device=points.device) if weights is None else weights[chosen].double()
    shares = shares / shares.sum()
    origin = machine.kernel.origin(machine.centers.mean(0))

    def at_metric(rows: Tensor) -> Tensor:
        return (rows - origin if metric is None else metric.map(rows, origin)).to(dtype)

    own, own_shares = chosen[ranks.rank :: ranks.world], shares[ranks.rank :: ranks.world]
    centers, points = at_metric(machine.centers), at_metric(points[own])
    root = None if metric is None else metric.root.to(centers)
    total = torch.zeros(centers.shape[1], centers.shape[1], dtype=torch.float64, device=points.device)
    squared = torch.zeros_like(total)  # sum of w^2 T, which is that of w T over m without weights
    squares = torch.zeros((), dtype=torch.float64, device=points.device)  # sum of w^2 ||T||^2
    bytes_per_row = (4 * len(centers) + (coefficients.shape[1] + 3) * centers.shape[1]) * dtype.itemsize
    for rows in row_chunks(len(own), bytes_per_row, max_memory):
        gradients = machine.kernel.output_gradients(points[rows], centers, coefficients)
        if root is not None:  # the chain rule, before norms are taken
            gradients = gradients * root if root.ndim == 1 else gradients @ root
        weighted = gradients * own_shares[rows, None].sqrt().to(gradients)
        total += _gram(weighted.flatten(0, 1))
        if weights is not None:
            squared += _gram((weighted * own_shares[rows, None].sqrt().to(gradients)).flatten(0, 1))
        by_sample = weighted.transpose(0, 1)
        squares += (by_sample @ by_sample.mT).double().square().sum()
    total, squared, squares = ranks.sum([total, squared, squares])
    if weights is None:
        squared = total / m
    size = total.square().sum()
    spread = squares - 2 * (squared * total).sum() + shares.square().sum() * size
    error = (spread.clamp(min=0) * m / (m - 1) * (1 - m / n) / size).sqrt().item() if size > 0 else 0.0
    return total, error


def _gram(rows: Tensor) -> Tensor:
    return rows.mT @ rows
