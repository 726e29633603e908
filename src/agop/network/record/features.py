"""What is told of the features of one stage once their class means are gone: few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.moments import ClassMoments, TargetMoments
from agop.storable import storable

__all__ = ["SHOWN_CLASSES", "FeatureSummary"]

SHOWN_CLASSES = 100
"""Classes whose cosines are kept at most, the first ones that occur."""


@storable
@dataclass(frozen=True, eq=False)
class FeatureSummary:
    r"""Size of the features of one stage, and the angles between the first class means.

    Attributes
    ----------
    n_rows, n_features
        Rows n that were measured, and numbers d in each, with those of padding where rows were flattened.
    mean_square
        Mean of :math:`\|x\|^2` over the rows.
    counts
        (C,) int64, rows of each class; None where there are no classes.
    cosines
        (C', C') float32, cosines between the means of the first classes that occur about the mean of all class means,
        C' <= 100; None where one of them is that mean, or where there are fewer than two.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 1.0], [0.0, 3.0], [0.0, 5.0]])
    >>> found = FeatureSummary.of(ClassMoments.of(x, torch.tensor([0, 0, 1]), 2))
    >>> found.n_rows, found.n_features, round(found.mean_square, 6), found.cosines.tolist()
    (3, 2, 11.666667, [[1.0, -1.0], [-1.0, 1.0]])
    """

    n_rows: int
    n_features: int
    mean_square: float
    counts: Tensor | None = None
    cosines: Tensor | None = None

    @classmethod
    def of(cls, moments: ClassMoments) -> FeatureSummary:
        """Summary of class moments with samples."""
        n = moments.n_samples
        squares = moments.scatter_trace + float((moments.counts * moments.means.square().sum(1)).sum())
        return cls(n, moments.means.shape[1], squares / n, moments.counts, _cosines(moments.drop_empty()))

    @classmethod
    def of_targets(cls, moments: TargetMoments) -> FeatureSummary:
        """Summary of moments of features and targets with samples."""
        squares = moments.scatter.trace() / moments.count + moments.feature_mean.square().sum()
        return cls(moments.count, moments.n_features, float(squares))


def _cosines(moments: ClassMoments) -> Tensor | None:
    if len(moments.counts) < 2:
        return None
    shown = moments.centered_means()[:SHOWN_CLASSES]
    lengths = torch.linalg.vector_norm(shown, dim=1, keepdim=True)
    if not (lengths > 0).all():
        return None
    directions = shown / lengths
    cosines: Tensor = directions @ directions.mT
    return cosines.float()
