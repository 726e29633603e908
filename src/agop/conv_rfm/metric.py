"""The metric of patches that a patch AGOP becomes."""

from __future__ import annotations

from torch import Tensor

from agop.conv_rfm.machine import MetricPatches
from agop.conv_rfm.patch_kernel import PatchKernel
from agop.errors import InputError
from agop.linalg import psd_power
from agop.outer_product import OuterProduct, normalized_agop

__all__ = ["patch_metric"]


def patch_metric(kernel: PatchKernel, agop: Tensor, images: Tensor, weights: Tensor, power: float = 1.0) -> Tensor:
    """AGOP^s, scaled so that the mean square of mapped patches of weighted images is that of the patches.

    Raises
    ------
    InputError
        If the AGOP is zero, which is that of a constant predictor, or all patches are zero.
    """
    agop = normalized_agop(agop)
    metric = agop if power == 1 else psd_power(agop, power)
    patches = MetricPatches(kernel, images, None)
    moment = OuterProduct.empty(len(agop), device=images.device).total
    for rows in patches.parts(0.25, None):
        part = patches[rows].double()
        scale = weights[rows].sqrt().repeat_interleave(part[0, ..., 0].numel())
        part = part.flatten(0, 2) * scale[:, None]
        moment += part.mT @ part
    mapped = (metric * moment).sum()
    if not mapped > 0:
        raise InputError("patches that the AGOP does not map to zero", "none", "Check whether all images are zero.")
    return metric * (moment.trace() / mapped)
