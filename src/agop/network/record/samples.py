"""Samples of a measurement: how many there were of each class, and how the outputs classified them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from agop.storable import storable

__all__ = ["SeenSamples"]

_CHANCE = 0.01
"""Probability below which decisions do not agree so well with the labels of classes that are named at random."""


@storable
@dataclass(frozen=True)
class SeenSamples:
    """Samples of a measurement: a value that merges.

    Attributes
    ----------
    n_samples, n_dropped
        Samples that count, and those left out for their label.
    n_outputs
        Outputs K of the network.
    counts
        Number of samples by label; None for a regression.
    correct
        Number of samples, by label, whose largest output is that of their label; None for a regression.
    classifier
        Whether output c is the score of class c, as the caller knows; None to find out.
    min_count
        Samples that a class must have to take part in collapse.

    Examples
    --------
    >>> SeenSamples(10, 0, 3, {0: 4, 2: 6}, {0: 1, 2: 6}).accuracy
    0.7
    >>> print(SeenSamples(10, 0, 384, {0: 4, 2: 6}, {0: 1, 2: 0}).accuracy)
    None
    """

    n_samples: int
    n_dropped: int
    n_outputs: int
    counts: dict[int, int] | None
    correct: dict[int, int] | None
    classifier: bool | None = None
    min_count: int = 1

    def merge(self, other: SeenSamples) -> SeenSamples:
        """Samples of both."""
        return SeenSamples(
            self.n_samples + other.n_samples,
            self.n_dropped + other.n_dropped,
            self.n_outputs,
            _added(self.counts, other.counts),
            _added(self.correct, other.correct),
            self.classifier,
            self.min_count,
        )

    @property
    def classes(self) -> tuple[int, ...]:
        """Labels of the classes that take part in collapse, ascending."""
        return tuple(label for label, count in (self.counts or {}).items() if count >= self.min_count)

    @property
    def majority(self) -> float:
        """Share of the samples that are of the most frequent class; 0 of a regression."""
        return max((self.counts or {0: 0}).values()) / self.n_samples

    @property
    def n_scores(self) -> int:
        """Classes that the outputs can be scores of: a single one tells two apart."""
        return max(2, self.n_outputs)

    @property
    def are_scored(self) -> bool:
        """Whether output c is the score of class c.

        Unless the caller knows it is, if there is an output for each label up to the largest and no other, or if the
        decisions tell: see :attr:`beat_chance`.
        """
        if self.counts is None or self.classifier is not None:
            return bool(self.classifier and self.counts)
        return self.has_an_output_a_label or self.beat_chance

    @property
    def has_an_output_a_label(self) -> bool:
        """Whether outputs can be scores of as many classes as there are labels from 0 to the largest."""
        return max(self.counts or {0: 0}) + 1 == self.n_scores

    @property
    def beat_chance(self) -> bool:
        r"""Whether the decisions name the classes, as those of outputs that are no scores do not.

        Samples of a class lie together, so that most of them may decide alike whatever the outputs mean; the K outputs
        of an encoder have no names, and agree with one of C classes in a share :math:`r_c` of its samples that has the
        mean 1 / K over all ways of naming them. One class may agree because all samples decide alike. Of the others,
        with :math:`r = (\sum_c r_c - 1) / (C - 1)`, shares of such a sum or more have a probability of
        :math:`\exp(-(C - 1) D(r \| 1 / K))` at most (Hoeffding 1963, theorem 1), D the relative entropy of two
        coins. That it is below 1 % is asked for: two or three classes can seldom show it.
        """
        if not self.counts or self.correct is None or max(self.counts) >= self.n_scores:
            return False
        shares = [self.correct[label] / count for label, count in self.counts.items() if count]
        others, chance = len(shares) - 1, 1 / self.n_scores
        share = (sum(shares) - 1) / others if others else 0.0
        return share > chance and others * _divergence(share, chance) > -math.log(_CHANCE)

    @property
    def accuracy(self) -> float | None:
        """Share of the samples whose largest output is that of their class; None where outputs are no scores."""
        if self.correct is None or not self.are_scored:
            return None
        return sum(self.correct.values()) / self.n_samples

    def classifier_of(self, weight: Tensor) -> Tensor | None:
        """Rows for the classes of the weight (K, d) that makes the outputs; None where these are no scores of them.

        A single output, whose sign decides between two classes, has no row for each.
        """
        return weight[list(self.classes)] if self.are_scored and self.n_outputs > 1 else None


def _added(one: dict[int, int] | None, other: dict[int, int] | None) -> dict[int, int] | None:
    """Sums of two numbers by label, ascending; None if one of them is."""
    if one is None or other is None:
        return None
    return {label: one.get(label, 0) + other.get(label, 0) for label in sorted(one.keys() | other.keys())}


def _divergence(share: float, chance: float) -> float:
    """Relative entropy, in nats, of a coin that falls on heads with one probability to one with another."""
    pairs = ((share, chance), (1 - share, 1 - chance))
    return sum(one * math.log(one / another) for one, another in pairs if one > 0)
