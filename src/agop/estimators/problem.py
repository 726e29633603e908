"""The samples of a fit, equal ones merged, and random parts of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from agop.distinct import DistinctRows, distinct_rows
from agop.estimators.choices import random_rows
from agop.recursions import DistinctSamples

__all__ = ["Problem"]


@dataclass(frozen=True, eq=False)
class Problem:
    """Kernel ridge regression of n samples at m distinct inputs.

    Attributes
    ----------
    centers
        Distinct inputs, (m, d).
    targets
        Targets of the samples, (n, C).
    rows
        Which samples are equal.

    Examples
    --------
    >>> import torch
    >>> features, targets = torch.tensor([[1.0], [2.0], [1.0]]), torch.tensor([[1.0], [0.0], [3.0]])
    >>> problem = Problem.of(features, targets, torch.ones(3), torch.ones(3))
    >>> problem.centers.ravel(), problem.means.ravel()
    (tensor([1., 2.]), tensor([2., 0.]))
    """

    centers: Tensor
    targets: Tensor
    rows: DistinctRows

    @classmethod
    def of(cls, features: Tensor, targets: Tensor, weights: Tensor, copies: Tensor) -> Problem:
        """Merge samples with features (n, d) that are equal; weights and copies (n,) as in ``distinct_rows``."""
        rows = distinct_rows(features, weights, copies)
        return cls(features[rows.index], targets, rows)

    @cached_property
    def means(self) -> Tensor:
        """(m, C) weighted means of the targets of equal samples."""
        return self.rows.mean(self.targets)

    @property
    def samples(self) -> DistinctSamples:
        """The distinct samples with their weights, for leave-one-out."""
        rows = self.rows
        return DistinctSamples(
            self.centers, self.means, rows.total_weights, rows.total_copies, rows.spread(self.targets)
        )

    def part(self, most: int | None, random_state: Any) -> Problem:
        """Itself, or all samples at ``most`` of the distinct inputs, drawn at random."""
        if most is None or len(self.centers) <= most:
            return self
        groups = random_rows(len(self.centers), most, random_state).to(self.centers.device)
        kept, rows = self.rows.part(groups)
        return Problem(self.centers[groups], self.targets[kept], rows)
