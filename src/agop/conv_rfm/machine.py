"""A frozen predictor on images: kernel, centers, coefficients and the metric of patches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from agop.chunks import DEFAULT_CHUNK_BYTES, row_chunks
from agop.conv_rfm.patch_kernel import PatchKernel
from agop.errors import InputError
from agop.inputs import all_finite
from agop.linalg import psd_power
from agop.storable import storable

__all__ = ["ConvMachine", "MetricPatches", "patch_kernel_matrix"]

_IMAGES = 16 * DEFAULT_CHUNK_BYTES
"""Memory of mapped patches, where nobody asked for another: enough that each image is mapped once or twice."""


@dataclass(frozen=True, eq=False)
class MetricPatches:
    """Images, cut into patches that are mapped by the root of a metric, some images at a time.

    Attributes
    ----------
    kernel
        Kernel that says what a patch is.
    images
        (n, c, H, W).
    root
        M^{1/2}, (c q q, c q q); None for the identity.
    """

    kernel: PatchKernel
    images: Tensor
    root: Tensor | None

    def __getitem__(self, part: slice) -> Tensor:
        patches = self.kernel.patches.of(self.images[part])
        return patches if self.root is None else patches @ self.root.to(patches)

    @property
    def bytes_per_image(self) -> int:
        """Memory of the mapped patches of an image."""
        _, channels, height, width = self.images.shape
        rows, columns = self.kernel.patches.grid(height, width)
        return rows * columns * channels * int(self.kernel.size) ** 2 * self.images.element_size()

    def parts(self, share: float, max_memory: int | None) -> Iterator[slice]:
        """Slices of images whose patches take a share of the memory."""
        budget = _IMAGES if max_memory is None else max_memory
        return row_chunks(len(self.images), self.bytes_per_image, int(share * budget))


def patch_kernel_matrix(
    kernel: PatchKernel, images: Tensor, metric_root: Tensor | None = None, max_memory: int | None = None
) -> Tensor:
    """Kernel matrix (n, n) of images (n, c, H, W), float64 and symmetric.

    Beside the matrix and the images, patches take at most ``max_memory`` bytes, or those of two images.

    Examples
    --------
    >>> from agop.conv_rfm import ConvNNGP
    >>> patch_kernel_matrix(ConvNNGP(), torch.eye(4).reshape(4, 1, 2, 2)).shape
    torch.Size([4, 4])
    """
    mapped = MetricPatches(kernel, images, metric_root)
    parts = list(mapped.parts(0.25, max_memory))
    matrix = images.new_empty(len(images), len(images), dtype=torch.float64)
    for place, rows in enumerate(parts):
        points = mapped[rows]
        matrix[rows, rows] = kernel.gram(points)
        for columns in parts[place + 1 :]:
            block = kernel.gram(points, mapped[columns])
            matrix[rows, columns], matrix[columns, rows] = block, block.mT
    return matrix


@storable
@dataclass(frozen=True)
class ConvMachine:
    r"""The function :math:`f(x) = \sum_j \alpha_j\, k_M(x, x_j)` of images, M a metric that all patches share.

    Attributes
    ----------
    kernel
        Hyper-parameters of k.
    centers
        Training images x_j, (n, c, H, W).
    coefficients
        alpha, (n, C).
    metric
        M, (c q q, c q q), or None for the identity.

    Examples
    --------
    >>> from agop.conv_rfm import ConvNNGP
    >>> images = torch.eye(4).reshape(4, 1, 2, 2)
    >>> ConvMachine(ConvNNGP(depth=1), images, torch.ones(4, 1))(images).shape
    torch.Size([4, 1])
    """

    kernel: PatchKernel
    centers: Tensor
    coefficients: Tensor
    metric: Tensor | None = None

    @cached_property
    def root(self) -> Tensor | None:
        """M^{1/2}."""
        return None if self.metric is None else psd_power(self.metric, 0.5)

    def __call__(self, images: Tensor, *, max_memory: int | None = None) -> Tensor:
        """Predictions (m, C) at images (m, c, H, W), in their precision; patches take at most ``max_memory`` bytes.

        Raises
        ------
        InputError
            If the images have another shape than the centers.
        """
        if images.ndim != 4 or images.shape[1:] != self.centers.shape[1:]:
            expected = f"images of shape (m, {', '.join(map(str, self.centers.shape[1:]))})"
            raise InputError(expected, f"shape {tuple(images.shape)}", "Pass images as those of the fit.")
        wide = images.to(self.centers)
        points, centers = (MetricPatches(self.kernel, each, self.root) for each in (wide, self.centers))
        predictions = self.coefficients.new_zeros(len(images), self.coefficients.shape[1], dtype=torch.float64)
        for columns in centers.parts(0.25, max_memory):
            others = centers[columns]
            for rows in points.parts(0.25, max_memory):
                predictions[rows] += self.kernel.gram(points[rows], others) @ self.coefficients[columns].double()
        return predictions.to(images)

    def check(self) -> None:
        """Raise InputError unless kernel, images and coefficients fit together and are finite."""
        centers, coefficients = self.centers, self.coefficients
        if centers.ndim != 4 or coefficients.ndim != 2 or len(centers) != len(coefficients):
            got = f"shapes {tuple(centers.shape)} and {tuple(coefficients.shape)}"
            raise InputError("images (n, c, H, W) and coefficients (n, C)", got, "Add the axes.")
        if not all_finite(centers) or not all_finite(coefficients):
            raise InputError("finite images and coefficients", "NaN or infinity", "Check the data.")
        self.kernel.check(*centers.shape[2:])
