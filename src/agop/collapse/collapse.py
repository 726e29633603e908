"""Every measure of collapse of one set of features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from torch import Tensor

from agop.collapse.classifier import LinearClassifier
from agop.collapse.geometry import between_trace
from agop.collapse.measures import OF_CLASSIFIER, OF_MOMENTS
from agop.collapse.nc1 import nc1_pinv
from agop.collapse.nc3 import nc3_self_duality_by_class
from agop.collapse.nc5 import nc5_orthogonality
from agop.collapse.projection import BetweenProjection
from agop.collapse.second_pass import SecondPass
from agop.errors import InputError, UndefinedMeasureError
from agop.inputs import ArrayLike, as_matrix
from agop.moments import ClassMoments
from agop.storable import storable

__all__ = ["Collapse"]


@storable
@dataclass(frozen=True, slots=True)
class Collapse:
    """NC1 to NC5 of the features of one layer; the global mean is the mean of the class means.

    Each field is the function of the same name in :mod:`agop.collapse`, None where that has no value for these data;
    ``undefined`` says why, by the name of the field. Fields that need a classifier (NC3, NC4)
    or out-of-distribution samples (NC5) are None without; so are ``nc1_pinv`` and NC4 without a second pass.
    ``gnc2_mean``, ``gnc2_variance`` and ``unc3_cosine`` are the variants of :func:`~agop.collapse.gnc2` and
    :func:`~agop.collapse.unc3`.

    Examples
    --------
    >>> import torch
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> found = Collapse.of(x, y, 2, weight=torch.tensor([[-2.0, -1.0], [2.0, 1.0]]))
    >>> round(found.nc1_trace_ratio, 12), found.nc5_orthogonality
    (0.2, None)
    """

    within_total_ratio: float | None
    between_total_ratio: float | None
    between_total_ratio_beaglehole2024: float | None
    nc1_trace_ratio: float | None
    nc1_trace_ratio_beaglehole2024: float | None
    nc1_pinv: float | None
    nc1_cdnv: float | None
    nc2_gram_mse: float | None
    nc2_etf_error: float | None
    nc2_equinorm: float | None
    nc2_equiangularity: float | None
    nc2_angle_spread: float | None
    gnc2_variance: float | None
    gnc2_mean: float | None
    nc3_self_duality: float | None = None
    nc3_self_duality_by_class: tuple[float | None, ...] | None = None
    nc3_etf_error: float | None = None
    unc3: float | None = None
    unc3_cosine: float | None = None
    nc4_agreement: float | None = None
    nc5_orthogonality: float | None = None
    undefined: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

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
        classifier. Beyond the chunks memory is of order C d + C^2.

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
        second = SecondPass.of(features, labels, projection, classifier, max_memory=max_memory)
        return cls.from_passes(moments, second, weight, ood_features)

    @classmethod
    def from_passes(
        cls,
        moments: ClassMoments,
        second: SecondPass | None,
        weight: ArrayLike | None = None,
        ood_features: ArrayLike | None = None,
    ) -> Collapse:
        """Every measure, from the merged results of two passes over batches of any kind.

        Parameters
        ----------
        moments
            Of all the features. Classes without samples are left out.
        second
            Of the same features, projected by ``BetweenProjection.of(moments.drop_empty())``, with the classes numbered
            as there; None if there was none.
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
        moments = moments.drop_empty()
        between_trace(moments)
        measures: dict[str, Callable[[], Any]] = {
            name: partial(measure, moments) for name, measure in OF_MOMENTS.items() if name != "nc1_pinv"
        }
        if second is not None:
            measures["nc1_pinv"] = partial(nc1_pinv, second.moments)
        if weight is not None:
            rows = as_matrix(weight, "weight", n_rows=len(present)).to(present.device)[present]
            measures |= {name: partial(measure, moments, rows) for name, measure in OF_CLASSIFIER.items()}
            measures["nc3_self_duality_by_class"] = partial(_by_class, moments, rows, present)
        if ood_features is not None:
            measures["nc5_orthogonality"] = partial(nc5_orthogonality, moments, ood_features)
        values: dict[str, Any] = {}
        undefined: dict[str, str] = {}
        for name, measure in measures.items():
            try:
                values[name] = measure()
            except UndefinedMeasureError as error:
                undefined[name] = str(error)
        if second is not None and second.agreements is not None:
            values["nc4_agreement"] = second.agreements / moments.n_samples
        names = dict.fromkeys([*OF_MOMENTS, *OF_CLASSIFIER])
        return cls(**{**names, **values}, undefined=undefined)

    def as_dict(self) -> dict[str, Any]:
        """Names and numbers, in the order of the fields; ready for JSON."""
        return {name: value for name, value in asdict(self).items() if name != "undefined"}


def _by_class(moments: ClassMoments, weight: Tensor, present: Tensor) -> tuple[float | None, ...]:
    """NC3 of each class (C,), None for those without samples."""
    found = iter(nc3_self_duality_by_class(moments, weight))
    return tuple(next(found) if there else None for there in present.tolist())
