"""The interface of a kernel of images through their patches, and what those of convolutional networks share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import groupby, product
from numbers import Integral
from operator import itemgetter
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from agop.chunks import DEFAULT_CHUNK_BYTES, blocks
from agop.conv_rfm.patches import Patches
from agop.conv_rfm.planes import Layer, Side, adjoints, layers_of, pulled
from agop.errors import InputError
from agop.estimator.reference import ReferenceMixin

__all__ = ["NetworkKernel", "PatchKernel"]

_PLANE = 2**21
"""Bytes of a plane of a block of pairs on a CPU: with the few others of a layer it stays in the cache."""


class PatchKernel(ReferenceMixin, BaseEstimator, ABC):  # type: ignore[misc]
    r"""A positive definite function of the patches of two images, given by its hyper-parameters only.

    It follows scikit-learn's conventions (``get_params``, ``set_params``, ``clone``). A patch metric M, shared by all
    positions, is applied to the patches beforehand, as the linear map :math:`M^{1/2}`.

    Examples
    --------
    >>> from agop.conv_rfm import ConvNTK
    >>> kernel = ConvNTK(depth=1, size=3)
    >>> points = kernel.patches.of(torch.eye(4).reshape(4, 1, 2, 2))
    >>> tuple(points.shape), tuple(kernel.gram(points).shape)
    ((4, 2, 2, 9), (4, 4))
    """

    size: Any
    stride: Any
    padding: Any

    @property
    def patches(self) -> Patches:
        """Geometry of the patches."""
        return Patches(self.size, self.stride, self.padding)

    def check(self, height: int, width: int) -> None:
        """Raise InputError unless the hyper-parameters are in their range and suit images of that size."""
        self.patches.check()
        self.patches.grid(height, width)

    @abstractmethod
    def gram(self, points: Tensor, centers: Tensor | None = None) -> Tensor:
        """Kernel matrix (n, m), float64, of mapped patches (n, h, w, r) and (m, h, w, r).

        ``centers`` is ``points`` itself if None; the result is then exactly symmetric.
        """

    @abstractmethod
    def output_gradients(self, points: Tensor, centers: Tensor, coefficients: Tensor) -> Tensor:
        """Gradients (n, h, w, C, r), in the patches of ``points``, of the C functions sum_j a_jl k(., z_j).

        Patches are independent variables; those of two images that are one up to rounding have no gradient where the
        kernel has a kink.
        """


class NetworkKernel(PatchKernel):
    """Kernel of a ReLU network of ``depth`` convolutions and a linear read-out of all positions, without pooling."""

    tangent: ClassVar[bool]

    def __init__(self, depth: int = 2, size: int = 3, stride: int = 1, padding: int | None = None) -> None:
        self.depth = depth
        self.size = size
        self.stride = stride
        self.padding = padding

    def check(self, height: int, width: int) -> None:
        """Raise InputError unless the hyper-parameters are in their range and every layer has a position."""
        depth: Any = self.depth
        if not isinstance(depth, Integral) or depth < 1:
            raise InputError("a whole number of 1 or more as depth", repr(depth), "Set such a number.")
        self.patches.check()
        for _ in range(self.depth):
            height, width = self.patches.grid(height, width)

    def gram(self, points: Tensor, centers: Tensor | None = None) -> Tensor:
        """Means over positions of the covariances of the last outputs, block by block."""
        left = Side.of(points, self.patches, self.depth)
        right = left if centers is None else Side.of(centers, self.patches, self.depth)
        gram = points.new_empty(left.points.shape[1], right.points.shape[1], dtype=torch.float64)
        for rows, columns in _blocks(left, right):
            if centers is None and columns.start < rows.start:
                continue
            covariance, through = self._layers(left[rows], right[columns])[-1].outputs()
            block = (covariance if through is None else through).mean((0, 1), dtype=torch.float64)
            if centers is None:
                block = (block + block.mT) / 2 if rows == columns else block
                gram[columns, rows] = block.mT
            gram[rows, columns] = block
        return gram

    def output_gradients(self, points: Tensor, centers: Tensor, coefficients: Tensor) -> Tensor:
        """Backward through the layers by hand, summed over the centers before it is spread over patches."""
        patches, (count, height, width, rank), n_outputs = self.patches, points.shape, coefficients.shape[1]
        left, right = (Side.of(images, patches, self.depth) for images in (points, centers))
        weights = coefficients.to(points)
        gradients = points.new_zeros(height * width, count, n_outputs * rank)
        own = [points.new_zeros(*root.shape, n_outputs) for root in left.roots]
        for columns, parts in groupby(_blocks(right, left), key=itemgetter(0)):
            weighted = (right.points[:, columns, None] * weights[columns, :, None]).flatten(2)
            for _, rows in parts:
                cross, changes = adjoints(self._layers(left[rows], right[columns]), patches)
                gradients[:, rows].baddbmm_(cross.flatten(0, 1), weighted)
                for total, change in zip(own, changes, strict=True):
                    total[:, :, rows] += change @ weights[columns]
        gradients = gradients.reshape(-1, count, n_outputs, rank)
        along = pulled(own, left, patches).flatten(0, 1)[..., None]
        gradients.add_(along * left.points[:, :, None], alpha=2).div_(rank**0.5)
        by_image: Tensor = gradients.transpose(0, 1).reshape(count, height, width, n_outputs, rank)
        return by_image

    def _layers(self, left: Side, right: Side) -> list[Layer]:
        return layers_of(left, right, self.patches, tangent=self.tangent)


def _blocks(left: Side, right: Side) -> Iterator[tuple[slice, slice]]:
    """Pairs of slices of images, such that a plane over their positions stays in the cache."""
    points = left.points
    room = _PLANE if points.device.type == "cpu" else DEFAULT_CHUNK_BYTES
    size = max(1, math.isqrt(room // (len(points) * points.element_size())))
    return product(blocks(points.shape[1], size), blocks(right.points.shape[1], size))
