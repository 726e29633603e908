"""Features in the span of the centered class means, the only part of them that some measures see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.collapse.classifier import LinearClassifier
from agop.collapse.geometry import ClassGeometry
from agop.inputs import ArrayLike, as_matrix, require_finite
from agop.kernels import euclidean_distances
from agop.moments import ClassMoments

__all__ = ["BetweenProjection"]

_CHUNK_BYTES = 8 * 2**20
"""Temporaries of a chunk that stay in a processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class BetweenProjection:
    r"""Coordinates :math:`B^T (x - \mu_G)` of features in the span of the centered class means.

    Differences of class means, NC1 by the pseudo-inverse and the nearest class mean are the same in these at
    most C - 1 coordinates as in all d.

    Attributes
    ----------
    origin
        (d,) mean of the class means.
    basis
        (d, r) orthonormal, r <= C - 1.
    means
        (C, r) coordinates of the class means.

    Examples
    --------
    >>> x = torch.tensor([[3.0, 1.0], [5.0, 1.0], [9.0, 1.0], [9.0, 3.0]])
    >>> projection = BetweenProjection.of(ClassMoments.of(x, torch.tensor([0, 0, 1, 1]), 2))
    >>> projection.basis.shape
    torch.Size([2, 1])
    """

    origin: Tensor
    basis: Tensor
    means: Tensor

    @classmethod
    def of(cls, moments: ClassMoments) -> BetweenProjection:
        """Projection on the span of the centered class means of ``moments``.

        Raises
        ------
        EmptyClassError
            If a class has no samples.
        InputError
            If there is one class, or all class means coincide and span nothing.
        """
        _ = ClassGeometry.of(moments).between_trace
        basis = moments.between_basis()
        return cls(moments.global_mean(), basis, moments.centered_means() @ basis)

    def chunks(
        self,
        features: ArrayLike,
        classifier: LinearClassifier | None = None,
        *,
        max_memory: int | None = None,
    ) -> Iterator[tuple[slice, Tensor, Tensor | None]]:
        """Rows of the features (n, d), their coordinates (b, r) and scores (b, C), chunk by chunk in float64.

        The scores are None without a classifier. ``max_memory`` bounds the temporaries of a chunk in bytes,
        8 MiB if None.
        """
        features = as_matrix(features, "features", n_columns=len(self.origin))
        matrix, rank = self.basis, self.basis.shape[1]
        if classifier is not None:
            matrix = torch.cat([matrix, classifier.weight.mT], dim=1)
        budget = _CHUNK_BYTES if max_memory is None else max_memory
        chunks = list(row_chunks(len(features), 8 * (len(matrix) + 3 * matrix.shape[1]), budget))
        work = matrix.new_empty(chunks[0].stop if chunks else 0, len(matrix))
        for rows in chunks:
            centered = work[: rows.stop - rows.start]
            centered.copy_(features[rows])
            centered -= self.origin
            products = centered @ matrix
            require_finite(products, "features")
            scores = None if classifier is None else products[:, rank:] + classifier.scores(self.origin)
            yield rows, products[:, :rank], scores

    def agreements(self, points: Tensor, scores: Tensor) -> int:
        """Rows of the coordinates (b, r) whose nearest class mean has the largest of the scores (b, C)."""
        nearest = euclidean_distances(points, self.means).argmin(1)
        return int((nearest == scores.argmax(1)).sum())
