"""Class means about the global mean: what the measures of one set of features share, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from typing import NamedTuple

import torch
from torch import Tensor

from agop.collapse.pairs import Spread, above, inner_products, squared_distances
from agop.errors import UndefinedMeasureError
from agop.moments import ClassMoments, GlobalMean

__all__ = ["ClassGeometry", "Deviation"]


class Deviation(NamedTuple):
    """Mean, variance (of the population) and mean absolute value of numbers."""

    mean: float
    variance: float
    size: float


@dataclass(frozen=True, eq=False)
class ClassGeometry:
    """Class moments with their means about the global mean, and what follows from them.

    Each attribute is computed when it is first asked for. Every measure takes moments or their geometry; those that
    get the same geometry share the work.

    Attributes
    ----------
    moments
        Moments of the features.
    global_mean
        Mean of the class means, or with ``"samples"`` of all samples.

    Examples
    --------
    >>> geometry = ClassGeometry.of(ClassMoments.of(torch.eye(2), torch.arange(2), 2))
    >>> geometry.between_trace
    0.5
    >>> ClassGeometry.of(geometry) is geometry
    True
    """

    moments: ClassMoments
    global_mean: GlobalMean = "classes"

    @classmethod
    def of(cls, moments: ClassMoments | ClassGeometry, global_mean: GlobalMean = "classes") -> ClassGeometry:
        """Geometry about a global mean, ``moments`` itself if it is that already."""
        if isinstance(moments, ClassGeometry):
            return moments if moments.global_mean == global_mean else cls(moments.moments, global_mean)
        return cls(moments, global_mean)

    @cached_property
    def centered(self) -> Tensor:
        """Class means minus the global mean (C, d), as :meth:`agop.moments.ClassMeans.centered_means` of C >= 2."""
        return self.moments.centered_means(self.global_mean)

    @cached_property
    def lengths(self) -> Tensor:
        """Lengths (C,) of the centered class means."""
        lengths: Tensor = torch.linalg.vector_norm(self.centered, dim=1)
        return lengths

    @cached_property
    def resolution(self) -> float:
        """Length at or below which a difference of class means is the rounding of the means."""
        return self.moments.resolution()

    @cached_property
    def between(self) -> float:
        r"""Trace of the between-class scatter, :math:`\frac1C \sum_c \|m_c\|^2`, which may be 0."""
        return float(self.lengths.square().mean())

    @property
    def between_trace(self) -> float:
        """Trace of the between-class scatter, to divide by.

        Raises
        ------
        UndefinedMeasureError
            If all class means coincide up to their rounding, so that nothing can be compared with it.
        """
        if self.between <= self.resolution**2:
            advice = "Collapse is undefined where the features tell no class from another, as constant ones do."
            raise UndefinedMeasureError("class means that differ", "equal means in all classes", advice)
        return self.between

    @cached_property
    def directions(self) -> Tensor:
        """Centered class means scaled to unit length (C, d).

        Raises
        ------
        UndefinedMeasureError
            If the mean of a class is the global mean, so that it has no direction.
        """
        shortest = float(self.lengths.min())
        if shortest <= self.resolution:
            first = (self.lengths <= self.resolution).tolist().index(True)
            advice = "Angles of class means need means that differ from it."
            raise UndefinedMeasureError("class means away from the global mean", f"class {first} at it", advice)
        return self.centered / self.lengths[:, None]

    @cached_property
    def excess_cosines(self) -> Deviation:
        r"""Deviation of :math:`\cos(m_c, m_{c'}) + 1/(C - 1)` over the pairs c < c'."""
        widest = 1 / (len(self.directions) - 1)
        parts = (Spread.of(cosines.add_(widest)) for cosines in inner_products(self.directions))
        return _deviation(reduce(Spread.merge, parts))

    @cached_property
    def log_distances(self) -> Deviation:
        r"""Deviation of :math:`\log(1/\|u_c - u_{c'}\|)` over the pairs c < c' of class directions.

        Raises
        ------
        UndefinedMeasureError
            If two classes have one direction.
        """
        smallest = 4 * torch.finfo(torch.float64).eps
        parts = (
            Spread.of(above(squares, first == second).log_().mul_(-0.5))
            for first, second, squares in squared_distances(self.directions, smallest, "class directions")
        )
        return _deviation(reduce(Spread.merge, parts))

    @cached_property
    def scattered(self) -> ClassGeometry:
        """Geometry of the classes of two samples or more; the others have no part in the within-class scatter.

        Raises
        ------
        UndefinedMeasureError
            If there are fewer than two of these.
        """
        moments, _ = self.moments, self.centered  # two classes at least, and none without samples
        kept = moments.counts > 1
        n_kept = int(kept.sum())
        if n_kept == len(kept):
            return self
        if n_kept < 2:
            got, advice = f"{n_kept} of {len(kept)} classes", "One sample does not scatter about its mean."
            raise UndefinedMeasureError("two or more classes of two samples or more", got, advice)
        return ClassGeometry(moments.select(torch.nonzero(kept).flatten()), self.global_mean)

    @cached_property
    def n_samples(self) -> int:
        """Number of samples N of all classes."""
        return self.moments.n_samples

    @cached_property
    def within_trace(self) -> float:
        r"""Trace of the within-class scatter :math:`\Sigma_W`."""
        return self.moments.scatter_trace / self.n_samples

    @cached_property
    def total_trace(self) -> float:
        r"""Trace of the scatter :math:`\Sigma_T` of all samples about the global mean.

        Raises
        ------
        UndefinedMeasureError
            If all samples coincide up to rounding.
        """
        between = float(self.moments.counts.double() @ self.lengths.square()) / self.n_samples
        total = self.within_trace + between
        if total <= self.resolution**2:
            advice = "Features that do not scatter have no shares of it."
            raise UndefinedMeasureError("samples that differ", "equal samples", advice)
        return total


def _deviation(spread: Spread) -> Deviation:
    mean, squares, sizes = torch.stack([spread.mean, spread.squares, spread.sizes]).tolist()
    return Deviation(mean, squares / spread.count, sizes / spread.count)
