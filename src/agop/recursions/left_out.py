"""Distinct samples, and the error of a fit to them by leave-one-out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.solvers.leave_one_out import remaining_shares, sample_residuals

__all__ = ["DistinctSamples"]


@dataclass(frozen=True, eq=False)
class DistinctSamples:
    """Samples of which equal ones were merged, see ``agop.distinct.DistinctRows``.

    Attributes
    ----------
    inputs
        Distinct rows, (n, d).
    targets
        Mean targets of the equal samples, (n, C).
    weights, copies
        Their total weight and number, (n,).
    spread
        (n,) mean squared distance of their targets from that mean; zeros where nothing was merged.

    Examples
    --------
    >>> samples = DistinctSamples(torch.eye(2), torch.eye(2), *torch.ones(2, 2), torch.zeros(2))
    >>> samples[torch.tensor([1])].inputs
    tensor([[0., 1.]])
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor
    copies: Tensor
    spread: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, rows: Tensor) -> DistinctSamples:
        return DistinctSamples(
            self.inputs[rows], self.targets[rows], self.weights[rows], self.copies[rows], self.spread[rows]
        )

    def error(self, coefficients: Tensor, inverse_diagonal: Tensor, ridge: float) -> float:
        """Weighted mean, over samples and outputs, of squared residuals without the own sample, equal ones staying.

        Parameters
        ----------
        coefficients, inverse_diagonal, ridge
            Of the fit: (n, C), (n,), a number; see ``agop.solvers.leave_one_out``.
        """
        weights = self.weights.double()
        group = torch.arange(len(weights), device=weights.device)
        fit = inverse_diagonal, ridge, weights, self.copies
        mean = sample_residuals(coefficients, *fit, torch.zeros_like(coefficients), group)
        about = self.spread.double() / remaining_shares(*fit).square()
        return ((weights @ (mean.square().sum(1) + about)) / weights.sum() / coefficients.shape[1]).item()
