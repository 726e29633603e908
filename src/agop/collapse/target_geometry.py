"""Principal directions of features and of targets: what the measures of regression collapse share, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from agop.errors import InputError, UndefinedMeasureError
from agop.inputs import require_finite
from agop.moments import TargetMoments

__all__ = ["TargetGeometry"]

_ROUNDING = torch.finfo(torch.float32).eps ** 2
"""Variance, relative to the mean square, that targets have when they are rounded to float32, as most are."""


@dataclass(frozen=True, eq=False)
class TargetGeometry:
    """Moments of features and targets with the principal directions of the features.

    Each attribute is computed when it is first asked for. Every measure takes moments or their geometry; those that
    get the same geometry share the work.

    Attributes
    ----------
    moments
        Moments of two samples or more.

    Raises
    ------
    InputError
        If there are fewer samples, or a feature or target is not finite.

    Examples
    --------
    >>> x = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> geometry = TargetGeometry.of(TargetMoments.of(x, 3 * x[:, 0]))
    >>> geometry.variances, geometry.n_directions
    (tensor([2.0000, 0.5000], dtype=torch.float64), 1)
    """

    moments: TargetMoments

    def __post_init__(self) -> None:
        if self.moments.count < 2:
            advice = "A spread of features and targets needs samples that can differ."
            raise InputError("two samples or more", f"{self.moments.count}", advice)
        require_finite(self.moments.joint_scatter.diagonal(), "features and targets")

    @classmethod
    def of(cls, moments: TargetMoments | TargetGeometry) -> TargetGeometry:
        """Geometry of moments, ``moments`` itself if it is that already."""
        return moments if isinstance(moments, TargetGeometry) else cls(moments)

    @cached_property
    def covariance(self) -> Tensor:
        """Covariance (d, d) of the features, that of the population.

        Raises
        ------
        UndefinedMeasureError
            If all features are constant up to rounding.
        """
        covariance = self.moments.scatter / self.moments.count
        variance, offset = torch.stack([covariance.trace(), self.moments.feature_mean.square().sum()]).tolist()
        if variance <= (len(covariance) * torch.finfo(torch.float64).eps) ** 2 * offset:
            advice = "Constant features, as of dead units, have no directions."
            raise UndefinedMeasureError("features that differ", "equal features of all samples", advice)
        return covariance

    @cached_property
    def target_covariance(self) -> Tensor:
        """Covariance (t, t) of the targets, that of the population.

        Raises
        ------
        UndefinedMeasureError
            If all targets are constant up to rounding.
        """
        if not self.n_directions:
            raise UndefinedMeasureError(
                "targets that differ",
                "equal ones up to rounding to float32",
                "Subtract their mean, unless they are constant.",
            )
        return self.moments.target_scatter / self.moments.count

    @cached_property
    def n_directions(self) -> int:
        """Rank of the target covariance up to the rounding of targets to float32; t if they are independent.

        Eigenvalues of the correlation matrix above t times that rounding count, so that units do not matter.
        """
        variances = self.moments.target_scatter.diagonal() / self.moments.count
        rounding = _ROUNDING * (variances + self.moments.target_mean.square())
        varies = variances > rounding
        scale = torch.where(varies, variances, torch.inf).rsqrt()  # a constant target is left out
        correlation = scale[:, None] * self.moments.target_scatter / self.moments.count * scale
        smallest = len(scale) * (rounding * scale.square()).max()
        return int((torch.linalg.eigvalsh(correlation) > smallest).sum())

    @cached_property
    def _eigen(self) -> tuple[Tensor, Tensor]:
        values, vectors = torch.linalg.eigh(self.covariance)
        return values.flip(0).clamp(min=0), vectors.flip(1)

    @property
    def variances(self) -> Tensor:
        """Variances (d,) along the principal directions of the features, the largest first."""
        return self._eigen[0]

    @property
    def directions(self) -> Tensor:
        """Principal directions of the features as columns (d, d), in the order of :attr:`variances`."""
        return self._eigen[1]

    @cached_property
    def rank(self) -> int:
        """Number of directions along which the features vary by more than the rounding of their covariance."""
        smallest = len(self.variances) * torch.finfo(torch.float64).eps * self.variances[0]
        return int((self.variances > smallest).sum())

    def wanted(self, n_directions: int | None) -> int:
        """Number of directions to compare: that of the targets unless another is given.

        Raises
        ------
        InputError
            If it is not in 1 .. d.
        """
        d = self.moments.n_features
        if n_directions is None:
            _ = self.target_covariance
            return min(self.n_directions, d)
        if not 1 <= n_directions <= d:
            raise InputError(f"n_directions in 1 .. {d}", f"{n_directions}", "Leave it out for that of the targets.")
        return n_directions

    def outside(self, n: int) -> float:
        """Share of the variance of the features outside the first n principal directions.

        The covariance is projected on the rest from both sides, which loses less than summing small eigenvalues.
        """
        first, covariance = self.directions[:, :n], self.covariance
        rest = covariance - first @ (first.mT @ covariance)
        share = float((rest.trace() - (rest @ first).mul_(first).sum()) / covariance.trace())
        return max(share, 0.0)
