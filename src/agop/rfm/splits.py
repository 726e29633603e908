"""Trees that split samples along directions, and route points softly to their leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from agop.linalg import Spectrum, largest_positive
from agop.storable import storable

__all__ = ["Split", "Tree", "grow_tree", "principal_direction", "route"]


@storable
@dataclass(frozen=True)
class Split:
    r"""A split of samples along a direction v, soft in a band.

    The subtree ``above`` has the share :math:`g(x) = \min(1, \max(0, (v \cdot x - low) / (high - low)))` in a point x,
    the subtree ``below`` the rest. Where low = high the split is hard: g(x) is 1 if v.x > low, else 0.

    Attributes
    ----------
    direction
        v, (d,), float64.
    low, high
        Ends of the band.
    below, above
        Subtrees, or numbers of leaves.

    Examples
    --------
    >>> split = Split(torch.tensor([1.0, 0.0], dtype=torch.float64), low=-1.0, high=1.0, below=0, above=1)
    >>> split.share_above(torch.tensor([[-2.0, 5.0], [0.5, 0.0], [2.0, 1.0]]))
    tensor([0.0000, 0.7500, 1.0000], dtype=torch.float64)
    """

    direction: Tensor
    low: float
    high: float
    below: Tree
    above: Tree

    def share_above(self, points: Tensor) -> Tensor:
        """g(x) for points (n, d): (n,), float64."""
        return _share_above(points.double() @ self.direction, self.low, self.high)


Tree: TypeAlias = Split | int
"""A split with its subtrees, or the number of a leaf."""


def grow_tree(
    inputs: Tensor,
    direction: Callable[[Tensor], Tensor | None],
    *,
    max_leaf_size: int,
    overlap: float = 0.0,
) -> tuple[Tree, list[Tensor]]:
    """Split samples at medians of their projections, down to leaves.

    A sample belongs to every child that has a positive share in it: those in the band of a split to both.

    Parameters
    ----------
    inputs
        (n, d), of any floating dtype.
    direction
        Function from the indices of a node's samples to the direction (d,) of its split, or None to make it a leaf.
    max_leaf_size
        Nodes with more samples are split, unless their projections are all equal.
    overlap
        Share of a node's samples, on each side of its median, that lie in the band; at most 1/4, since the leaves
        together hold up to (1 + 2 overlap)^k times the samples at depth k.

    Returns
    -------
    tree, leaves
        The tree, and the indices of the samples of each leaf, ascending.

    References
    ----------
    Beaglehole, Holzmüller, Radhakrishnan, Belkin 2025 (arXiv 2508.10053): splits at medians along AGOP directions.

    Examples
    --------
    >>> x = torch.arange(8.0)[:, None]
    >>> tree, leaves = grow_tree(x, lambda rows: torch.ones(1), max_leaf_size=5, overlap=0.125)
    >>> (tree.low, tree.high), [rows.tolist() for rows in leaves]
    ((2.0, 5.0), [[0, 1, 2, 3, 4], [3, 4, 5, 6, 7]])
    """
    leaves: list[Tensor] = []

    def grow(rows: Tensor) -> Tree:
        if len(rows) > max_leaf_size and (along := direction(rows)) is not None:
            along = along.to(inputs.device, torch.float64)
            projections = inputs[rows].double() @ along
            if (band := _median_band(projections, overlap)) is not None:
                above = _share_above(projections, *band)
                return Split(along, *band, grow(rows[above < 1]), grow(rows[above > 0]))
        leaves.append(rows)
        return len(leaves) - 1

    return grow(torch.arange(len(inputs), device=inputs.device)), leaves


def route(tree: Tree, points: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """The points that each leaf has a share in; a point's shares, products along the way to a leaf, sum to 1.

    Parameters
    ----------
    tree
        A split, or a leaf.
    points
        (n, d).

    Yields
    ------
    leaf, rows, shares
        Number of a leaf, the indices of its points, and its positive shares in them, float64.

    Examples
    --------
    >>> split = Split(torch.ones(1, dtype=torch.float64), low=0.0, high=1.0, below=0, above=1)
    >>> [(leaf, rows.tolist()) for leaf, rows, _ in route(split, torch.tensor([[-1.0], [0.25], [2.0]]))]
    [(0, [0, 1]), (1, [1, 2])]
    """
    rows = torch.arange(len(points), device=points.device)
    return _route(tree, points, rows, torch.ones_like(rows, dtype=torch.float64))


def _route(tree: Tree, points: Tensor, rows: Tensor, shares: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    if not len(rows):
        return
    if isinstance(tree, int):
        yield tree, rows, shares
        return
    above = tree.share_above(points[rows])
    for child, share in ((tree.below, 1 - above), (tree.above, above)):
        reached = share > 0
        yield from _route(child, points, rows[reached], (shares * share)[reached])


def principal_direction(matrix: Tensor) -> Tensor | None:
    """Leading eigenvector (d,) of a positive semi-definite matrix, its largest entry positive; None if the matrix is 0.

    Examples
    --------
    >>> principal_direction(torch.diag(torch.tensor([1.0, 4.0, 0.0])))
    tensor([0., 1., 0.], dtype=torch.float64)
    """
    spectrum = Spectrum.of(matrix)
    if not spectrum.rank:
        return None
    return largest_positive(spectrum.vectors[:, 0])


def _share_above(projections: Tensor, low: float, high: float) -> Tensor:
    if low == high:
        return (projections > low).double()
    return ((projections - low) / (high - low)).clamp(0, 1)


def _median_band(projections: Tensor, overlap: float) -> tuple[float, float] | None:
    """Ends of the band about the gap between two projections that is nearest to the median; None without a gap."""
    ordered = projections.sort().values
    n = len(ordered)
    rounding = 16 * torch.finfo(torch.float64).eps * ordered[[0, -1]].abs().max()
    gaps = (ordered.diff() > rounding).nonzero()[:, 0]
    if not len(gaps):
        return None
    last = int(gaps[(gaps + 1 - n / 2).abs().argmin()])  # of the samples below the gap
    shared = int(overlap * n)
    if not shared:
        middle = ((ordered[last] + ordered[last + 1]) / 2).item()
        return middle, middle
    return ordered[max(last - shared, 0)].item(), ordered[min(last + 1 + shared, n - 1)].item()
