"""Convolutional recursive feature machines: patches, kernels, the recursion, its estimator, run and plots."""

from __future__ import annotations

from agop.conv_rfm.kernels import PATCH_KERNELS, ConvNNGP, ConvNTK, PatchKernel, PatchLaplace
from agop.conv_rfm.patches import Patches

__all__ = ["PATCH_KERNELS", "ConvNNGP", "ConvNTK", "PatchKernel", "PatchLaplace", "Patches"]
