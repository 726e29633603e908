"""Convolutional recursive feature machines: patches, kernels, the recursion, its estimator, run and plots."""

from __future__ import annotations

from agop.conv_rfm.estimator import ConvRFMClassifier
from agop.conv_rfm.kernels import PATCH_KERNELS, ConvNNGP, ConvNTK, PatchKernel, PatchLaplace
from agop.conv_rfm.machine import ConvMachine, patch_kernel_matrix
from agop.conv_rfm.patch_agop import patch_agop
from agop.conv_rfm.patches import Patches
from agop.conv_rfm.record import ConvRFMRecord, filters_of
from agop.conv_rfm.recursion import ConvRFMStep, IterateSettings, conv_rfm

__all__ = [
    "PATCH_KERNELS",
    "ConvMachine",
    "ConvNNGP",
    "ConvNTK",
    "ConvRFMClassifier",
    "ConvRFMRecord",
    "ConvRFMStep",
    "IterateSettings",
    "PatchKernel",
    "PatchLaplace",
    "Patches",
    "conv_rfm",
    "filters_of",
    "patch_agop",
    "patch_kernel_matrix",
]
