"""Convolutional recursive feature machines: patches, kernels, the recursion, its estimator, run and plots."""

from __future__ import annotations

from agop.conv_rfm.deep import ConvLayer, ConvLayerMap, ConvLayerSettings, deep_conv_rfm
from agop.conv_rfm.deep_record import ConvLayerRecord, conv_layer_records
from agop.conv_rfm.estimator import ConvRFMClassifier
from agop.conv_rfm.filters import filters_of
from agop.conv_rfm.fit import ConvFit
from agop.conv_rfm.kernels import PATCH_KERNELS, ConvNNGP, ConvNTK, PatchLaplace
from agop.conv_rfm.kind import CONV_RFM
from agop.conv_rfm.machine import ConvMachine, patch_kernel_matrix
from agop.conv_rfm.patch_agop import patch_agop
from agop.conv_rfm.patch_kernel import PatchKernel
from agop.conv_rfm.patches import Patches
from agop.conv_rfm.record import ConvRFMRecord
from agop.conv_rfm.recursion import ConvRFMStep, IterateSettings, conv_rfm
from agop.conv_rfm.run import run_conv_rfm
from agop.conv_rfm.settings import ConvRFMSettings

__all__ = [
    "CONV_RFM",
    "PATCH_KERNELS",
    "ConvFit",
    "ConvLayer",
    "ConvLayerMap",
    "ConvLayerRecord",
    "ConvLayerSettings",
    "ConvMachine",
    "ConvNNGP",
    "ConvNTK",
    "ConvRFMClassifier",
    "ConvRFMRecord",
    "ConvRFMSettings",
    "ConvRFMStep",
    "IterateSettings",
    "PatchKernel",
    "PatchLaplace",
    "Patches",
    "conv_layer_records",
    "conv_rfm",
    "deep_conv_rfm",
    "filters_of",
    "patch_agop",
    "patch_kernel_matrix",
    "run_conv_rfm",
]
