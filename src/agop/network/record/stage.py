"""Features of one stage of a layer, and their collapse."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from agop.collapse import Collapse
from agop.collapse.projected import ProjectedMoments
from agop.errors import InputError, UndefinedMeasureError
from agop.moments import ClassMoments
from agop.network.record.alignment import Alignment
from agop.network.record.features import FeatureSummary
from agop.storable import storable

__all__ = ["STAGES", "Stage"]

STAGES = ("input", "linear", "output", "agop_1/2", "agop_1/4")
"""phi, W phi + b, sigma(W phi + b), AGOP^{1/2} phi and AGOP^{1/4} phi."""


@storable
@dataclass(frozen=True)
class Stage:
    """Features of one stage of a layer.

    Attributes
    ----------
    features
        Number of rows and features, rows of each class, and angles between the first class means.
    collapse
        All measures of collapse; None where they have no value, as for class means that coincide.
    moments
        Class means and scatter, by which stages merge; of AGOP^p phi up to an isometry. None in a compact record.
    ood
        Moments of out-of-distribution samples, as of one class; None without, and in a compact record.
    """

    features: FeatureSummary
    collapse: Collapse | None
    moments: ClassMoments | None = None
    ood: ClassMoments | None = None

    @classmethod
    def of(
        cls,
        moments: ClassMoments,
        projected: ProjectedMoments | None = None,
        weight: Tensor | None = None,
        ood: ClassMoments | None = None,
    ) -> Stage:
        """Stage from its moments, and what there is of the projected ones, a classifier and other samples."""
        try:
            collapse = Collapse.from_passes(moments, projected, weight, None if ood is None else ood.means)
        except UndefinedMeasureError:
            collapse = None
        moments = moments.to("cpu")
        return cls(FeatureSummary.of(moments), collapse, moments, None if ood is None else ood.to("cpu"))

    def compact(self) -> Stage:
        """The stage without its moments: all numbers stay, but it does not merge."""
        return replace(self, moments=None, ood=None)

    def merge(self, other: Stage, alignment: Alignment, weight: Tensor | None = None) -> Stage:
        """Both together, with the weight of a classifier of the classes of both if there is one.

        NC1 by the pseudo-inverse and NC4 need another look at all the data, and become None.

        Raises
        ------
        InputError
            If one is compact.
        """
        if self.moments is None or other.moments is None:
            raise InputError("stages with their class means", "a compact one", "Measure without compact layers.")
        ood = None if self.ood is None or other.ood is None else self.ood.merge(other.ood)
        return Stage.of(alignment.merge(self.moments, other.moments), None, weight, ood)
