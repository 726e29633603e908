"""Features of one stage of a layer, and their collapse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from agop.collapse import Chance, Collapse, RegressionCollapse, Superclasses
from agop.collapse.projected import ProjectedMoments
from agop.errors import EmptyClassError, UndefinedMeasureError
from agop.moments import ClassMoments, TargetMoments
from agop.network.record.features import FeatureSummary
from agop.storable import storable

__all__ = ["AGOP_POWERS", "STAGES", "Stage"]

STAGES = ("input", "linear", "output", "agop_1/2", "agop_1/4")
"""phi, W phi + b, sigma(W phi + b), AGOP^{1/2} phi and AGOP^{1/4} phi."""

AGOP_POWERS = {"agop_1/2": 0.5, "agop_1/4": 0.25}
"""Stages after a power of the AGOP."""


@storable
@dataclass(frozen=True)
class Stage:
    """Features of one stage of a layer.

    Attributes
    ----------
    features
        Number of rows and features, rows of each class, and angles between the first class means.
    collapse
        All measures of collapse, of a regression NRC1 to NRC4; None where they have no value, as for class means that
        coincide.
    moments
        Class means and scatter, or of a regression the scatter of features and targets, by which records merge; of
        AGOP^p phi up to an isometry. None in a compact record.
    ood
        Moments of out-of-distribution samples, as of one class; None without, and in a compact record.
    chance
        Range of NC1 and NC2 with random labels; None without.
    superclasses
        Structure of superclasses in the class means, by the name of the grouping.

    Examples
    --------
    >>> import torch
    >>> features = torch.tensor([[0.0, 1.0], [0.0, 3.0], [4.0, 0.0], [6.0, 0.0]])
    >>> stage = Stage.of(ClassMoments.of(features, torch.tensor([0, 0, 1, 1]), n_classes=2))
    >>> stage.features.n_rows, round(stage.as_dict()["nc1_trace_ratio"], 4)
    (4, 0.1379)
    """

    features: FeatureSummary
    collapse: Collapse | RegressionCollapse | None
    moments: ClassMoments | TargetMoments | None = None
    ood: ClassMoments | None = None
    chance: Chance | None = None
    superclasses: dict[str, Superclasses] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        moments: ClassMoments,
        projected: ProjectedMoments | None = None,
        weight: Tensor | None = None,
        ood: ClassMoments | None = None,
    ) -> Stage:
        """Stage from its moments, and what there is of the projected ones, a classifier and other samples.

        Of a single class nothing is measured, but its moments merge with those of others.
        """
        collapse = None
        if len(moments.counts) > 1:
            with suppress(UndefinedMeasureError):
                collapse = Collapse.from_passes(moments, projected, weight, None if ood is None else ood.means)
        moments = moments.to("cpu")
        return cls(FeatureSummary.of(moments), collapse, moments, None if ood is None else ood.to("cpu"))

    @classmethod
    def of_targets(cls, moments: TargetMoments, weight: Tensor | None = None) -> Stage:
        """Stage of a regression from moments of features and targets, with the weight (out, d) that reads them.

        A weight of fewer columns reads the rows that the features are made of, and is left out.
        """
        moments = moments.to("cpu")
        reads = weight is not None and weight.shape[1] == moments.n_features
        collapse = RegressionCollapse.of(moments, weight.to("cpu") if reads and weight is not None else None)
        return cls(FeatureSummary.of_targets(moments), collapse, moments)

    def with_superclasses(self, groupings: Mapping[str, Sequence[int]]) -> Stage:
        """The stage with the structure of superclasses, each a list with that of every class, where means differ."""
        if not isinstance(self.moments, ClassMoments):
            return self
        found = {}
        for name, grouping in groupings.items():
            with suppress(UndefinedMeasureError, EmptyClassError):
                found[name] = Superclasses.of(self.moments, grouping)
        return replace(self, superclasses=found)

    def as_dict(self) -> dict[str, Any]:
        """Numbers by name, ready for JSON: measures of collapse, ends of chance, and superclasses."""
        measures = {} if self.collapse is None else self.collapse.as_dict()
        chance = {} if self.chance is None else self.chance.as_dict()
        groups = {
            f"{column}/{name}": value
            for name, found in self.superclasses.items()
            for column, value in (
                ("superclass_structure", found.structure),
                ("superclass_chance", found.chance),
                ("superclass_nc1", found.nc1),
            )
        }
        return {**measures, **chance, **groups}

    def compact(self) -> Stage:
        """The stage without its moments: all numbers stay, but it does not merge."""
        return replace(self, moments=None, ood=None)
