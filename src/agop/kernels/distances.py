"""Euclidean distances that stay accurate when samples nearly coincide.

The product form ``||x||^2 + ||z||^2 - 2 <x, z>`` is fast and loses the digits of a small distance:
its error is a few machine epsilons of ``||x||^2 + ||z||^2``. So it is used where the result is large
beside that error. Closer pairs are computed again from their differences; a float32 block with many of them,
with products in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agop.chunks import blocks, row_chunks
from agop.pages import empty_matrix

__all__ = ["Pairwise", "coincidence_tolerance", "euclidean_distances", "median_positive", "pairwise"]

_CLOSE = {torch.float32: 2e-3, torch.float64: 1e-9}
"""Squared distances below this share of ||x||^2 + ||z||^2 are not trusted to the product form."""

_MANY = 0.003
"""Share of close pairs in a float32 block above which float64 products are cheaper than differences."""

_DIFFERENCES_BYTES = 4 * 2**20
"""Temporaries of the differences of close pairs, small beside a block of pairs and its neighbors."""


class Pairwise(NamedTuple):
    """A matrix over pairs of rows, and the precision that the closest pairs asked for.

    Attributes
    ----------
    values
        (n, m) matrix in the dtype of the rows.
    products
        Data type in which the inner products of the last blocks were taken.
    """

    values: Tensor
    products: torch.dtype


def euclidean_distances(points: Tensor, centers: Tensor | None = None) -> Tensor:
    r"""Distances :math:`r_{ij} = \|x_i - z_j\|`.

    Relative errors for rows of unit norm: below 3e-4 for any float32 pair, and below 1e-4 for pairs 1e-4
    apart, which are computed in float64 from the stored coordinates; below 2e-7 for any float64 pair. Equal
    rows have distance exactly 0.

    Parameters
    ----------
    points
        (n, d), float32 or float64.
    centers
        (m, d) of the same dtype and device; ``points`` itself if None.

    Returns
    -------
    Tensor
        (n, m), same dtype.

    Examples
    --------
    >>> x = torch.tensor([[1.0, 0.0], [1.0, 1e-4]])
    >>> euclidean_distances(x)[0, 1].item()  # doctest: +ELLIPSIS
    9.99999...e-05
    """
    (distances,), _ = pairwise(points, centers, lambda block: block)
    return distances


def pairwise(
    points: Tensor, centers: Tensor | None, transform_: Callable[..., object], n_matrices: int = 1
) -> tuple[list[Tensor], torch.dtype]:
    """Matrices of functions of the distances, taken block by block while a block is in cache.

    ``transform_`` gets the blocks of all matrices, of which the first one has the distances, and sets them in place.
    Without ``centers`` only one triangle is computed, so that the results are exactly symmetric. After
    the first block that needs float64 products, all later ones use them straight away; their data type comes
    with the matrices.
    """
    symmetric = centers is None
    centers = points if centers is None else centers
    matrices = [empty_matrix(points, len(points), len(centers)) for _ in range(n_matrices)]
    pairs = _Pairs.of(points, centers, points.dtype)
    for rows in blocks(len(points)):
        for columns in blocks(len(centers)):
            if symmetric and columns.start < rows.start:
                continue
            diagonal = symmetric and columns == rows
            found = [matrix[rows, columns] for matrix in matrices]
            if not pairs.distances(found[0], rows, columns, diagonal):
                pairs = _Pairs.of(points, centers, torch.float64)
                pairs.distances(found[0], rows, columns, diagonal)
            transform_(*found)
            for matrix, block in zip(matrices, found, strict=True):
                if diagonal:  # neither products nor elementwise functions are symmetric to the last bit
                    block.copy_(torch.add(block, block.mT).mul_(0.5))
                elif symmetric:
                    matrix[columns, rows] = block.mT
    return matrices, pairs.origin.dtype


def median_positive(distances: Tensor) -> float:
    """Median of the positive distances (n, n) of n points between each other; 1.0 if there are none.

    Examples
    --------
    >>> median_positive(torch.tensor([[0.0, 3.0, 2.0], [3.0, 0.0, 0.0], [2.0, 0.0, 0.0]]))
    2.0
    """
    pairs = distances.triu(1).ravel()
    positive = pairs[pairs > 0].cpu().numpy()
    middle = (len(positive) - 1) // 2
    return float(np.partition(positive, middle)[middle]) if len(positive) else 1.0


def coincidence_tolerance(points: Tensor) -> float:
    """Distance below which two rows are equal up to the rounding of their coordinates."""
    if not len(points):
        return 0.0
    radius = float(torch.linalg.vector_norm(points - points.mean(0), dim=1).max())
    return 8 * torch.finfo(points.dtype).eps * radius


class _Centered(NamedTuple):
    """Rows (n, d) about an origin, and their squared norms (n,)."""

    rows: Tensor
    squares: Tensor

    @classmethod
    def about(cls, origin: Tensor, rows: Tensor) -> _Centered:
        rows = rows - origin
        return cls(rows, torch.linalg.vector_norm(rows, dim=1, dtype=torch.float64).square_().to(rows))


class _Pairs(NamedTuple):
    """Rows as they are, and how to take them about one origin in the precision of the products."""

    points: Tensor
    centers: Tensor
    origin: Tensor
    centered: tuple[_Centered, _Centered] | None

    @classmethod
    def of(cls, points: Tensor, centers: Tensor, dtype: torch.dtype) -> _Pairs:
        """Rows in their own precision are centered once; a copy of all in a higher one would cost too much memory."""
        origin = centers.mean(0).to(dtype)
        if dtype != points.dtype:
            return cls(points, centers, origin, None)
        u = _Centered.about(origin, points)
        return cls(points, centers, origin, (u, u if points is centers else _Centered.about(origin, centers)))

    def distances(self, out: Tensor, rows: slice, columns: slice, diagonal: bool) -> bool:
        """Set a block to its distances; False where float32 products do not do."""
        x, z = self.points[rows], self.centers[columns]
        if self.centered is None:
            (u, uu), (v, vv) = (_Centered.about(self.origin, part.to(self.origin)) for part in (x, z))
        else:
            first, second = self.centered
            u, uu, v, vv = first.rows[rows], first.squares[rows], second.rows[columns], second.squares[columns]
        same = out.dtype == u.dtype
        squares = torch.addmm(vv, u, v.mT, alpha=-2, out=out if same else None).add_(uu[:, None])
        if diagonal:
            squares.fill_diagonal_(torch.inf)
        limit = _CLOSE[squares.dtype]
        suspects = torch.nonzero(squares.amin(1) < limit * (uu + vv.max())).ravel()  # rows: one pass settles the others
        i, j = torch.nonzero(squares[suspects] < limit * (uu[suspects, None] + vv), as_tuple=True)
        if squares.dtype != torch.float64 and len(i) > _MANY * squares.numel():
            return False
        _recompute(squares, x, z, suspects[i], j)
        if diagonal:
            squares.fill_diagonal_(0)
        squares.sqrt_()
        if not same:
            out.copy_(squares)
        return True


def _recompute(squares: Tensor, x: Tensor, z: Tensor, i: Tensor, j: Tensor) -> None:
    """Overwrite the squares of pairs too close for products by those of their differences, in float64."""
    for part in row_chunks(len(i), 24 * x.shape[1], _DIFFERENCES_BYTES):
        differences = x[i[part]].double().sub_(z[j[part]])
        squares[i[part], j[part]] = differences.square_().sum(1).to(squares)
