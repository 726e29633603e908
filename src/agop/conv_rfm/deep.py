"""Deep convolutional RFM: kernel machine, root of its patch AGOP on patches, random convolution, layer after layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.conv_rfm.fit import ConvFit, fit_conv_machine
from agop.conv_rfm.machine import MetricPatches
from agop.conv_rfm.metric import patch_metric
from agop.conv_rfm.patch_agop import patch_agop
from agop.conv_rfm.patch_kernel import PatchKernel
from agop.errors import InputError
from agop.linalg import psd_power
from agop.rfm import Samples

__all__ = ["ConvLayer", "ConvLayerMap", "ConvLayerSettings", "deep_conv_rfm", "normalized"]


@dataclass(frozen=True)
class ConvLayerSettings:
    """Settings of the layers of deep convolutional RFM.

    Attributes
    ----------
    kernel
        Kernel of the predictors, whose patches are those of the random convolutions too.
    width
        Number of random features at a position.
    ridge
        lambda >= 0.
    pool
        Side of the squares of positions that are averaged after the ReLU; 1 for none. A rest at the edge is left out.
    agop
        Whether patches are multiplied by the root of the AGOP; False for the control without feature learning.

    Examples
    --------
    >>> from agop.conv_rfm import ConvNTK
    >>> rows = torch.randn(20, 36, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> settings = ConvLayerSettings(ConvNTK(1), width=4, pool=2)
    >>> layers = deep_conv_rfm(Samples.of(rows, rows[:, :1].sign()), (1, 6, 6), settings, depth=2)
    >>> [tuple(layer.images.shape) for layer in layers]
    [(20, 1, 6, 6), (20, 4, 3, 3)]
    """

    kernel: PatchKernel
    width: int = 32
    ridge: float = 1e-3
    pool: int = 1
    agop: bool = True


@dataclass(frozen=True, eq=False)
class ConvLayerMap:
    """The map of one layer.

    Attributes
    ----------
    kernel
        Kernel that says what a patch is.
    root
        M^{1/2} of the layer, (r, r); None for the identity.
    weight
        Weights (k, r) of the random convolution.
    pool
        Side of the squares of positions that are averaged.

    Examples
    --------
    >>> from agop.conv_rfm import ConvNTK
    >>> layer_map = ConvLayerMap(ConvNTK(1), None, torch.ones(2, 9), pool=1)
    >>> mapped, features = layer_map.stages(torch.ones(1, 1, 3, 3))
    >>> tuple(mapped.shape), features[0, 0]
    ((1, 3, 3, 9), tensor([[4., 6., 4.],
            [6., 9., 6.],
            [4., 6., 4.]]))
    """

    kernel: PatchKernel
    root: Tensor | None
    weight: Tensor
    pool: int

    def stages(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mapped patches (n, h, w, r) of normalized images, and features (n, k, h', w') after ReLU and pooling."""
        mapped = MetricPatches(self.kernel, images, self.root)[:]
        features = (mapped @ self.weight.to(mapped).mT).relu_().permute(0, 3, 1, 2)
        return mapped, features if self.pool == 1 else torch.nn.functional.avg_pool2d(features, self.pool)

    def __call__(self, images: Tensor) -> Tensor:
        """Normalized images of this layer -> normalized images of the next, some at a time."""
        bytes_per_image = 2 * MetricPatches(self.kernel, images, self.root).bytes_per_image
        return torch.cat(
            [normalized(self.stages(images[rows])[1]) for rows in row_chunks(len(images), bytes_per_image)]
        )


@dataclass(frozen=True, eq=False)
class ConvLayer:
    """One layer: what it learned, and the map to the next one.

    Attributes
    ----------
    index
        Layer number l, from 1.
    fit
        Kernel ridge regression of the targets on the images X_l, with M = I.
    metric
        M_l, (r, r), the scaled patch AGOP of the predictor; None for the control.
    map
        The map from X_l to X_{l+1}.

    Examples
    --------
    >>> from agop.conv_rfm import ConvNTK
    >>> rows = torch.randn(20, 36, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> samples, settings = Samples.of(rows, rows[:, :1].sign()), ConvLayerSettings(ConvNTK(1), width=4)
    >>> (layer,) = deep_conv_rfm(samples, (1, 6, 6), settings, depth=1)
    >>> tuple(layer.images.shape), tuple(layer.metric.shape), tuple(layer.map(layer.images).shape)
    ((20, 1, 6, 6), (9, 9), (20, 4, 6, 6))
    """

    index: int
    fit: ConvFit
    metric: Tensor | None
    map: ConvLayerMap

    @property
    def images(self) -> Tensor:
        """X_l, normalized training images of the layer, (n, c, H, W)."""
        return self.fit.machine.centers


def normalized(images: Tensor) -> Tensor:
    """Images (n, c, H, W) over the root of the mean square of their entries; a zero image stays zero.

    Examples
    --------
    >>> normalized(torch.tensor([3.0, 4.0, 0.0, 0.0]).reshape(1, 1, 2, 2)).ravel()
    tensor([1.2000, 1.6000, 0.0000, 0.0000])
    """
    scale = images.square().mean((1, 2, 3), keepdim=True).sqrt()
    return images / scale.where(scale > 0, torch.ones_like(scale))


def deep_conv_rfm(
    samples: Samples,
    image_shape: tuple[int, int, int],
    settings: ConvLayerSettings,
    depth: int,
    *,
    seed: int = 0,
    max_memory: int | None = None,
) -> Iterator[ConvLayer]:
    r"""Layers of deep convolutional RFM, as they are computed.

    For l = 1..depth: divide each image of :math:`X_l` by the root of its mean square; fit kernel ridge regression of Y
    on :math:`X_l`; take :math:`M_l`, its patch AGOP; multiply the patches of :math:`X_l` by :math:`M_l^{1/2}`; a random
    convolution with weights :math:`W_{ij} \sim U(-1/\sqrt r, 1/\sqrt r)` and a ReLU, and pooling if asked for, give
    :math:`X_{l+1}`. It is Deep RFM (arXiv 2402.13728) with the convolutional kernels of arXiv 2309.00570.

    Parameters
    ----------
    samples
        Images as rows (n, c H W), distinct, standardized, float32 or float64, with targets Y, (n, C), and weights.
    image_shape
        (c, H, W).
    settings
        Kernel, width, ridge, pooling, and what becomes of the AGOP.
    depth
        Number of layers, positive.
    seed
        Seed of the random convolutions.
    max_memory
        Bytes for the kernel matrix and its factor, and once more for patches; no limit if None.

    Yields
    ------
    ConvLayer
        Layers 1 to ``depth``.

    Raises
    ------
    InputError
        If samples or settings are unusable, a layer is too small for a patch, or the predictor is constant.

    Examples
    --------
    >>> from agop.conv_rfm import ConvNTK
    >>> rows = torch.randn(20, 36, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> layers = deep_conv_rfm(
    ...     Samples.of(rows, rows[:, :1].sign()), (1, 6, 6), ConvLayerSettings(ConvNTK(1), width=4), depth=2
    ... )
    >>> [(layer.index, tuple(layer.images.shape)) for layer in layers]
    [(1, (20, 1, 6, 6)), (2, (20, 4, 6, 6))]
    """
    if depth < 1 or settings.width < 1 or settings.pool < 1:
        got = f"{depth}, {settings.width} and {settings.pool}"
        raise InputError("depth, width and pool of 1 or more", got, "Set such numbers.")
    kernel, images = settings.kernel, normalized(samples.inputs.reshape(-1, *image_shape))
    for index in range(1, depth + 1):
        _check_size(settings, images)
        fit = fit_conv_machine(kernel, images, samples, settings.ridge, max_memory=max_memory)
        metric = None
        if settings.agop:
            agop = patch_agop(fit.machine, images, samples.weights, max_memory=max_memory).mean()
            metric = patch_metric(kernel, agop, images, samples.weights)
        rank = images.shape[1] * kernel.size**2
        weight = np.random.default_rng((seed, index)).uniform(-(rank**-0.5), rank**-0.5, (settings.width, rank))
        root = None if metric is None else psd_power(metric, 0.5)
        layer = ConvLayer(index, fit, metric, ConvLayerMap(kernel, root, torch.from_numpy(weight), settings.pool))
        yield layer
        if index < depth:
            images = layer.map(images)


def _check_size(settings: ConvLayerSettings, images: Tensor) -> None:
    """Raise InputError unless images (n, c, H, W) hold a patch, and its positions a square to pool."""
    settings.kernel.check(*images.shape[2:])
    grid = settings.kernel.patches.grid(*images.shape[2:])
    if min(grid) < settings.pool:
        got = f"a layer of {grid[0]} x {grid[1]}"
        raise InputError(f"{settings.pool} x {settings.pool} positions or more to pool", got, "Take fewer layers.")
