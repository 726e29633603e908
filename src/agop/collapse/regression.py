"""Every measure of regression collapse of one set of features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agop.collapse.measures import REGRESSION_MEASURES, Evaluation, Needs, evaluated
from agop.collapse.target_geometry import TargetGeometry
from agop.inputs import ArrayLike
from agop.moments import TargetMoments
from agop.storable import storable

__all__ = ["RegressionCollapse"]


@storable
@dataclass(frozen=True, slots=True)
class RegressionCollapse(Evaluation):
    """NRC1 to NRC4 of the features of one layer beside the targets.

    Each measure of ``agop.collapse.REGRESSION_MEASURES`` is an attribute, None where it has no value for these data;
    NRC3 is None without the weight of the layer.

    Attributes
    ----------
    values
        Number by name of the measure, those that have one.
    undefined
        Reason by name of the measure, where the data give it no value.

    Examples
    --------
    >>> import torch
    >>> x, y = torch.tensor([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]), torch.tensor([1.0, 2.0, 3.0])
    >>> found = RegressionCollapse.of(TargetMoments.of(x, y), torch.tensor([[1.0, 2.0]]))
    >>> {name: round(value, 12) for name, value in found.as_dict().items()}  # doctest: +NORMALIZE_WHITESPACE
    {'nrc1_unexplained_variance': 0.0, 'nrc2_linear_cka': 1.0,
     'nrc3_subspace_alignment': 1.0, 'nrc4_prediction_error': 0.0}
    """

    measures = REGRESSION_MEASURES

    @classmethod
    def of(cls, moments: TargetMoments, weight: ArrayLike | None = None) -> RegressionCollapse:
        """Every measure, from the moments of the features that enter a layer and of the targets.

        Parameters
        ----------
        moments
            Moments of two samples or more.
        weight
            (out, d) of the layer that takes these features, if there is one.

        Raises
        ------
        InputError
            If there are fewer than two samples, or a feature, target or weight is not finite or of a wrong shape.
        """
        geometry = TargetGeometry.of(moments)
        given: dict[Needs, tuple[Any, ...]] = {"moments": (geometry,)}
        if weight is not None:
            given["weight"] = geometry, weight
        return cls(*evaluated(given, measures=REGRESSION_MEASURES))
