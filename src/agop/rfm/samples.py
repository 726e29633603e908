"""Distinct samples, and the targets of fits with and without an intercept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["DistinctSamples"]


@dataclass(frozen=True, eq=False)
class DistinctSamples:
    """Samples of which equal ones were merged, see ``agop.rfm.distinct.DistinctRows``; they are left out together.

    Attributes
    ----------
    inputs
        Distinct rows, (m, d).
    targets
        Mean targets of the equal samples, (m, C).
    weights
        Their total weight, (m,): how much they matter, never how many they are.
    spread
        (m,) mean squared distance of their targets from that mean; zeros where nothing was merged.
    intercept
        Whether a fit subtracts the weighted mean of the targets that it sees.

    Examples
    --------
    >>> samples = DistinctSamples(torch.eye(2), torch.eye(2), torch.ones(2), torch.zeros(2))
    >>> samples[torch.tensor([1])].inputs
    tensor([[0., 1.]])
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor
    spread: Tensor
    intercept: bool = False

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, rows: Tensor) -> DistinctSamples:
        return DistinctSamples(
            self.inputs[rows], self.targets[rows], self.weights[rows], self.spread[rows], self.intercept
        )

    def mean(self) -> Tensor:
        """Weighted mean (C,) of the targets, float64."""
        weights = self.weights.double()
        return weights @ self.targets.double() / weights.sum()

    def means_without(self) -> Tensor:
        """Weighted means (m, C) of the targets of all other rows, float64; zeros for a single row."""
        weights, targets = self.weights.double()[:, None], self.targets.double()
        rest = weights.sum() - weights
        return torch.where(rest > 0, (weights * targets).sum(0) - weights * targets, 0) / rest.clamp(min=1e-300)

    def right_hand_sides(self) -> Tensor:
        """Targets (m, C), followed by ones (m, C + 1) with an intercept: a fit to Y - 1 c is linear in c."""
        return torch.cat([self.targets, torch.ones_like(self.targets[:, :1])], 1) if self.intercept else self.targets

    def about_the_others(self, residuals: Tensor, first: int = 0) -> Tensor:
        """Left-out residuals of the rows from ``first`` on, from those of ``right_hand_sides`` there.

        The intercept is left out with its row: the mean of the targets is that of the others.
        """
        if not self.intercept:
            return residuals
        return residuals[:, :-1] - self.means_without()[first:] * residuals[:, -1:]

    def error(self, predictions: Tensor) -> float:
        """Weighted mean, over samples and outputs, of squared errors of predictions (m, C) for the distinct rows.

        Examples
        --------
        >>> samples = DistinctSamples(torch.eye(2), torch.eye(2), torch.tensor([3.0, 1.0]), torch.tensor([0.0, 2.0]))
        >>> samples.error(torch.eye(2) + 1)
        1.25
        """
        weights = self.weights.double()
        squares = (self.targets.double() - predictions.double()).square().sum(1) + self.spread.double()
        return (weights @ squares / weights.sum() / self.targets.shape[1]).item()
