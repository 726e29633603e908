r"""AGOP of a kernel machine, in the cheapest of two forms that is accurate enough.

With the gradient weights V (n x m) of a kernel, coefficients A (m x C) and S = V A, output l has
the gradients :math:`G_l = \mathrm{diag}(S_l) Z - V \mathrm{diag}(a_l) X` at the points Z.

*Per output*: form every G_l and sum G_l^T G_l; C (n m d + n d^2) multiply-adds.

*Elementwise*: the sum over outputs collapses. With H = V * (S A^T),

.. math:: \sum_l G_l^T G_l = Z^T \mathrm{diag}(\mathrm{rowsum}(S * S)) Z - Z^T H X - X^T H^T Z
                            + X^T ((V^T V) * (A A^T)) X,

n^3/2 + n^2 d + n d^2 + ... multiply-adds for Z = X, whatever C is. It subtracts squares where the per-output form
subtracts the gradients' own terms, so that it loses twice as many digits when samples coincide.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from agop.chunks import BLOCK, blocks, row_chunks
from agop.errors import InputError
from agop.kernel_machine import KernelMachine
from agop.kernels import Kernel, weighted_gradients
from agop.ranks import ALONE, Panels, added_in_turn

__all__ = ["Problem", "elementwise", "per_output"]


@dataclass(frozen=True)
class Problem:
    """Points Z, centers X and coefficients A in the coordinates of the kernel, and weights w of the points.

    Where the points are centers, ``panels`` says which: all, or those of this rank.
    """

    kernel: Kernel
    points: Tensor
    centers: Tensor
    coefficients: Tensor
    weights: Tensor | None
    panels: Panels | None = None

    @classmethod
    def of(cls, machine: KernelMachine, points: Tensor | Panels, weights: Tensor | None) -> Problem:
        """The gradients of a machine at points (n, d), or at its centers, with their weights (n,)."""
        metric, centers, origin = machine.metric, machine.centers, machine.kernel.origin(machine.centers.mean(0))
        if isinstance(points, Tensor):
            points = points if metric is None else metric.map(points, origin)
        if metric is not None:
            centers = metric.map(centers, origin)
        if isinstance(points, Tensor):
            return cls(machine.kernel, points, centers, machine.coefficients, weights)
        weights = None if weights is None else points.own_part(weights)
        return cls(machine.kernel, points.own_part(centers), centers, machine.coefficients, weights, points)

    @property
    def has_gradient_weights(self) -> bool:
        """Whether the kernel has gradient weights, as seen at one pair."""
        return self.kernel.gradient_weights(self.centers[:1], self.centers[:1]) is not None

    @property
    def symmetric(self) -> bool:
        """Whether Z is X, all of it, so that V is symmetric."""
        return self.points is self.centers

    def to(self, dtype: torch.dtype) -> Problem:
        """The same problem in another precision."""
        points = self.points.to(dtype)
        centers = points if self.symmetric else self.centers.to(dtype)
        weights = None if self.weights is None else self.weights.to(dtype)
        return Problem(self.kernel, points, centers, self.coefficients.to(dtype), weights, self.panels)

    def weighted(self, rows: Tensor, part: slice = slice(None)) -> Tensor:
        """Rows that belong to points, multiplied by the weights of these."""
        return rows if self.weights is None else rows * self.weights[part, None]

    def gradient_weights(self) -> Tensor:
        """V, (n, m), of a kernel that has them."""
        weights = self.kernel.gradient_weights(self.points, None if self.symmetric else self.centers)
        if weights is None:
            raise InputError("a kernel with gradient weights", type(self.kernel).__name__, "Use the per-output form.")
        return weights


def per_output(problem: Problem, pairs: Tensor | None, max_memory: int | None) -> Tensor:
    """Weighted sum over points and sum over outputs of G_l^T G_l, in blocks of points; from V if it is there."""
    n_centers, n_features = problem.centers.shape
    total = problem.points.new_zeros(n_features, n_features, dtype=torch.float64)
    per_row = (problem.coefficients.shape[1] + 3) * n_features + (0 if pairs is not None else 3 * n_centers)
    for rows in row_chunks(len(problem.points), per_row * total.element_size(), max_memory):
        arguments = problem.points[rows], problem.centers, problem.coefficients
        if pairs is None:
            gradients = problem.kernel.output_gradients(*arguments)
        else:
            gradients = weighted_gradients(pairs[rows], *arguments)
        for gradient in gradients:
            total += gradient.mT @ problem.weighted(gradient, rows)
    return total


def elementwise(problem: Problem, pairs: Tensor) -> Tensor:
    """Weighted sum over points and sum over outputs of G_l^T G_l without forming any G_l, from V."""
    origin = problem.centers.mean(0)
    centers, sums = problem.centers - origin, pairs @ problem.coefficients
    half = _half_at_centers(problem, pairs, sums, centers)
    if problem.panels is None:
        points = problem.points - origin
        product = sums.square().sum(1)[:, None] * points / 2
        for rows in blocks(len(points)):
            product[rows] -= (sums[rows] @ problem.coefficients.mT).mul_(pairs[rows]) @ centers
        half += points.mT @ problem.weighted(product)
    return (half + half.mT).double()


def _half_at_centers(problem: Problem, pairs: Tensor, sums: Tensor, centers: Tensor) -> Tensor:
    """X^T P X with P + P^T = (V^T V) * (A A^T), for points in X with D - H - H^T added; those of all ranks add up.

    The four matrices, and those of all ranks, are added before any of them meets X: each block at one of the ranks.
    """
    ranks = ALONE if problem.panels is None else problem.panels.ranks
    products: dict[int, Tensor] = {}
    for (rows, columns), block in added_in_turn(ranks, _triangle(problem, pairs, sums)):
        if rows.start not in products:
            products[rows.start] = torch.zeros_like(centers[rows])
        products[rows.start].addmm_(block, centers[columns], alpha=0.5 if columns == rows else 1.0)
    half = centers.new_zeros(centers.shape[1], centers.shape[1])
    for start, product in products.items():
        half.addmm_(centers[start : start + len(product)].mT, product)
    return half


def _triangle(problem: Problem, pairs: Tensor, sums: Tensor) -> Iterator[tuple[int, tuple[slice, slice], Tensor]]:
    """Blocks of one triangle, with the number, rows and columns of each: of (V^T V) * (A A^T) over the own points.

    For points in X they are those of (V^T V) * (A A^T) + D - H - H^T, where D is the diagonal of rowsum(S * S). Of
    centers that are no own points D and the rows of H are 0.
    """
    coefficients, panels, n = problem.coefficients, problem.panels, len(problem.centers)
    unit = 2.0 ** math.frexp(problem.kernel.bandwidth)[1]  # V^T V goes with its fourth power, A A^T with its square
    if panels is not None:
        scaled = panels.placed(problem.weighted(sums))
        left, right = torch.cat([scaled, coefficients], 1), torch.cat([coefficients, scaled], 1)
        squares = panels.placed(problem.weighted(sums.square().sum(1, keepdim=True)))[:, 0]
    slices = blocks(n, BLOCK if panels is None else max(1, BLOCK // panels.width) * panels.width)
    for i, columns in enumerate(slices):
        weighted = problem.weighted(pairs[:, columns]) * unit**2
        for j, rows in enumerate(slices[: i + 1]):
            block = (pairs[rows] if problem.symmetric else pairs[:, rows].mT) @ weighted
            block *= (coefficients[rows] / unit) @ (coefficients[columns].mT / unit)
            for some, others, known in () if panels is None else _known(panels, pairs, rows, columns):
                part = block[some.start - rows.start :, others.start - columns.start :][: len(known), : known.shape[1]]
                part.addcmul_(left[some] @ right[others].mT, known, value=-1)
            if panels is not None and i == j:
                block.diagonal().add_(squares[rows])
            yield j, (rows, columns), block


def _known(panels: Panels, pairs: Tensor, rows: slice, columns: slice) -> Iterator[tuple[slice, slice, Tensor]]:
    """Weights V of the centers in two panels with each other, for panels in a block of which one is of this rank."""
    inside = (range(part.start // panels.width, -(-part.stop // panels.width)) for part in (rows, columns))
    for j, k in itertools.product(*inside):
        if j in panels.own_slices:
            yield panels.slices[j], panels.slices[k], pairs[panels.own_slices[j], panels.slices[k]]
        elif k in panels.own_slices:
            yield panels.slices[j], panels.slices[k], pairs[panels.own_slices[k], panels.slices[j]].mT
