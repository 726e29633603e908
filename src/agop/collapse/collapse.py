"""Every measure of collapse of one set of features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agop.collapse.classifier import LinearClassifier
from agop.collapse.geometry import ClassGeometry
from agop.collapse.measures import MEASURES, Evaluation, Needs, evaluated
from agop.collapse.projected import ProjectedMoments
from agop.collapse.projection import BetweenProjection
from agop.errors import InputError
from agop.inputs import ArrayLike, as_matrix
from agop.moments import ClassMoments
from agop.storable import storable

__all__ = ["Collapse"]


@storable
@dataclass(frozen=True, slots=True)
class Collapse(Evaluation):
    """NC1 to NC5 of the features of one layer; the global mean is the mean of the class means.

    Each measure of ``agop.collapse.MEASURES`` is an attribute, None where it has no value for these data. Those
    that need a classifier (NC3, NC4) or out-of-distribution samples (NC5) are None without; so are ``nc1_pinv`` and NC4
    without a second pass.

    Attributes
    ----------
    values
        Number by name of the measure, those that have one; of ``nc3_self_duality_by_class`` a tuple.
    undefined
        Reason by name of the measure, where the data give it no value.

    Examples
    --------
    >>> import torch
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> found = Collapse.of(x, y, 2, weight=torch.tensor([[-2.0, -1.0], [2.0, 1.0]]))
    >>> round(found.nc1_trace_ratio, 12), found.nc5_orthogonality
    (0.2, None)
    """

    measures = MEASURES

    @classmethod
    def of(
        cls,
        features: ArrayLike,
        labels: ArrayLike,
        n_classes: int,
        *,
        weight: ArrayLike | None = None,
        bias: ArrayLike | None = None,
        ood_features: ArrayLike | None = None,
        max_memory: int | None = None,
    ) -> Collapse:
        """Measure features (n, d) in two passes, in float64, without a (d, d) matrix.

        The first pass finds the class means, the second the scatter in the span of these and the decisions of the
        classifier. Beyond the chunks memory is of order C d + min(C, d)^2.

        Parameters
        ----------
        features, labels
            (n, d) of any real dtype and (n,) integers; tensors or numpy arrays.
        n_classes
            Number of classes C >= 2, each with samples.
        weight, bias
            (C, d) and (C,) of the linear classifier on these features; no bias if None.
        ood_features
            (m, d) features of out-of-distribution samples.
        max_memory
            Bytes for the temporaries of one chunk of rows, 8 MiB if None.

        Raises
        ------
        EmptyClassError
            If a class has no samples.
        InputError
            If an argument has a wrong shape, type or range or is not finite, or all class means are equal.
        """
        features = as_matrix(features, "features")
        if bias is not None and weight is None:
            raise InputError("a weight with the bias", "a bias alone", "Pass both, or neither.")
        moments = ClassMoments.of(features, labels, n_classes, max_memory=max_memory)
        classifier = None if weight is None else LinearClassifier.of(weight, bias, like=moments)
        projection = BetweenProjection.of(moments)
        projected = ProjectedMoments.of(features, labels, projection, classifier, max_memory=max_memory)
        return cls.from_passes(moments, projected, weight, ood_features)

    @classmethod
    def from_passes(
        cls,
        moments: ClassMoments,
        projected: ProjectedMoments | None,
        weight: ArrayLike | None = None,
        ood_features: ArrayLike | None = None,
    ) -> Collapse:
        """Every measure, from the merged results of two passes over batches of any kind.

        Parameters
        ----------
        moments
            Moments of all the features. Classes without samples are left out.
        projected
            Moments of the same features, projected by ``BetweenProjection.of(moments.drop_empty())``, with the classes
            numbered as there; None without a second pass.
        weight
            (C, d) of the linear classifier on these features, if there is one.
        ood_features
            (m, d) features of out-of-distribution samples, or their mean as one row.

        Raises
        ------
        InputError
            If fewer than two classes have samples, or all class means coincide.
        """
        present = moments.counts > 0
        geometry = ClassGeometry.of(moments.drop_empty())
        _ = geometry.between_trace
        given: dict[Needs, tuple[Any, ...]] = {"moments": (geometry,)}
        if projected is not None:
            given["scatter"] = (projected.moments,)
        if weight is not None:
            weight = as_matrix(weight, "weight", n_rows=len(present)).to(present.device)
            weight = weight if geometry.moments is moments else weight[present]
            given["weight"] = geometry, LinearClassifier.of(weight, None, like=geometry.moments)
        if ood_features is not None:
            given["ood"] = geometry, ood_features
        values, undefined = evaluated(given)
        for name in (name for name in values if MEASURES[name].by_class):
            found = iter(values[name])
            values[name] = tuple(next(found) if there else None for there in present.tolist())
        if projected is not None and projected.agreements is not None:
            values["nc4_agreement"] = int(projected.agreements) / geometry.n_samples
        return cls(values, undefined)
