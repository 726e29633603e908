"""AGOP of a kernel machine from a random subset of the samples, with its standard error."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError
from agop.kernels import Kernel, Metric

__all__ = ["SampledAGOP", "sampled_kernel_agop"]


@dataclass(frozen=True)
class SampledAGOP:
    """An estimate of an AGOP.

    Attributes
    ----------
    matrix
        (d, d), float64.
    error
        Standard error relative to the Frobenius norm: the root of the mean of ||estimate - AGOP||^2 over ||AGOP||^2,
        itself estimated; 0 when all samples were used.
    n_samples
        Samples whose gradients were taken.
    """

    matrix: Tensor
    error: float
    n_samples: int


def sampled_kernel_agop(
    kernel: Kernel,
    centers: Tensor,
    coefficients: Tensor,
    n_samples: int,
    *,
    metric: Metric | None = None,
    weights: Tensor | None = None,
    seed: int = 0,
    max_memory: int | None = None,
) -> SampledAGOP:
    r"""AGOP of a kernel machine over its own centers, estimated from some of them drawn without replacement.

    With the terms :math:`T_i = J_i^T J_i` at m of n samples, the mean of the T_i has the expected squared error
    :math:`(1 - m/n) \frac{m}{m - 1} \sum_i w_i^2 \|T_i - \overline{T}\|_F^2`, with the weights w of sum 1 over the
    drawn samples and :math:`\overline{T} = \sum_i w_i T_i`. The norm of T_i is that of the C x C matrix
    :math:`J_i J_i^T`. Time grows as m n, memory stays bounded.

    Parameters
    ----------
    kernel
        Kernel k, applied to M^{1/2} x.
    centers
        X, (n, d).
    coefficients
        A, (n, C), in the precision of the products.
    n_samples
        m; n or more takes all.
    metric
        M; identity if None.
    weights
        (n,) positive weights of the samples, so that means are weighted ones; ones if None.
    seed
        Of the draw.
    max_memory
        Bytes for blocks of pairs; a default size if None.

    Raises
    ------
    InputError
        If fewer than two samples are asked for.

    Examples
    --------
    >>> from agop.kernels import Gaussian
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> estimate = sampled_kernel_agop(Gaussian(1.0), x, x[:, :1], 100)
    >>> whole = sampled_kernel_agop(Gaussian(1.0), x, x[:, :1], 200)
    >>> bool((estimate.matrix - whole.matrix).norm() < 3 * estimate.error * whole.matrix.norm()), whole.error
    (True, 0.0)
    """
    kernel.check()
    n, m = len(centers), min(n_samples, len(centers))
    if m < 2:
        raise InputError("two samples or more for an AGOP", str(n_samples), "Take some hundreds, or all.")
    chosen = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:m].sort().values.to(centers.device)
    origin, dtype = centers.mean(0), coefficients.dtype
    shares = torch.ones(m, dtype=torch.float64, device=centers.device) if weights is None else weights[chosen].double()
    shares = shares / shares.sum()
    points = ((centers - origin) if metric is None else metric.map(centers, origin)).to(dtype)
    root = None if metric is None else metric.root.to(points)
    total = torch.zeros(points.shape[1], points.shape[1], dtype=torch.float64, device=points.device)
    squared = torch.zeros_like(total)  # sum of w^2 T, which is that of w T over m without weights
    squares = torch.zeros((), dtype=torch.float64, device=points.device)  # sum of w^2 ||T||^2
    bytes_per_row = (4 * n + (coefficients.shape[1] + 3) * points.shape[1]) * dtype.itemsize
    for rows in row_chunks(m, bytes_per_row, max_memory):
        gradients = kernel.output_gradients(points[chosen[rows]], points, coefficients)
        if root is not None:  # the chain rule, before norms are taken
            gradients = gradients * root if root.ndim == 1 else gradients @ root
        weighted = gradients * shares[rows, None].sqrt().to(gradients)
        total += _gram(weighted.flatten(0, 1))
        if weights is not None:
            squared += _gram((weighted * shares[rows, None].sqrt().to(gradients)).flatten(0, 1))
        by_sample = weighted.transpose(0, 1)
        squares += (by_sample @ by_sample.mT).double().square().sum()
    if weights is None:
        squared = total / m
    size = total.square().sum()
    spread = squares - 2 * (squared * total).sum() + shares.square().sum() * size
    error = (spread.clamp(min=0) * m / (m - 1) * (1 - m / n) / size).sqrt().item() if size > 0 else 0.0
    return SampledAGOP(total, error, m)


def _gram(rows: Tensor) -> Tensor:
    return rows.mT @ rows
