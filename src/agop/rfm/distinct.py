"""Equal rows, merged with summed weights before a solve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

__all__ = ["DistinctRows", "distinct_rows"]


@dataclass(frozen=True)
class DistinctRows:
    """Which rows of a matrix are equal.

    Kernel ridge regression on the distinct rows with summed weights and weighted mean targets is the
    same problem as on all rows.

    Attributes
    ----------
    index
        (m,) a representative of each group, in order of first appearance.
    group
        (n,) the group of each row, so that ``X[index][group]`` equals ``X``.
    weights
        (n,) weight of each row.
    """

    index: Tensor
    group: Tensor
    weights: Tensor

    @cached_property
    def total_weights(self) -> Tensor:
        """(m,) summed weights of the groups."""
        return self._total(self.weights)

    def mean(self, values: Tensor) -> Tensor:
        """(m, C) weighted means over the groups of values (n, C)."""
        sums = values.new_zeros(len(self.index), values.shape[1], dtype=self.weights.dtype)
        sums.index_add_(0, self.group, self.weights[:, None] * values)
        return (sums / self.total_weights[:, None]).to(values.dtype)

    def spread(self, values: Tensor) -> Tensor:
        """(m,) weighted mean over a group of the squared distances of values (n, C) from their group's mean."""
        squares = self.deviations(values).square().sum(1)
        return self._total(self.weights * squares) / self.total_weights

    def deviations(self, values: Tensor) -> Tensor:
        """(n, C) float64 values minus the mean of their group; exactly 0 in groups of one."""
        alone = torch.bincount(self.group, minlength=len(self.index)) == 1
        deviations = values.double() - self.mean(values.double())[self.group]
        return deviations.masked_fill(alone[self.group, None], 0)

    def reordered(self, order: Tensor) -> DistinctRows:
        """The groups in another order, a permutation (m,) of them.

        Examples
        --------
        >>> rows = distinct_rows(torch.tensor([[2.0], [1.0], [2.0]])).reordered(torch.tensor([1, 0]))
        >>> rows.index.tolist(), rows.group.tolist()
        ([1, 0], [1, 0, 1])
        """
        number = torch.empty_like(order)
        number[order] = torch.arange(len(order), device=order.device)
        return DistinctRows(self.index[order], number[self.group], self.weights)

    def part(self, groups: Tensor) -> tuple[Tensor, DistinctRows]:
        """Those (n',) of the rows that belong to some groups (m',), and which of these rows are equal.

        Examples
        --------
        >>> kept, rows = distinct_rows(torch.tensor([[1.0], [2.0], [1.0], [3.0]])).part(torch.tensor([0, 2]))
        >>> kept.tolist(), rows.index.tolist(), rows.group.tolist()
        ([0, 2, 3], [0, 2], [0, 0, 1])
        """
        number = self.index.new_full((len(self.index),), -1)
        number[groups] = torch.arange(len(groups), device=groups.device)
        kept = torch.nonzero(number[self.group] >= 0).ravel()
        index = torch.searchsorted(kept, self.index[groups])
        return kept, DistinctRows(index, number[self.group[kept]], self.weights[kept])

    def _total(self, values: Tensor) -> Tensor:
        """(m,) sums over the groups."""
        return values.new_zeros(len(self.index)).index_add_(0, self.group, values)


def distinct_rows(inputs: Tensor, weights: Tensor | None = None) -> DistinctRows:
    """Group the rows of ``inputs`` (n, d) that are equal.

    Parameters
    ----------
    inputs
        (n, d), float32 or float64, finite.
    weights
        (n,) positive: how much a row matters; ones if None.

    Examples
    --------
    >>> rows = distinct_rows(torch.tensor([[1.0], [2.0], [1.0]]))
    >>> rows.index.tolist(), rows.group.tolist(), rows.total_weights.tolist()
    ([0, 1], [0, 1, 0], [2.0, 1.0])
    """
    values = (inputs + 0.0).contiguous()  # turns -0.0 into 0.0, so that equal rows have equal bytes
    first, group = _first_and_group(values)
    device = inputs.device
    if weights is None:
        weights = torch.ones(len(inputs), dtype=torch.float64, device=device)
    return DistinctRows(first.to(device), group.to(device), weights.double())


def _first_and_group(values: Tensor) -> tuple[Tensor, Tensor]:
    """First row of each group, in order, and the group of each row; groups have equal bytes."""
    sums = values.view(torch.int64 if values.element_size() == 8 else torch.int32).sum(1)
    if len(torch.unique(sums)) == len(sums):  # equal rows have equal sums of their words
        each = torch.arange(len(sums))
        return each, each
    row_bytes = values.cpu().numpy().view(np.dtype((np.void, values.element_size() * values.shape[1]))).ravel()
    _, first, inverse = np.unique(row_bytes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return torch.from_numpy(first[order]), torch.from_numpy(rank[inverse])
