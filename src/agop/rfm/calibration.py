"""Class probabilities from values of a predictor, learned on samples that the predictor does not depend on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from agop.storable import storable

__all__ = ["Calibration"]

_LOG_SCALES = (-5.0, 8.0)
"""Logarithms of the scales that are tried."""

_PRIOR = 1e-3
"""Weight of the penalty that keeps the scale finite where classes are separated."""


@storable
@dataclass(frozen=True)
class Calibration:
    r"""Probabilities :math:`\mathrm{softmax}(a f)` of values f (n, C) of a predictor; :math:`\sigma(2 a f)` of one.

    The only parameter is the scale a > 0, so that the most probable class stays the one with the largest value, and two
    samples keep their order. It is the maximum of the weighted likelihood (temperature scaling; Platt's sigmoid
    without its offset for two classes), with a weak log-normal prior that keeps it finite where all samples are right.

    Attributes
    ----------
    scale
        a.

    References
    ----------
    Platt 1999, "Probabilistic outputs for support vector machines"; Guo, Pleiss, Sun, Weinberger 2017
    (arXiv 1706.04599).

    Examples
    --------
    >>> values, shares = torch.tensor([[1.0], [0.5], [-0.5], [-1.0]]), torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    >>> calibration = Calibration.of(values, shares)
    >>> probability = calibration(values)
    >>> bool(0.5 < probability[0, 1] < 0.9), bool((probability.sum(1) == 1).all())
    (True, True)
    """

    scale: float

    @classmethod
    def of(cls, values: Tensor, shares: Tensor, weights: Tensor | None = None) -> Calibration:
        """Scale for values that do not depend on their targets.

        Parameters
        ----------
        values
            (n, C), or (n, 1) for the second of two classes.
        shares
            Shares of the classes in each row, of the shape of ``values``: 1 for the class of a sample, 0 elsewhere.
        weights
            (n,) positive; ones if None.
        """
        logits, parts = _logits(values.double()).cpu(), _class_shares(shares.double()).cpu()
        weight = _normalized(weights, len(parts))
        own = (parts * logits).sum(1)

        def loss(parameter: float) -> float:
            scale = math.exp(parameter)
            return (weight @ (torch.logsumexp(scale * logits, 1) - scale * own)).item() + _PRIOR * parameter**2

        return cls(math.exp(minimize_scalar(loss, bounds=_LOG_SCALES, method="bounded").x))

    def loss(self, values: Tensor, shares: Tensor, weights: Tensor | None = None) -> float:
        """Weighted mean of the log loss, in nats; values, shares and weights as for ``of``."""
        logs = torch.log_softmax(self.scale * _logits(values.double()), 1).cpu()
        return -(_normalized(weights, len(logs)) @ (_class_shares(shares.double()).cpu() * logs).sum(1)).item()

    def __call__(self, values: Tensor) -> Tensor:
        """Probabilities (n, C), or (n, 2) of values (n, 1)."""
        return torch.softmax(self.scale * _logits(values), 1)


def _logits(values: Tensor) -> Tensor:
    return torch.cat([-values, values], 1) if values.shape[1] == 1 else values


def _class_shares(shares: Tensor) -> Tensor:
    return torch.cat([1 - shares, shares], 1) if shares.shape[1] == 1 else shares


def _normalized(weights: Tensor | None, n: int) -> Tensor:
    weights = torch.ones(n, dtype=torch.float64) if weights is None else weights.double().cpu()
    return weights / weights.sum()
