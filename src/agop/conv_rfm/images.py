"""Images as an estimator sees them: of one shape, each channel standardized."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from agop.errors import InputError
from agop.estimator.arrays import channel_scale, check_features

__all__ = ["ImagesMixin"]


class ImagesMixin:
    """What an estimator with the parameter ``image_shape`` learns of images: their shape, and the scale of channels."""

    image_shape: tuple[int, int, int] | None

    def _images(self, X: Any) -> Tensor:
        """Standardized images (m, channels, height, width)."""
        return self._standardized(self._rows_of(X, reset=False)).reshape(-1, *self.image_shape_)

    def _rows_of(self, X: Any, *, reset: bool) -> Tensor:
        """Checked rows (n, d) of images; ``reset`` learns their shape."""
        own = tuple(X.shape[1:]) if getattr(X, "ndim", 2) == 4 else None
        rows = check_features(self, X if own is None else X.reshape(len(X), -1), reset=reset)
        declared = None if self.image_shape is None else tuple(self.image_shape)
        known = (declared or own or (1, 1, rows.shape[1])) if reset else self.image_shape_
        if own not in (None, known) or len(known) != 3 or min(known) < 1 or math.prod(known) != rows.shape[1]:
            got = f"{rows.shape[1]} columns" if own is None else f"images of shape {own}"
            raise InputError(f"images of {known} as (channels, height, width)", got, "Set image_shape.")
        if reset:
            self.image_shape_: tuple[int, int, int] = known
        return rows

    def _learn_scale(self, rows: Tensor, weights: Tensor) -> None:
        """Mean and deviation (c, 1) of each channel; infinite deviations make a constant one 0."""
        mean, scale = channel_scale(rows, weights, self.image_shape_[0])
        self.mean_, self.scale_ = mean[:, None], scale[:, None]

    def _standardized(self, rows: Tensor) -> Tensor:
        channels = rows.double().reshape(len(rows), self.image_shape_[0], -1)
        mean, scale = self.mean_.to(rows.device), self.scale_.to(rows.device)
        standardized: Tensor = (channels - mean) / scale
        return standardized.flatten(1).to(rows.dtype)
