"""How the classes and samples of two records fit together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.moments import ClassMoments

__all__ = ["Alignment"]


@dataclass(frozen=True, eq=False)
class Alignment:
    """How the classes and samples of two records fit together.

    Attributes
    ----------
    classes
        Labels of the classes of both, ascending.
    places
        Positions of the classes of each among them.
    shares
        Share of each in the samples of both.
    are_scored
        Whether outputs are scores of the classes, for the samples of both.
    """

    classes: tuple[int, ...]
    places: tuple[Tensor, Tensor]
    shares: tuple[float, float]
    are_scored: bool

    @classmethod
    def of(
        cls, classes: tuple[tuple[int, ...], tuple[int, ...]], n_samples: tuple[int, int], are_scored: bool
    ) -> Alignment:
        """Fit two lists of labels and two numbers of samples together."""
        union = tuple(sorted({*classes[0], *classes[1]}))
        places = tuple(torch.tensor([union.index(label) for label in each], dtype=torch.int64) for each in classes)
        shares = tuple(n / sum(n_samples) for n in n_samples)
        return cls(union, places, shares, are_scored)  # type: ignore[arg-type]

    def merge(self, one: ClassMoments, other: ClassMoments) -> ClassMoments:
        """Moments of the samples of both, by the classes of both."""
        first, second = (
            part.placed(places, len(self.classes)) for part, places in zip((one, other), self.places, strict=True)
        )
        return first.merge(second)

    def classifier(self, weight: Tensor) -> Tensor | None:
        """Rows of the weight of a classifier for the classes of both; None where outputs are no scores of them."""
        return weight[list(self.classes)] if self.are_scored else None
