"""Kernels that are products over coordinates."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.kernels.distances import Pairwise
from agop.kernels.kernel import Kernel
from agop.storable import storable

__all__ = ["ProductLaplace"]


@storable
class ProductLaplace(Kernel):
    r"""Product of one-dimensional Laplace kernels, :math:`k(x, z) = \exp(-\|x - z\|_1 / L)`.

    Parameters
    ----------
    bandwidth
        L > 0, in units of the 1-norm, or a rule that the RFM estimators resolve.

    Examples
    --------
    >>> ProductLaplace(bandwidth=2.0)(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, -1.0]]))
    tensor([[0.3679]])
    """

    default_diagonal = True  # it is a function of the coordinates, which a rotation would mix

    def distances(self, points: Tensor, centers: Tensor | None = None) -> Tensor:
        """Distances ||x_i - z_j||_1, (n, m)."""
        return torch.cdist(points, points if centers is None else centers, p=1)

    def profile_(self, distances: Tensor) -> Tensor:
        """exp(-r/L), in place."""
        return distances.div_(-self.bandwidth).exp_()

    def gram(self, points: Tensor, centers: Tensor | None = None) -> Pairwise:
        """Kernel matrix exp(-||x_i - z_j||_1 / L), (n, m); differences need no products."""
        return Pairwise(self.profile_(self.distances(points, centers)), points.dtype)

    def output_gradients(self, points: Tensor, centers: Tensor, coefficients: Tensor) -> Tensor:
        """Gradients -(1/L) sum_j a_jl k(x, z_j) sign(x - z_j) at the points: (C, n, d)."""
        gradients = points.new_empty(coefficients.shape[1], *points.shape)
        for rows in row_chunks(len(points), bytes_per_row=3 * len(centers) * points.element_size()):
            decay = self.gram(points[rows], centers).values.div_(-self.bandwidth)
            for axis, (x, z) in enumerate(zip(points[rows].mT, centers.mT, strict=True)):
                signs = (x[:, None] - z).sign_().mul_(decay)
                gradients[:, rows, axis] = (signs @ coefficients).mT
        return gradients
