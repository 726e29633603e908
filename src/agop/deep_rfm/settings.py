"""Settings of Deep RFM on a data set, as one value.

A command states its options from it: what is slow to import, its methods import when they are called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from agop import deep_rfm, kernels, ranks
from agop.datasets import Coding, DataName, Standardization
from agop.runs.settings import AtLeast, Count, Seed

if TYPE_CHECKING:
    import torch

__all__ = ["AGOPScale", "DeepRFMSettings", "FeaturesName"]

AGOPScale: TypeAlias = Literal["max-entry", "row-norm"]
"""Quantity that is 1 after scaling M_l: its largest entry, or the mean norm of the rows of X_l M_l^{1/2}."""

FeaturesName: TypeAlias = Literal["relu", "cosine", "cosine-laplace", "cosine-gaussian"]
"""Random maps by name: ReLU, and cosines with Cauchy, multivariate Cauchy or normal weights."""


@dataclass(frozen=True)
class DeepRFMSettings:
    """Settings of a run; the defaults are the paper's where it states them.

    Attributes
    ----------
    data
        Data set.
    samples
        Training rows; all by default.
    subset
        Which rows: the "first" ones, or "random" ones, drawn anew for every seed.
    test_samples
        Test rows; all by default.
    standardize
        Pixels that share a mean and a deviation: one "feature", as published, or all pixels of a "channel".
    depth
        Number of layers.
    width
        Number of random features.
    kernel
        Kernel of the predictors.
    bandwidth
        Bandwidth L of the kernel.
    ridge
        Ridge of the predictors.
    targets
        Coding of the classes as targets: +1 and -1, "signed", as in arXiv 2402.13728; 1 and 0, "one-hot", as in arXiv
        2407.20199; or "centered", one-hot less its mean.
    features
        Kind of random features.
    gamma
        Scale of the "cosine" features.
    features_bandwidth
        Bandwidth of the "cosine-laplace" and "cosine-gaussian" features; that of the kernel by default.
    agop_scale
        Quantity that is 1 after scaling the AGOP: its largest entry, as published, or the mean norm of rows after it.
    seeds
        Seed of a run; repeat for several.
    control
        Also run the identity in place of the AGOP.
    permute_labels
        Break the relation of inputs and labels: the baseline that tells collapse from chance.
    dtype
        Type of the features.
    device
        Device, such as cpu or cuda.
    max_memory
        Bytes for the matrices over pairs of samples, of each process; no limit by default. One process without room for
        half of a kernel matrix factorizes it on disk.

    Examples
    --------
    >>> settings = DeepRFMSettings(data="mnist", width=256, features="cosine-laplace", features_bandwidth=1.0)
    >>> settings.make_kernel(), settings.make_features()
    (Laplace(bandwidth=2.0), LaplaceCosineFeatures(bandwidth=1.0, width=256))
    """

    data: DataName = "digits"
    samples: Count | None = None
    subset: Literal["first", "random"] = "first"
    test_samples: Annotated[int, AtLeast(0)] | None = None
    standardize: Standardization = "feature"
    depth: Count = 12
    width: Count = 1024
    kernel: Literal["laplace", "gaussian"] = "laplace"
    bandwidth: float = 2.0
    ridge: Annotated[float, AtLeast(0)] = 0.0
    targets: Coding = "signed"
    features: FeaturesName = "relu"
    gamma: float = 0.05
    features_bandwidth: float | None = None
    agop_scale: AGOPScale = "max-entry"
    seeds: tuple[Seed, ...] = (0,)
    control: bool = False
    permute_labels: bool = False
    dtype: Literal["float64", "float32"] = "float64"
    device: str = "cpu"
    max_memory: Count | None = None

    def make_kernel(self) -> kernels.Kernel:
        """Kernel of the predictors."""
        return kernels.named(self.kernel, bandwidth=self.bandwidth)

    def make_features(self) -> deep_rfm.RandomFeatures:
        """Distribution of the random maps."""
        bandwidth = self.bandwidth if self.features_bandwidth is None else self.features_bandwidth
        features: dict[str, Callable[[], deep_rfm.RandomFeatures]] = {
            "relu": lambda: deep_rfm.ReLUFeatures(self.width),
            "cosine": lambda: deep_rfm.CosineFeatures(self.width, self.gamma),
            "cosine-laplace": lambda: deep_rfm.LaplaceCosineFeatures(self.width, bandwidth),
            "cosine-gaussian": lambda: deep_rfm.GaussianCosineFeatures(self.width, bandwidth),
        }
        return features[self.features]()

    def torch_dtype(self) -> torch.dtype:
        """Data type of the features."""
        import torch

        return {"float64": torch.float64, "float32": torch.float32}[self.dtype]

    def torch_device(self) -> torch.device:
        """Device of the run, checked to be there."""
        from agop.inputs import usable_device

        return usable_device(ranks.local_device(self.device))
