"""Labels drawn at random for the samples of a batch, and the sums of features by them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.network.passes.sweep import SeenBatch

__all__ = ["RandomLabels", "sums_by_label"]


@dataclass(frozen=True, eq=False)
class RandomLabels:
    """Labels without any relation to the samples, each class as often as it is on average.

    They depend on the number of the batch alone: no rank and no pass has to know of others.

    Attributes
    ----------
    n_draws
        Number of draws.
    shares
        (C,) share of the samples in each class.
    """

    n_draws: int
    shares: NDArray[np.float64]

    def of(self, seen: SeenBatch) -> Tensor:
        """Positions (m, n_draws) of classes for the samples of a batch that count, on its device."""
        generator = np.random.default_rng((0, seen.number))
        drawn = generator.choice(len(self.shares), (seen.batch.n_samples, self.n_draws), p=self.shares)
        return torch.from_numpy(drawn).to(seen.batch.device)


def sums_by_label(deviations: Tensor, labels: Tensor, n_classes: int) -> Tensor:
    """Sums (n, C, d + 2) of rows x (g, S, d), of their squared norms and of ones, by draw and its labels (g, n)."""
    squares = torch.linalg.vector_norm(deviations, dim=(1, 2)).square()
    rows = torch.full_like(squares, deviations.shape[1])
    values = torch.cat([deviations.sum(1), squares[:, None], rows[:, None]], 1)
    total = values.new_zeros(labels.shape[1], n_classes, values.shape[1])
    for part, drawn in zip(total, labels.unbind(1), strict=True):
        part.index_add_(0, drawn, values)
    return total
