"""The samples of a fit, equal ones merged, and random parts of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor

from agop.rfm.distinct import DistinctRows, distinct_rows
from agop.rfm.samples import DistinctSamples

__all__ = ["Problem", "random_rows"]


@dataclass(frozen=True, eq=False)
class Problem:
    """Kernel ridge regression of n samples at m distinct inputs.

    Attributes
    ----------
    centers
        Distinct inputs, (m, d), in lexicographic order: no choice depends on the order of the samples.
    targets
        Targets of the samples, (n, C).
    rows
        Which samples are equal.

    Examples
    --------
    >>> features, targets = torch.tensor([[1.0], [2.0], [1.0]]), torch.tensor([[1.0], [0.0], [3.0]])
    >>> problem = Problem.of(features, targets, torch.ones(3))
    >>> problem.centers.ravel(), problem.means.ravel()
    (tensor([1., 2.]), tensor([2., 0.]))
    """

    centers: Tensor
    targets: Tensor
    rows: DistinctRows

    @classmethod
    def of(cls, features: Tensor, targets: Tensor, weights: Tensor) -> Problem:
        """Merge samples with features (n, d) that are equal."""
        rows = distinct_rows(features, weights)
        order = torch.from_numpy(np.lexsort(features[rows.index].cpu().numpy().T[::-1])).to(rows.index)
        rows = rows.reordered(order)
        return cls(features[rows.index], targets, rows)

    def __len__(self) -> int:
        return len(self.centers)

    @cached_property
    def means(self) -> Tensor:
        """(m, C) weighted means of the targets of equal samples."""
        return self.rows.mean(self.targets)

    def samples(self, *, intercept: bool) -> DistinctSamples:
        """The distinct samples with their weights, for cross-fitting."""
        rows = self.rows
        return DistinctSamples(self.centers, self.means, rows.total_weights, rows.spread(self.targets), intercept)

    def at(self, groups: Tensor) -> Problem:
        """The samples at some of the distinct inputs (m',)."""
        kept, rows = self.rows.part(groups)
        return Problem(self.centers[groups], self.targets[kept], rows)

    def part(self, most: int | None, random_state: Any) -> Problem:
        """Itself, or all samples at ``most`` of the distinct inputs, drawn at random."""
        if most is None or len(self) <= most:
            return self
        return self.at(random_rows(len(self), most, random_state).to(self.centers.device))


def random_rows(n: int, most: int, random_state: Any) -> Tensor:
    """Indices of ``most`` of n rows in order, or of all if they are fewer."""
    if n <= most:
        return torch.arange(n)
    return torch.from_numpy(check_random_state(random_state).choice(n, most, replace=False)).sort().values
