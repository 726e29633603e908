"""Statistics over pairs of rows by blocks of pairs: no (C, C) matrix, whatever the number of classes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from agop.chunks import blocks
from agop.errors import UndefinedMeasureError
from agop.linalg import triangular_factor

__all__ = ["Spread", "above", "etf_distance", "inner_products", "simplex_parts", "squared_distances"]

_CLOSE = 1e-3
"""Squared distances below this share of ||x||^2 + ||z||^2 are taken from differences; larger ones from products, which
cost three digits at most."""

_FEW = 100_000
"""Subtractions of a block below which differences are as fast as products."""


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """What mean, variance and mean size of many values need; merges by the update of Chan et al. (1983).

    Attributes
    ----------
    count
        Number of values.
    mean
        Their mean.
    squares
        Sum of their squared deviations from it.
    sizes
        Sum of their absolute values.

    Examples
    --------
    >>> one, other = Spread.of(torch.tensor([1.0, 2.0])), Spread.of(torch.tensor([-6.0]))
    >>> one.merge(other).squares, one.merge(other).sizes
    (tensor(38.), tensor(9.))
    """

    count: int
    mean: Tensor
    squares: Tensor
    sizes: Tensor

    @classmethod
    def of(cls, values: Tensor) -> Spread:
        """Spread of a vector of one value or more."""
        variance, mean = torch.var_mean(values, correction=0)
        return cls(len(values), mean, len(values) * variance, torch.linalg.vector_norm(values, ord=1))

    def merge(self, other: Spread) -> Spread:
        """Spread of the values of both."""
        count, offset = self.count + other.count, other.mean - self.mean
        share = other.count / count
        squares = self.squares + other.squares + self.count * share * offset.square()
        return Spread(count, self.mean + share * offset, squares, self.sizes + other.sizes)


def inner_products(rows: Tensor) -> Iterator[Tensor]:
    """Inner products of all pairs of rows c < c', block by block; each pair is in one vector.

    Examples
    --------
    >>> list(inner_products(torch.tensor([[1.0], [2.0], [3.0]])))
    [tensor([2., 3., 6.])]
    """
    for first, second in _pair_blocks(len(rows)):
        yield above(rows[first] @ rows[second].mT, first == second)


def above(block: Tensor, diagonal: bool) -> Tensor:
    """Entries of a block, of one on the diagonal those above it."""
    if not diagonal:
        return block.flatten()
    i, j = torch.triu_indices(len(block), len(block), 1, device=block.device)
    return block[i, j]


def squared_distances(rows: Tensor, smallest: float, name: str) -> Iterator[tuple[slice, slice, Tensor]]:
    """Squared distances of all pairs of rows c < c' by blocks of rows and columns, which come with them.

    A block on the diagonal has each of its pairs twice, and infinity on its diagonal.

    Raises
    ------
    UndefinedMeasureError
        After the last block, if two rows are no further apart than ``smallest``.

    Examples
    --------
    >>> [(_, _, squares)] = squared_distances(torch.tensor([[1.0], [2.0], [4.0]]), 0.0, "rows")
    >>> squares
    tensor([[inf, 1., 9.],
            [1., inf, 4.],
            [9., 4., inf]])
    """
    closest = (math.inf, 0, 0)
    for first, second in _pair_blocks(len(rows)):
        squares = _block_distances(rows[first], rows[second], first == second)
        least = math.sqrt(float(squares.min()))
        if least <= smallest and least <= closest[0]:
            i, j = divmod(int(squares.argmin()), squares.shape[1])
            closest = min(closest, (least, *sorted((first.start + i, second.start + j))))
        yield first, second, squares
    if closest[0] <= smallest:
        advice = "Merge these classes, or leave one out."
        got = f"equal ones of classes {closest[1]} and {closest[2]}"
        raise UndefinedMeasureError(f"{name} that differ", got, advice)


def simplex_parts(left: Tensor, right: Tensor) -> tuple[float, float]:
    r"""Part of :math:`G = L R^T` (C, C) along the simplex ETF and norm of the rest, for L and R (C, d).

    With :math:`P = I - 11^T/C` and :math:`s = \langle G, P \rangle / (C - 1)` they are :math:`s \sqrt{C - 1}` and
    :math:`\|G - s P\|_F`. The rest is summed from its entries, so that no digit of a small one is lost. Beyond
    :math:`C = 2 d` it is the larger part of a matrix of rank d, and follows without the entries from
    :math:`\|G\|_F = \|T R^T\|_F` with L = QT.

    Examples
    --------
    >>> means = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    >>> along, rest = simplex_parts(means, means)
    >>> round(along, 12), rest
    (2.0, 0.0)
    """
    n, d = left.shape
    s = (left.flatten() @ right.flatten() - left.sum(0) @ right.sum(0) / n) / (n - 1)
    along = s * math.sqrt(n - 1)
    if n > 2 * d:
        triangle = triangular_factor(left)
        whole = sum((triangle @ right[rows].mT).square().sum() for rows in blocks(n))
        rest = (whole - along.square()).clamp(min=0)
    else:
        rest = left.new_zeros(())
        for first in blocks(n):
            for second in blocks(n):
                block = torch.addmm(s / n, left[first], right[second].mT)
                if first == second:
                    block.diagonal().sub_(s)
                rest += block.square_().sum()
    found: list[float] = torch.stack([along, rest.sqrt()]).tolist()
    return found[0], found[1]


def etf_distance(along: float, rest: float) -> float:
    r"""Distance :math:`\| G/\|G\|_F - P/\|P\|_F \|_F` of G to the simplex ETF, from its two parts.

    It is :math:`2 \sin(\theta / 2)` with the angle between the two, which is not rounded near 0.

    Examples
    --------
    >>> etf_distance(3.0, 0.0), round(etf_distance(0.0, 3.0) ** 2, 12)
    (0.0, 2.0)
    """
    return 2 * math.sin(math.atan2(rest, along) / 2)


def _block_distances(x: Tensor, z: Tensor, diagonal: bool) -> Tensor:
    """Squared distances (b, b') of rows from rows; infinite on a diagonal."""
    if len(x) * z.numel() <= _FEW:
        squares = _from_differences(x, z)
    else:
        scale = x.square().sum(1)[:, None] + z.square().sum(1)
        squares = torch.addmm(scale, x, z.mT, alpha=-2)
        if diagonal:
            squares.fill_diagonal_(torch.inf)
        near = (squares < _CLOSE * scale).any(1)
        if near.any():
            squares[near] = _from_differences(x[near], z)
    return squares.fill_diagonal_(torch.inf) if diagonal else squares


def _from_differences(x: Tensor, z: Tensor) -> Tensor:
    return torch.cdist(x, z, compute_mode="donot_use_mm_for_euclid_dist").square_()


def _pair_blocks(n: int) -> list[tuple[slice, slice]]:
    """Blocks of rows and columns that together hold each pair of 0 .. n - 1 once, above or on the diagonal."""
    cuts = blocks(n)
    pairs = [(first, second) for i, first in enumerate(cuts) for second in cuts[i:]]
    return [pair for pair in pairs if pair[0] != pair[1] or pair[0].stop - pair[0].start > 1]
