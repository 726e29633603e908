"""Samples of a measurement: how many there were of each class, and how the outputs classified them."""

from __future__ import annotations

from dataclasses import dataclass

from agop.storable import storable

__all__ = ["SeenSamples"]

_CHANCE = 3.0
"""Standard errors by which the decisions must beat a constant one before outputs are taken for scores of the labels."""


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
    n_correct
        Samples whose label is that of their largest output; None for a regression.
    classifier
        Whether output c is the score of class c, as the caller knows; None to find out.
    min_count
        Samples that a class must have to take part in collapse.

    Examples
    --------
    >>> SeenSamples(10, 0, 3, {0: 4, 2: 6}, 7).accuracy, SeenSamples(10, 0, 384, {0: 4, 2: 6}, 1).accuracy
    (0.7, None)
    """

    n_samples: int
    n_dropped: int
    n_outputs: int
    counts: dict[int, int] | None
    n_correct: int | None
    classifier: bool | None = None
    min_count: int = 1

    def merge(self, other: SeenSamples) -> SeenSamples:
        """Samples of both."""
        counts = None
        if self.counts is not None and other.counts is not None:
            labels = sorted(self.counts.keys() | other.counts.keys())
            counts = {label: self.counts.get(label, 0) + other.counts.get(label, 0) for label in labels}
        return SeenSamples(
            self.n_samples + other.n_samples,
            self.n_dropped + other.n_dropped,
            self.n_outputs,
            counts,
            None if self.n_correct is None or other.n_correct is None else self.n_correct + other.n_correct,
            self.classifier,
            self.min_count,
        )

    @property
    def classes(self) -> tuple[int, ...]:
        """Labels of the classes that take part in collapse, ascending."""
        return tuple(label for label, count in (self.counts or {}).items() if count >= self.min_count)

    @property
    def are_scored(self) -> bool:
        """Whether output c is the score of class c.

        Unless the caller knows it is, if there is an output for each label up to the largest and no other, or if the
        largest output agrees with the label more often than the largest class alone would, by three standard errors.
        """
        if not self.counts or self.n_correct is None or self.classifier is not None:
            return bool(self.classifier and self.counts)
        n_labels, n_outputs = max(self.counts) + 1, max(2, self.n_outputs)
        share, accuracy = max(self.counts.values()) / self.n_samples, self.n_correct / self.n_samples
        beats_chance = accuracy > share + _CHANCE * (share * (1 - share) / self.n_samples) ** 0.5
        return n_labels == n_outputs or (n_labels < n_outputs and beats_chance)

    @property
    def accuracy(self) -> float | None:
        """Share of the samples whose largest output is that of their class; None where outputs are no scores."""
        return self.n_correct / self.n_samples if self.are_scored and self.n_correct is not None else None
