"""Skill of a predictor: whether it predicts left-out targets better than their mean does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from agop.rfm.samples import Samples
from agop.rfm.selection import mean_and_error
from agop.storable import storable

__all__ = ["Skill"]


@storable
@dataclass(frozen=True)
class Skill:
    r"""Share of the variance of left-out targets that is predicted: the skill score with the mean for reference.

    :math:`1 - \sum_i w_i |y_i - f_i|^2 / \sum_i w_i |y_i - \bar y|^2`, R^2 of a regression. Targets of classes are
    those of the fit, +1 and -1, and f are decision values.

    Attributes
    ----------
    value, error
        The share, negative where the mean predicts better, and its standard error, that of a ratio of means over other
        samples that are left out: how far fits to other samples would differ is not in it.

    References
    ----------
    Murphy 1988, Skill scores based on the mean square error and their relationships to the correlation coefficient,
    Monthly Weather Review 116:2417.

    Examples
    --------
    >>> import torch
    >>> y = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> found = [Skill.of(Samples.of(y, y), predictions) for predictions in (y + 0.1, torch.full_like(y, 1.5))]
    >>> [(round(skill.value, 3), skill.is_positive) for skill in found]
    [(0.992, True), (0.0, False)]
    """

    value: float
    error: float

    @classmethod
    def of(cls, samples: Samples, predictions: Tensor) -> Self | None:
        """Skill of predictions (m, C) at the inputs of samples that they do not depend on.

        Samples of an unknown class (NaN) are left out; None where all targets, or all inputs, are equal.
        """
        known = ~samples.sample_targets[:, 0].isnan()
        targets, weights = samples.sample_targets[known].double(), samples.sample_weights[known]
        group = samples.group[known]
        residuals = (targets - predictions[group].double()).square().sum(1)
        about_first = targets - targets[:1]  # zeros where all are equal, without rounding
        deviations = (about_first - weights @ about_first / weights.sum()).square().sum(1)
        variance = weights @ deviations / weights.sum()
        if not variance > 0 or bool((group == group[0]).all()):
            return None
        value = 1 - weights @ residuals / weights.sum() / variance
        return cls(*mean_and_error(value + ((1 - value) * deviations - residuals) / variance, weights, group))

    @property
    def is_positive(self) -> bool:
        """Whether the mean predicts worse, beyond two standard errors."""
        return self.value > 2 * self.error
