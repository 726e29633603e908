"""Public names, and the module of each, which is imported when the name is first used."""

from .deep import ConvLayer as ConvLayer
from .deep import ConvLayerMap as ConvLayerMap
from .deep import ConvLayerSettings as ConvLayerSettings
from .deep import deep_conv_rfm as deep_conv_rfm
from .deep_record import ConvLayerRecord as ConvLayerRecord
from .deep_record import conv_layer_records as conv_layer_records
from .estimator import ConvRFMClassifier as ConvRFMClassifier
from .filters import filters_of as filters_of
from .fit import ConvFit as ConvFit
from .kernels import PATCH_KERNELS as PATCH_KERNELS
from .kernels import ConvNNGP as ConvNNGP
from .kernels import ConvNTK as ConvNTK
from .kernels import PatchLaplace as PatchLaplace
from .kind import CONV_RFM as CONV_RFM
from .machine import ConvMachine as ConvMachine
from .machine import patch_kernel_matrix as patch_kernel_matrix
from .patch_agop import patch_agop as patch_agop
from .patch_kernel import PatchKernel as PatchKernel
from .patches import Patches as Patches
from .record import ConvRFMRecord as ConvRFMRecord
from .recursion import ConvRFMStep as ConvRFMStep
from .recursion import IterateSettings as IterateSettings
from .recursion import conv_rfm as conv_rfm
from .run import run_conv_rfm as run_conv_rfm
from .settings import ConvRFMSettings as ConvRFMSettings
