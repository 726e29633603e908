"""Settings of convolutional RFM on a data set, as one value.

A command states its options from it: what is slow to import, its methods import when they are called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from agop import conv_rfm
from agop.datasets import Coding, DataName
from agop.runs.settings import AtLeast, Count, Seed

if TYPE_CHECKING:
    import torch

__all__ = ["ConvRFMSettings"]


@dataclass(frozen=True)
class ConvRFMSettings:
    """Settings of a run.

    Attributes
    ----------
    data
        Data set of images.
    samples
        Training images; all by default.
    subset
        Which images: the "first" ones, or "random" ones, drawn anew for every seed.
    test_samples
        Test images; all by default.
    shrink
        Side of the squares of pixels that are averaged to one, before anything else.
    kernel
        Kernel of the predictors: of a convolutional network all of whose layers are trained, "ntk", or the read-out
        alone, "nngp"; or "laplace", of the distance of patches.
    depth
        Number of convolutions of the network.
    size
        Pixels of a side of a patch.
    stride
        Pixels from one patch to the next.
    bandwidth
        Bandwidth L of the "laplace" kernel.
    ridge
        Ridge of the predictors.
    targets
        Coding of the classes as targets: +1 and -1, "signed", as in arXiv 2402.13728; 1 and 0, "one-hot", as in arXiv
        2407.20199; or "centered", one-hot less its mean.
    iterations
        Number of AGOP updates.
    power
        Power of the AGOP that is the metric; 0.5 learns more slowly and forgets less.
    agop_samples
        Images over which an AGOP is taken, a random draw for each iterate; all by default.
    seeds
        Seed of a run; repeat for several.
    permute_labels
        Break the relation of images and labels: the baseline that tells learning from chance.
    dtype
        Type of the images.
    device
        Device, such as cpu or cuda.
    max_memory
        Bytes for the kernel matrix and its factor, and once more for patches; no limit by default.

    Examples
    --------
    >>> ConvRFMSettings(data="cifar10", kernel="nngp", depth=3, power=0.5).iterate_settings()
    IterateSettings(kernel=ConvNNGP(depth=3), ridge=0.001, power=0.5, agop_samples=None)
    """

    data: DataName = "digits"
    samples: Count | None = None
    subset: Literal["first", "random"] = "random"
    test_samples: Annotated[int, AtLeast(0)] | None = None
    shrink: Count = 1
    kernel: Literal["ntk", "nngp", "laplace"] = "ntk"
    depth: Count = 2
    size: Count = 3
    stride: Count = 1
    bandwidth: float = 1.0
    ridge: Annotated[float, AtLeast(0)] = 1e-3
    targets: Coding = "signed"
    iterations: Annotated[int, AtLeast(0)] = 3
    power: float = 1.0
    agop_samples: Count | None = None
    seeds: tuple[Seed, ...] = (0,)
    permute_labels: bool = False
    dtype: Literal["float64", "float32"] = "float32"
    device: str = "cpu"
    max_memory: Count | None = None

    def make_kernel(self) -> conv_rfm.PatchKernel:
        """Kernel of the predictors."""
        if self.kernel == "laplace":
            return conv_rfm.PatchLaplace(self.bandwidth, self.size, self.stride)
        return {"ntk": conv_rfm.ConvNTK, "nngp": conv_rfm.ConvNNGP}[self.kernel](self.depth, self.size, self.stride)

    def iterate_settings(self) -> conv_rfm.IterateSettings:
        """Settings of the iterates."""
        return conv_rfm.IterateSettings(self.make_kernel(), self.ridge, self.power, self.agop_samples)

    def torch_dtype(self) -> torch.dtype:
        """Data type of the images."""
        import torch

        return {"float64": torch.float64, "float32": torch.float32}[self.dtype]

    def torch_device(self) -> torch.device:
        """Device of the run, checked to be there."""
        from agop.inputs import usable_device

        return usable_device(self.device)
