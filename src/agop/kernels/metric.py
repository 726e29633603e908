"""The Mahalanobis metric that a kernel machine learns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from agop.errors import InputError
from agop.linalg import psd_power
from agop.storable import storable

__all__ = ["Metric", "mapped"]


@storable
@dataclass(frozen=True)
class Metric:
    """A positive semi-definite M, applied to points as the linear map M^{1/2}.

    Attributes
    ----------
    matrix
        M: (d, d), or (d,) for a diagonal one.

    Examples
    --------
    >>> import torch
    >>> Metric(torch.tensor([4.0, 0.0])).map(torch.ones(1, 2), torch.zeros(2))
    tensor([[2., 0.]])
    """

    matrix: Tensor

    @cached_property
    def root(self) -> Tensor:
        """M^{1/2}, float64, of the shape of M; computed once."""
        return psd_power(self.matrix, 0.5)

    def map(self, points: Tensor, origin: Tensor) -> Tensor:
        """Rows M^{1/2} (x - origin), (n, d) in their dtype; an origin amid the data keeps digits."""
        if points.shape[-1] != len(self.matrix):
            raise InputError(
                f"rows of {len(self.matrix)} features",
                str(points.shape[-1]),
                "Use their own metric.",
            )
        root, points = self.root.to(points), points - origin
        return points * root if root.ndim == 1 else points @ root

    def pull_back(self, agop: Tensor) -> Tensor:
        """AGOP in x from the AGOP (d, d) in M^{1/2} x, by the chain rule."""
        root = self.root.to(agop)
        return root[:, None] * agop * root if root.ndim == 1 else root @ agop @ root


def mapped(points: Tensor, origin: Tensor, metric: Metric | None, dtype: torch.dtype) -> Tensor:
    """Rows in the coordinates of the kernel, M^{1/2} (x - origin), rounded to ``dtype`` after that.

    Without a metric they stay where they are, unless they lose digits: those are kept about the origin.
    """
    wide = points.to(torch.promote_types(points.dtype, dtype))
    if metric is not None:
        return metric.map(wide, origin.to(wide)).to(dtype)
    return wide if wide.dtype == dtype else (wide - origin).to(dtype)
