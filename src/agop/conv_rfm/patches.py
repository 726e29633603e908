"""Patches of images, and sums over the patches of planes over positions."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from agop.errors import InputError

__all__ = ["Patches"]


@dataclass(frozen=True)
class Patches:
    """Geometry of the patches of a convolution: squares of pixels, zeros beyond the edge.

    Attributes
    ----------
    size
        Pixels q of a side.
    stride
        Pixels from one patch to the next.
    padding
        Pixels of zeros at each edge; q // 2 if None, which keeps the size of an image for odd q and stride 1.

    Examples
    --------
    >>> patches = Patches(size=3)
    >>> patches.of(torch.ones(1, 2, 4, 5)).shape
    torch.Size([1, 4, 5, 18])
    >>> patches.mean(torch.ones(4, 5)).mul(9).round()[0]
    tensor([4., 6., 6., 6., 4.])
    """

    size: int = 3
    stride: int = 1
    padding: int | None = None

    def check(self) -> None:
        """Raise InputError unless the numbers are whole and in their range."""
        least = {"size": 1, "stride": 1, "padding": 0}
        value: Any
        for name, value in (("size", self.size), ("stride", self.stride), ("padding", self._padding)):
            if not isinstance(value, Integral) or value < least[name]:
                raise InputError(
                    f"a whole number of {least[name]} or more as {name}", repr(value), "Set such a number."
                )

    @property
    def _padding(self) -> int:
        return self.size // 2 if self.padding is None else self.padding

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of positions in an image of some height and width.

        Raises
        ------
        InputError
            If no patch fits.
        """
        rows, columns = ((side + 2 * self._padding - self.size) // self.stride + 1 for side in (height, width))
        if min(rows, columns) < 1:
            expected = f"images that hold a patch of {self.size} x {self.size} pixels in every layer"
            raise InputError(expected, f"a layer of {height} x {width}", "Take smaller patches, or fewer layers.")
        return rows, columns

    def of(self, images: Tensor) -> Tensor:
        """Patches (n, h, w, c q q) of images (n, c, H, W), channel by channel, row by row, as weights of torch."""
        self.grid(*images.shape[2:])
        around = torch.nn.functional.pad(images, (self._padding,) * 4)
        windows = around.unfold(2, self.size, self.stride).unfold(3, self.size, self.stride)
        return windows.permute(0, 2, 3, 1, 4, 5).flatten(3)

    def mean(self, planes: Tensor) -> Tensor:
        """Means (h, w, ...) over the pixels of each patch of planes (H, W, ...), zeros beyond the edge among them."""
        height, width = self.grid(*planes.shape[:2])
        rows = planes.new_zeros(height, *planes.shape[1:])
        for inside, outside in self._overlaps(planes.shape[0], height):
            rows[outside] += planes[inside]
        means = planes.new_zeros(height, width, *planes.shape[2:])
        for inside, outside in self._overlaps(planes.shape[1], width):
            means[:, outside] += rows[:, inside]
        return means.div_(self.size**2)

    def spread(self, means: Tensor, height: int, width: int) -> Tensor:
        """Adjoint of ``mean``: planes (H, W, ...) in which each pixel has its share of the patches that it is in."""
        rows = means.new_zeros(means.shape[0], width, *means.shape[2:])
        for inside, outside in self._overlaps(width, means.shape[1]):
            rows[:, inside] += means[:, outside]
        planes = means.new_zeros(height, width, *means.shape[2:])
        for inside, outside in self._overlaps(height, means.shape[0]):
            planes[inside] += rows[outside]
        return planes.div_(self.size**2)

    def _overlaps(self, length: int, count: int) -> list[tuple[slice, slice]]:
        """For each pixel of a patch along an axis: where it lies in the image, and in which of ``count`` patches."""
        found = []
        for place in range(self.size):
            shift = place - self._padding
            first = max(0, -(shift // self.stride))
            last = min(count - 1, (length - 1 - shift) // self.stride)
            if first <= last:
                start = first * self.stride + shift
                stop = last * self.stride + shift + 1
                found.append((slice(start, stop, self.stride), slice(first, last + 1)))
        return found
