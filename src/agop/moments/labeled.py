"""Class moments under the labels of their classes: a value that merges, whatever classes each side has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.moments.arithmetic import of_rows
from agop.moments.class_moments import ClassMoments
from agop.moments.grouping import Grouping

__all__ = ["LabeledMoments"]


@dataclass(frozen=True, eq=False)
class LabeledMoments:
    """Moments of the classes that have occurred, so that no number of classes needs to be known before.

    Attributes
    ----------
    classes
        (C,) int64 labels, ascending, on the host.
    moments
        Moments of these classes, in their order.

    Examples
    --------
    >>> grouping = Grouping.of(np.array([40, 7, 40]), torch.device("cpu"))
    >>> first = LabeledMoments.of(torch.tensor([[0.0], [5.0], [2.0]]), grouping)
    >>> second = LabeledMoments.of(torch.tensor([[1.0]]), Grouping.of(np.array([9]), torch.device("cpu")))
    >>> both = first.merge(second)
    >>> both.classes.tolist(), both.moments.means.flatten().tolist()
    ([7, 9, 40], [5.0, 1.0, 1.0])
    """

    classes: NDArray[np.int64]
    moments: ClassMoments

    @classmethod
    def of(cls, rows: Tensor, grouping: Grouping) -> LabeledMoments:
        """Moments of rows (n, d), n > 0; whether they are finite, which takes waiting, is left to the caller."""
        return cls(grouping.classes, ClassMoments(*of_rows(rows, grouping)))

    def merge(self, other: LabeledMoments) -> LabeledMoments:
        """Moments of the samples of both, under the labels of both."""
        if np.array_equal(self.classes, other.classes):
            return LabeledMoments(self.classes, self.moments.merge(other.moments))
        classes = np.union1d(self.classes, other.classes)
        return LabeledMoments(classes, self.placed(classes).merge(other.placed(classes)))

    def placed(self, classes: NDArray[np.int64]) -> ClassMoments:
        """Moments of more classes, ascending, those that did not occur without samples."""
        if len(classes) == len(self.classes):
            return self.moments
        positions = torch.from_numpy(np.searchsorted(classes, self.classes))
        return self.moments.placed(positions.to(self.moments.counts.device), len(classes))

    def only(self, classes: NDArray[np.int64]) -> LabeledMoments:
        """Moments of those of the classes that are among the given ones, ascending."""
        if np.array_equal(self.classes, classes):
            return self
        kept = torch.from_numpy(np.flatnonzero(np.isin(self.classes, classes))).to(self.moments.counts.device)
        return LabeledMoments(np.intersect1d(self.classes, classes), self.moments.select(kept))

    def total(self) -> Tensor:
        """Sum of all numbers, a scalar that is finite if they are."""
        assert self.moments.scatter_traces is not None  # noqa: S101 - they are read, not mapped
        return self.moments.means.sum() + self.moments.scatter_traces.sum()

    @property
    def n_features(self) -> int:
        """Number of features d."""
        return self.moments.means.shape[1]

    @property
    def numbers(self) -> int:
        """How many numbers the moments take."""
        return self.moments.means.numel()
