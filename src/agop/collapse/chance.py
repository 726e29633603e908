"""Chance: what measures of collapse are for the same features with labels that were drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from agop.collapse.measures import evaluated
from agop.moments import ClassMoments
from agop.storable import storable

__all__ = ["CHANCE_MEASURES", "Chance"]

CHANCE_MEASURES = ("nc1_trace_ratio", "nc2_gram_mse")
"""Measures whose level of chance is told."""


@storable
@dataclass(frozen=True, eq=False)
class Chance:
    r"""Measures of collapse of the same features with labels drawn at random, each class as often as it is.

    Of n draws the least and the largest value are kept: those of one draw more lie between them with a probability of
    :math:`(n - 1) / (n + 1)`, 95 % for 39 draws, whatever the features are. NC1 of random labels is about
    :math:`(N - C) / (C - 1)` for N rows and C classes; NC2 is near 0 for features that spread in many directions alike.

    Attributes
    ----------
    n_draws
        Number of draws n with a value of each measure that is told: one has none where it has samples of one class
        alone, which rare classes make likely.
    least, largest
        Ends of the range of the draws, by the name of the measure, of those that have a value.

    Examples
    --------
    >>> x, draws = torch.randn(60, 5, generator=torch.Generator().manual_seed(0)), torch.arange(120).reshape(2, 60) % 3
    >>> draws[1] = draws[1].sort().values
    >>> found = Chance.of([ClassMoments.of(x, labels, 3) for labels in draws])
    >>> found.n_draws, 5 < found.least["nc1_trace_ratio"] < found.largest["nc1_trace_ratio"] < 60
    (2, True)
    """

    n_draws: int
    least: dict[str, float] = field(default_factory=dict)
    largest: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, draws: list[ClassMoments]) -> Chance:
        """Range over the moments of the features by the labels of each draw, of the classes that were drawn."""
        present = [moments.drop_empty() for moments in draws if (moments.counts > 0).sum() > 1]
        found = [evaluated({"moments": (moments,)}, CHANCE_MEASURES)[0] for moments in present]
        values = {name: [part[name] for part in found if name in part] for name in CHANCE_MEASURES}
        known = {name: part for name, part in values.items() if part}
        least, largest = ({name: end(part) for name, part in known.items()} for end in (min, max))
        return cls(min(map(len, known.values()), default=0), least, largest)

    @classmethod
    def of_sums(cls, sums: Tensor) -> Chance:
        """Range over draws of whose rows x about a common center sums are known.

        Parameters
        ----------
        sums
            (n, C, d + 2) by draw and class: sums of x, of :math:`|x|^2`, and numbers of rows.
        """
        return cls.of([_moments(part) for part in sums.cpu().unbind()])

    @property
    def level(self) -> float:
        """Probability with which a further draw lies in the range."""
        return max(self.n_draws - 1, 0) / (self.n_draws + 1)

    def as_dict(self) -> dict[str, float]:
        """Ends by name, such as "nc1_trace_ratio_chance_least"."""
        ends = {"least": self.least, "largest": self.largest}
        return {f"{name}_chance_{end}": value for end, found in ends.items() for name, value in found.items()}


def _moments(sums: Tensor) -> ClassMoments:
    """Moments of one draw; the center is near all class means of it, so that the difference costs few digits."""
    counts = sums[:, -1]
    means = sums[:, :-2] / counts.clamp(min=1)[:, None]
    traces = (sums[:, -2] - counts * means.square().sum(1)).clamp(min=0)
    return ClassMoments(counts.round().to(torch.int64), means, traces)
