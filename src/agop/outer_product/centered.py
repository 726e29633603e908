"""AGOP of a kernel machine about its mean gradient."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError
from agop.kernel_machine import KernelMachine
from agop.kernels.metric import mapped
from agop.outer_product.kernel import KernelAGOP

__all__ = ["centered_agop", "mean_gradients"]


def mean_gradients(machine: KernelMachine, weights: Tensor | None = None, max_memory: int | None = None) -> Tensor:
    r"""Means over the centers :math:`\bar g_l = \frac1n \sum_i \nabla f_l(x_i)` for every output, (C, d), float64.

    Examples
    --------
    >>> from agop.kernels import Polynomial
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> mean_gradients(KernelMachine(Polynomial(degree=1), x, torch.ones(2, 1)))
    tensor([[1., 3.]], dtype=torch.float64)
    """
    metric, coefficients = machine.metric, machine.coefficients.double()
    origin = machine.kernel.origin(machine.centers.mean(0))
    centers = mapped(machine.centers, origin, metric, torch.float64)
    shares = torch.ones(len(centers), dtype=torch.float64, device=centers.device) if weights is None else weights
    pairs = None
    if max_memory is None or 8 * len(centers) ** 2 <= max_memory:
        pairs = machine.kernel.gradient_weights(centers)
    if pairs is None:
        total = _summed(machine, centers, shares, max_memory)
    else:  # sum_i w_i V_ij (x_i - x_j), without any single gradient
        total = (shares[:, None] * (pairs @ coefficients)).mT @ centers
        total -= ((shares @ pairs)[:, None] * coefficients).mT @ centers
    total /= shares.sum()
    if metric is None:
        return total
    root = metric.root.to(total)  # the chain rule
    return total * root if root.ndim == 1 else total @ root


def _summed(machine: KernelMachine, centers: Tensor, shares: Tensor, max_memory: int | None) -> Tensor:
    """Weighted sums of the gradients at the centers in the coordinates of the kernel, (C, d)."""
    coefficients = machine.coefficients.double()
    total = centers.new_zeros(coefficients.shape[1], centers.shape[1])
    bytes_per_row = 8 * (3 * len(centers) + (coefficients.shape[1] + 3) * centers.shape[1])
    for rows in row_chunks(len(centers), bytes_per_row, max_memory):
        gradients = machine.kernel.output_gradients(centers[rows], centers, coefficients)
        total += torch.einsum("cnd,n->cd", gradients, shares[rows])
    return total


def centered_agop(
    agop: KernelAGOP, machine: KernelMachine, weights: Tensor | None = None, max_memory: int | None = None
) -> KernelAGOP:
    r"""Covariance of the gradients in place of their second moment.

    .. math:: \frac1n \sum_i \sum_l (\nabla f_l(x_i) - \bar g_l) (\nabla f_l(x_i) - \bar g_l)^T
              = \mathrm{AGOP} - \sum_l \bar g_l \bar g_l^T.

    A linear function has none. Eigenvalues that are rounding may be negative.

    Parameters
    ----------
    agop
        The AGOP of the machine over all of its centers.
    machine
        Kernel machine.
    weights
        (n,) weights of the centers; ones if None.
    max_memory
        Bytes for the matrices over pairs; unlimited if None.

    Raises
    ------
    InputError
        If the AGOP is an estimate.

    References
    ----------
    Mallinar, Beaglehole, Zhu, Radhakrishnan, Pandit, Belkin 2024 (arXiv 2407.20199).

    Examples
    --------
    >>> from agop.kernels import Polynomial
    >>> from agop.outer_product import kernel_agop
    >>> machine = KernelMachine(Polynomial(), torch.tensor([[1.0], [2.0]]), torch.ones(2, 1))  # 5 x^2
    >>> agop = kernel_agop(machine)
    >>> agop.matrix.item(), centered_agop(agop, machine).matrix.item()  # of the gradients 10 and 20
    (250.0, 25.0)
    """
    if agop.plan is None:
        raise InputError("an AGOP over all samples", "an estimate", "Center with agop_samples=None.")
    mean = mean_gradients(machine, weights, max_memory).to(agop.matrix)
    return replace(agop, matrix=agop.matrix - mean.mT @ mean)
