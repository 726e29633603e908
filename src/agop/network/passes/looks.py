"""Looks at the stages of a layer in the second pass, given its class means and its AGOP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.collapse.projection import BetweenProjection
from agop.errors import EmptyClassError, UndefinedMeasureError
from agop.linalg import Spectrum, product
from agop.moments import ClassMoments, LabeledMoments
from agop.network.passes.seen_layer import SeenLayer
from agop.network.record.stage import AGOP_POWERS

__all__ = ["Look", "StageView", "looks_of"]


@dataclass(frozen=True, eq=False)
class StageView:
    """A stage, as features of it or coordinates along the eigenvectors of the AGOP show it.

    Attributes
    ----------
    moments
        Class moments of the stage; without scatter after a power of the AGOP.
    powers
        (r,) powers of the eigenvalues of the AGOP that stretch the coordinates; None without.
    projection
        Projection on the span of the class means; None where they coincide, or a class is not seen by the layer.
    """

    moments: ClassMoments
    powers: Tensor | None = None
    projection: BetweenProjection | None = None

    @cached_property
    def _basis(self) -> Tensor:
        """(d, C - 1 at most) orthonormal basis of the span of the class means, for coordinates before the powers."""
        assert self.projection is not None  # noqa: S101 - asked for where there is one
        basis = self.projection.basis
        return basis if self.powers is None else self.powers[:, None] * basis

    @classmethod
    def of(cls, moments: ClassMoments, powers: Tensor | None = None) -> StageView:
        """View of a stage with such class means."""
        try:
            projection = BetweenProjection.of(moments)
        except (EmptyClassError, UndefinedMeasureError):
            projection = None
        return cls(moments, powers, projection)

    def project(self, deviations: Tensor) -> Tensor:
        """Coordinates (g, S, C - 1 at most) in the span of the class means, of features about their class means."""
        return product(deviations, self._basis)

    @cached_property
    def _gaps(self) -> Tensor:
        """(C, C) half the squared distances of the class means, from their differences."""
        assert self.projection is not None  # noqa: S101 - asked for where there is one
        means = self.projection.means
        return torch.cdist(means, means, compute_mode="donot_use_mm_for_euclid_dist").square() / 2

    def agreements(self, points: Tensor, index: Tensor, decisions: Tensor) -> Tensor:
        r"""How many rows have the decision of their nearest class mean, from coordinates about that of their class.

        With x about the mean m of its class, :math:`\langle x, m_c \rangle - |m_c - m|^2 / 2` is largest for the
        nearest :math:`m_c`: no digits are lost where class means are close together.
        """
        assert self.projection is not None  # noqa: S101 - asked for where there is one
        scores = product(points, self.projection.means.mT) - self._gaps.index_select(0, index)[:, None]
        return (scores.max(2).indices == decisions[:, None]).sum()


@dataclass(frozen=True, eq=False)
class Look:
    """Look at features of one stage, and for the input at those after powers of the AGOP.

    Attributes
    ----------
    stage
        "input", "linear" or "output".
    means
        (C, d) class means of the features, of the first pass.
    views
        What is seen, by stage.
    axes
        (d, r) eigenvectors of the AGOP, for the input; a vector of several rows has the axes of each.
    """

    stage: str
    means: Tensor
    views: Mapping[str, StageView]
    axes: Tensor | None = None

    @cached_property
    def center(self) -> Tensor:
        """(d,) mean of all samples of the classes."""
        counts = self.views[self.stage].moments.counts
        return counts.double() @ self.means / counts.sum()

    def along(self, spectrum: Spectrum | None) -> Look:
        """The same with the axes of the AGOP, if it shows features after powers of that."""
        return self if spectrum is None or len(self.views) == 1 else replace(self, axes=spectrum.vectors)

    def along_axes(self, rows: Tensor, precision: torch.dtype) -> Tensor | None:
        """Coordinates (g, S, r) in float64 along the eigenvectors of the AGOP, of each row of a vector; None without.

        The product is in float32 where the features are in no better precision, as those behind the AGOP are: rows
        about their class means lose nothing by it that they have.
        """
        if self.axes is None:
            return None
        precision = torch.promote_types(precision, torch.float32)
        return _along(rows.to(precision), self.axes.to(precision))

    def stages_of(self, rows: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Features (g, S, d) as those of every stage that is seen."""
        coordinates = self.along_axes(rows.double(), torch.float64)
        for stage, view in self.views.items():
            yield stage, rows if view.powers is None or coordinates is None else coordinates * view.powers


def looks_of(layer: SeenLayer, spectrum: Spectrum | None, classes: NDArray[np.int64]) -> list[Look]:
    """Looks at every stage of a layer, for these classes; without the axes, which :meth:`Look.along` adds."""
    looks = []
    for stage, part in layer.stages.items():
        assert isinstance(part, LabeledMoments)  # noqa: S101 - a regression has no second pass
        moments = part.placed(classes)
        views = {stage: StageView.of(moments)}
        if stage == "input" and spectrum is not None and spectrum.rank:
            means = _along(moments.means, spectrum.vectors)
            for name, power in AGOP_POWERS.items():
                powers = spectrum.values.pow(power).repeat(means.shape[1] // spectrum.rank)
                views[name] = StageView.of(ClassMoments(moments.counts, means * powers, None), powers)
        looks.append(Look(stage, moments.means, views))
    return looks


def _along(rows: Tensor, axes: Tensor) -> Tensor:
    """Rows (..., d) along axes (d, r) in float64; those of several vectors (..., T d) along the axes of each."""
    if rows.shape[-1] == len(axes):
        return product(rows, axes).double()
    return product(rows.reshape(*rows.shape[:-1], -1, len(axes)), axes).flatten(-2).double()
