"""Moments of features in the span of the class means, once these are known: a value that merges."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agop.collapse.classifier import LinearClassifier
from agop.collapse.projection import BetweenProjection
from agop.errors import InputError
from agop.inputs import ArrayLike, as_labels, as_matrix
from agop.moments import ClassMoments

__all__ = ["ProjectedMoments"]


@dataclass(frozen=True, slots=True, eq=False)
class ProjectedMoments:
    """Moments in the span of the centered class means, and how often the classifier takes the nearest one.

    Attributes
    ----------
    moments
        Moments of the coordinates, at most C - 1, with their within-class scatter (r, r).
    agreements
        Samples for which classifier and nearest class mean agree, or None without a classifier.

    Examples
    --------
    >>> import torch
    >>> x, y = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0], [2.9, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> projection = BetweenProjection.of(ClassMoments.of(x, y, 2))
    >>> parts = [ProjectedMoments.of(x[rows], y[rows], projection) for rows in (slice(0, 3), slice(3, 4))]
    >>> parts[0].merge(parts[1]).moments.counts
    tensor([2, 2])
    """

    moments: ClassMoments
    agreements: int | Tensor | None

    @classmethod
    def empty(cls, projection: BetweenProjection, *, classifier: bool = False) -> ProjectedMoments:
        """Result of no samples: the identity of :meth:`merge`."""
        n_classes, rank = projection.means.shape
        moments = ClassMoments.empty(n_classes, rank, scatter=True, device=projection.means.device)
        return cls(moments, 0 if classifier else None)

    @classmethod
    def of(
        cls,
        features: ArrayLike,
        labels: ArrayLike,
        projection: BetweenProjection,
        classifier: LinearClassifier | None = None,
        *,
        scores: Tensor | None = None,
        max_memory: int | None = None,
    ) -> ProjectedMoments:
        """Projection of features (n, d) with labels (n,), in one matrix product a chunk.

        The decisions that are compared with the nearest class mean are those of a classifier on these features, or
        given as ``scores`` (n, C), for example the outputs of the whole network.

        Raises
        ------
        InputError
            If the features are not a finite real matrix (n, d), or the labels not one class index a row.
        """
        features = as_matrix(features, "features", n_columns=len(projection.origin))
        n_classes = len(projection.means)
        labels = as_labels(labels, len(features), n_classes, features.device)
        total = cls.empty(projection, classifier=classifier is not None or scores is not None)
        for rows, points, own in projection.chunks(features, classifier, max_memory=max_memory):
            moments = ClassMoments.of(points, labels[rows], n_classes, scatter=True)
            decisions = own if scores is None else scores[rows]
            agreements = None if decisions is None else projection.agreements(points, decisions)
            total = total.merge(cls(moments, agreements))
        return total

    def merge(self, other: ProjectedMoments) -> ProjectedMoments:
        """Both together; associative.

        Raises
        ------
        InputError
            If one side had a classifier and the other not.
        """
        if (self.agreements is None) != (other.agreements is None):
            got = "one of each"
            raise InputError("passes with a classifier, or without", got, "Use the same one in each part.")
        agreements = None if self.agreements is None else self.agreements + (other.agreements or 0)
        return ProjectedMoments(self.moments.merge(other.moments), agreements)
