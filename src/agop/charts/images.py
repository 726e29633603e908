"""Pictures that fit on a page: vectors over pixels as images, and how large matrices can be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from agop.charts.chart import Picture, Pictures
from agop.charts.findings import Finding, percent

__all__ = ["eigenvector_pictures", "image_of", "side_of", "trace_shares"]


def image_of(vector: Tensor, shape: Sequence[int]) -> NDArray[np.float64]:
    """A vector over the pixels as (h, w), or (h, w, 3) of colors; of other channels the root of the sum of squares.

    Parameters
    ----------
    vector
        (channels h w,), channel by channel, row by row.
    shape
        (channels, h, w).

    Examples
    --------
    >>> import torch
    >>> image_of(torch.arange(12.0), (3, 2, 2))[0, 0].tolist(), image_of(torch.arange(4.0), (1, 2, 2)).shape
    ([0.0, 4.0, 8.0], (2, 2))
    """
    image = vector.double().reshape(*shape)
    if len(image) in (1, 3):
        return image.permute(1, 2, 0).squeeze(-1).numpy()
    return image.square().sum(0).sqrt().numpy()


def eigenvector_pictures(vectors: Tensor, shares: Sequence[float], shape: Sequence[int]) -> Pictures:
    """Eigenvectors (k, channels h w), rows, as images on one scale, titled by their place and share of the trace.

    The scale is symmetric about 0, but from 0 where an image is a norm over its channels. ``shares`` may be empty.
    """
    images = [image_of(vector, shape) for vector in vectors]
    titles = [f"{k + 1}: {percent(shares[k])}" if shares else str(k + 1) for k in range(len(images))]
    high = max(float(np.abs(image).max()) for image in images)
    low = -high if shape[0] in (1, 3) else 0.0
    return Pictures([Picture(*each) for each in zip(titles, images, strict=True)], "entry", low, high)


def trace_shares(where: str, shares: Sequence[float]) -> list[Finding]:
    """Share of the pictured eigenvectors in the trace of the AGOP; none if it is not known.

    Examples
    --------
    >>> trace_shares("fc.1", [0.5, 0.25])[0].cells()
    ['share of the trace of the AGOP, 2 eigenvectors, fc.1', '', '75 %', '', '', 'the first: 50 %']
    """
    if not shares:
        return []
    count = f"{len(shares)} eigenvector{'s' if len(shares) > 1 else ''}, {where}"
    note = (f"the first: {percent(shares[0])}",) if len(shares) > 1 else ()
    return [Finding("share of the trace of the AGOP", count, sum(shares), "%", notes=note)]


def side_of(count: int, largest: int, pixels: int) -> int:
    """Rows of each of ``count`` square pictures that have ``pixels`` in all at most, and ``largest`` rows each.

    Examples
    --------
    >>> side_of(4, 200, 1_000_000), side_of(400, 200, 1_000_000)
    (200, 50)
    """
    return max(1, min(largest, math.isqrt(pixels // max(1, count))))
