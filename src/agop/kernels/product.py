"""Kernels that are products over coordinates."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from agop.chunks import BLOCK, blocks
from agop.kernels.distances import Pairwise
from agop.kernels.kernel import Kernel
from agop.kernels.radial import weighted_gradients
from agop.storable import storable

__all__ = ["ProductLaplace"]

_MANY = 8
"""Columns of two values from which on a product of matrices is faster than their differences."""


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
        columns = _Columns.of(points, points if centers is None else centers)
        found = columns.distances()
        if centers is not None or columns.binary is None:
            return found
        above = found.triu(1)  # products are symmetric up to rounding
        return above + above.mT

    def profile_(self, distances: Tensor) -> Tensor:
        """exp(-r/L), in place."""
        return distances.div_(-self.bandwidth).exp_()

    def gram(self, points: Tensor, centers: Tensor | None = None) -> Pairwise:
        """Kernel matrix exp(-||x_i - z_j||_1 / L), (n, m); no product loses digits of a distance."""
        return Pairwise(self.profile_(self.distances(points, centers)), points.dtype)

    def output_gradients(self, points: Tensor, centers: Tensor, coefficients: Tensor) -> Tensor:
        """Gradients -(1/L) sum_j a_jl k(x, z_j) sign(x - z_j) at the points: (C, n, d)."""
        gradients = points.new_zeros(coefficients.shape[1], *points.shape)
        columns = _Columns.of(points, centers)
        for rows, some in product(blocks(len(points)), blocks(len(centers), 2 * BLOCK)):
            part, weights = columns.part(rows, some), coefficients[some]
            decay = self.profile_(part.distances()).div_(-self.bandwidth)
            signs = torch.empty_like(decay)
            for axis, x, z in zip(part.others, part.points.mT.contiguous(), part.centers.mT.contiguous(), strict=True):
                torch.sub(x[:, None], z, out=signs)
                gradients[:, rows, axis] += (signs.sign_().mul_(decay) @ weights).mT
            if (binary := part.binary) is not None:  # differences of zeros and ones are signs
                gradients[:, rows, binary.columns] += weighted_gradients(decay, binary.points, binary.centers, weights)
        return gradients


class _Binary(NamedTuple):
    """Columns of two values each, as zeros and ones.

    Attributes
    ----------
    columns
        (b,) their numbers.
    gaps
        (b,) distance of the two values.
    points, centers
        (n, b) and (m, b), 1 where the larger value is.
    """

    columns: Tensor
    gaps: Tensor
    points: Tensor
    centers: Tensor

    def distances(self) -> Tensor:
        """Distances (n, m), sums of the gaps where two rows differ: in one product, exactly 0 for equal rows."""
        x, z = self.points, self.centers
        return torch.cat([x, 1 - x], 1) @ torch.cat([self.gaps * (1 - z), self.gaps * z], 1).mT


class _Columns(NamedTuple):
    """Columns of points (n, d) and centers (m, d), those of two values apart where there are many, as of categories.

    Attributes
    ----------
    others
        Numbers of the columns in ``points`` and ``centers``.
    points, centers
        Columns of any values.
    binary
        Columns of two values; None if there are few.
    """

    others: list[int]
    points: Tensor
    centers: Tensor
    binary: _Binary | None

    @classmethod
    def of(cls, points: Tensor, centers: Tensor) -> _Columns:
        """Tell the columns apart."""
        every = list(range(points.shape[1]))
        if len(every) < _MANY or not len(points) or not len(centers):
            return cls(every, points, centers, None)
        parts = (points,) if points is centers else (points, centers)
        low = torch.stack([part.amin(0) for part in parts]).amin(0)
        high = torch.stack([part.amax(0) for part in parts]).amax(0)
        two = torch.stack([((part == low) | (part == high)).all(0) for part in parts]).all(0)
        if int(two.sum()) < _MANY:
            return cls(every, points, centers, None)
        number, others = two.nonzero().flatten(), (~two).nonzero().flatten()
        zeros_and_ones = [((part == high) & (low < high)).to(points.dtype)[:, number] for part in (points, centers)]
        binary = _Binary(number, (high - low)[number], *zeros_and_ones)
        return cls(others.tolist(), points[:, others], centers[:, others], binary)

    def part(self, rows: slice, some: slice) -> _Columns:
        """Columns of some of the points and centers."""
        binary = self.binary
        if binary is not None:
            binary = binary._replace(points=binary.points[rows], centers=binary.centers[some])
        return self._replace(points=self.points[rows], centers=self.centers[some], binary=binary)

    def distances(self) -> Tensor:
        """Distances (n, m) of points and centers, over all columns."""
        found = torch.cdist(self.points, self.centers, p=1)
        return found if self.binary is None else found.add_(self.binary.distances())
