"""The average gradient outer product of the patches of images."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from agop.chunks import DEFAULT_CHUNK_BYTES, row_chunks
from agop.conv_rfm.machine import ConvMachine, MetricPatches
from agop.errors import InputError
from agop.outer_product import OuterProduct

__all__ = ["patch_agop"]


def patch_agop(
    machine: ConvMachine, images: Tensor, weights: Tensor | None = None, *, max_memory: int | None = None
) -> OuterProduct:
    r"""Average outer product of the gradients of a machine in the patches of images.

    .. math:: \frac{1}{n} \sum_i \sum_l \sum_p \nabla_{P_p x_i} f_l(x_i)\, \nabla_{P_p x_i} f_l(x_i)^T

    over samples i, outputs l and positions p. Patches count as independent variables, zeros beyond the edge among them:
    it is what the weight W of a first convolution sees, of which it is compared with :math:`W^T W`.

    Parameters
    ----------
    machine
        Predictor with C outputs.
    images
        (n, c, H, W).
    weights
        (n,) non-negative, how much each image counts; all alike if None.
    max_memory
        Bytes for patches and gradients; 1.25 GiB if None. Those of one image are always there.

    Returns
    -------
    OuterProduct
        Of c q q entries, channel by channel, row by row; those of several batches merge.

    Raises
    ------
    InputError
        If shapes do not match, weights are negative, or something is not finite.

    References
    ----------
    Beaglehole, Radhakrishnan, Pandit, Belkin 2023, Mechanism of feature learning in convolutional neural networks
    (arXiv 2309.00570).

    Examples
    --------
    >>> from agop.conv_rfm import ConvNNGP
    >>> images = torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    >>> patch_agop(ConvMachine(ConvNNGP(), images, torch.ones(5, 1)), images).mean().shape
    torch.Size([9, 9])
    """
    machine.check()
    if images.shape[1:] != machine.centers.shape[1:] or (weights is not None and weights.shape != images.shape[:1]):
        expected = f"images as the centers, {tuple(machine.centers.shape[1:])}, and one weight each"
        got = f"shapes {tuple(images.shape)} and {None if weights is None else tuple(weights.shape)}"
        raise InputError(expected, got, "Check the axes.")
    if weights is None:
        weights = torch.ones(len(images), dtype=torch.float64, device=images.device)
    if not ((weights >= 0) & weights.isfinite()).all() or not weights.any():
        raise InputError("non-negative weights", "negative, infinite, or all zero", "Leave other samples out.")
    points, centers = (MetricPatches(machine.kernel, each, machine.root) for each in (images, machine.centers))
    n_entries, budget = points[:1].shape[3], max_memory or 4 * DEFAULT_CHUNK_BYTES
    total = torch.zeros(n_entries, n_entries, dtype=torch.float64, device=images.device)
    bytes_per_image = 3 * points.bytes_per_image * machine.coefficients.shape[1]
    for rows in row_chunks(len(images), bytes_per_image, budget // 2):
        gradients = _gradients(machine, points[rows], centers, max_memory).flatten(0, 2)
        scale = weights[rows].sqrt().repeat_interleave(len(gradients) // len(weights[rows]))
        total += OuterProduct.of((gradients * scale.to(gradients)[:, None, None]).flatten(0, 1)).total
    if machine.root is not None:
        root = machine.root.to(total)
        total = root @ total @ root
    return OuterProduct(weights.sum().item(), total)


def _gradients(machine: ConvMachine, points: Tensor, centers: MetricPatches, max_memory: int | None) -> Tensor:
    """Gradients (n, h, w, C, r) in mapped patches, summed over parts of the centers."""
    return reduce(
        torch.Tensor.add_,
        (
            machine.kernel.output_gradients(points, centers[part], machine.coefficients[part])
            for part in centers.parts(0.25, max_memory)
        ),
    )
