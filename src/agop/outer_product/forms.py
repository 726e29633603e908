r"""AGOP of a kernel machine, in the cheapest of two forms that is accurate enough.

With the gradient weights V (n x m) of a radial kernel, coefficients A (m x C) and S = V A, output l has
the gradients :math:`G_l = \mathrm{diag}(S_l) Z - V \mathrm{diag}(a_l) X` at the points Z.

*Per output*: form every G_l and sum G_l^T G_l; C (n m d + n d^2) multiply-adds.

*Elementwise*: the sum over outputs collapses. With H = V * (S A^T),

.. math:: \sum_l G_l^T G_l = Z^T \mathrm{diag}(\mathrm{rowsum}(S * S)) Z - Z^T H X - X^T H^T Z
                            + X^T ((V^T V) * (A A^T)) X,

n^3/2 + n^2 d + n d^2 + ... multiply-adds for Z = X, whatever C is. It subtracts squares where the per-output form
subtracts the gradients' own terms, so that it loses twice as many digits when samples coincide.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.chunks import blocks, row_chunks
from agop.errors import InputError
from agop.kernels import Kernel, RadialKernel

__all__ = ["Problem", "elementwise", "per_output"]


@dataclass(frozen=True)
class Problem:
    """Points Z, centers X and coefficients A in the coordinates of the kernel, weights as their roots."""

    kernel: Kernel
    points: Tensor
    centers: Tensor
    coefficients: Tensor
    root_weights: Tensor | None

    def to(self, dtype: torch.dtype) -> Problem:
        """The same problem in another precision."""
        points = self.points.to(dtype)
        centers = points if self.points is self.centers else self.centers.to(dtype)
        weights = None if self.root_weights is None else self.root_weights.to(dtype)
        return Problem(self.kernel, points, centers, self.coefficients.to(dtype), weights)

    def scaled(self, rows: Tensor, part: slice = slice(None)) -> Tensor:
        """Multiply rows of points in place by the roots of their weights."""
        return rows if self.root_weights is None else rows.mul_(self.root_weights[part, None])

    def gradient_weights(self) -> Tensor:
        """V, its rows multiplied by the roots of the weights."""
        if not isinstance(self.kernel, RadialKernel):
            raise InputError("a radial kernel", type(self.kernel).__name__, "Use the per-output form.")
        centers = None if self.points is self.centers else self.centers
        return self.scaled(self.kernel.gradient_weights(self.points, centers))


def per_output(problem: Problem, max_memory: int | None) -> Tensor:
    """Sum over outputs of G_l^T G_l, in blocks of points."""
    n_centers, n_features = problem.centers.shape
    total = problem.points.new_zeros(n_features, n_features, dtype=torch.float64)
    per_row = 3 * n_centers + (problem.coefficients.shape[1] + 2) * n_features
    for rows in row_chunks(len(problem.points), per_row * total.element_size(), max_memory):
        for gradient in problem.kernel.output_gradients(problem.points[rows], problem.centers, problem.coefficients):
            problem.scaled(gradient, rows)
            total += gradient.mT @ gradient
    return total


def elementwise(problem: Problem, weights: Tensor) -> Tensor:
    """Sum over outputs of G_l^T G_l without forming any G_l, from V."""
    origin = problem.centers.mean(0)
    centers, coefficients = problem.centers - origin, problem.coefficients
    sums = weights @ coefficients
    if problem.points is problem.centers:
        half = centers.mT @ _symmetric_product(weights, sums, coefficients, centers)
        return (half + half.mT).double()
    points = problem.points - origin
    cross = torch.cat([(sums[i] @ coefficients.mT).mul_(weights[i]) @ centers for i in blocks(len(points))])
    squares = ((weights.mT @ weights) * (coefficients @ coefficients.mT)) @ centers
    half = points.mT @ (sums.square().sum(1)[:, None] * points / 2 - cross) + centers.mT @ squares / 2
    return (half + half.mT).double()


def _symmetric_product(weights: Tensor, sums: Tensor, coefficients: Tensor, centers: Tensor) -> Tensor:
    """(D - H - H^T + (V^T V) * (A A^T)) X / 2 for Z = X, from the blocks of one triangle.

    D is the diagonal of rowsum(S * S); the four matrices are added before any of them meets X.
    """
    result = sums.square().sum(1)[:, None] * centers / 2
    for i, rows in enumerate(blocks(len(centers))):
        for columns in blocks(len(centers))[i:]:
            block = weights[:, rows].mT @ weights[:, columns]
            block *= coefficients[rows] @ coefficients[columns].mT
            block -= (sums[rows] @ coefficients[columns].mT).mul_(weights[rows, columns])
            block -= (coefficients[rows] @ sums[columns].mT).mul_(weights[columns, rows].mT)
            result[rows].addmm_(block, centers[columns], alpha=0.5)
            if columns != rows:
                result[columns].addmm_(block.mT, centers[rows], alpha=0.5)
    return result
