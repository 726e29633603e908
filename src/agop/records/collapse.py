"""Every measure of collapse of one set of features."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from agop.collapse import (
    between_total_ratio,
    between_total_ratio_beaglehole2024,
    gnc2,
    nc1_cdnv,
    nc1_pinv,
    nc1_trace_ratio,
    nc1_trace_ratio_beaglehole2024,
    nc2_angle_spread,
    nc2_equiangularity,
    nc2_equinorm,
    nc2_etf_error,
    nc2_gram_mse,
    nc3_etf_error,
    nc3_self_duality,
    nc3_self_duality_by_class,
    nc5_orthogonality,
    unc3,
    within_total_ratio,
)
from agop.collapse.classifier import LinearClassifier
from agop.collapse.projection import BetweenProjection
from agop.collapse.second_pass import SecondPass
from agop.errors import InputError
from agop.inputs import ArrayLike, as_matrix
from agop.moments import ClassMoments

__all__ = ["Collapse"]


@dataclass(frozen=True, slots=True)
class Collapse:
    """NC1 to NC5 of the features of one layer; the global mean is the mean of the class means.

    Each field is the function of the same name in :mod:`agop.collapse`. Fields that need a classifier (NC3, NC4)
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

    within_total_ratio: float
    between_total_ratio: float
    between_total_ratio_beaglehole2024: float
    nc1_trace_ratio: float
    nc1_trace_ratio_beaglehole2024: float
    nc1_pinv: float | None
    nc1_cdnv: float
    nc2_gram_mse: float
    nc2_etf_error: float
    nc2_equinorm: float
    nc2_equiangularity: float
    nc2_angle_spread: float
    gnc2_variance: float
    gnc2_mean: float
    nc3_self_duality: float | None = None
    nc3_self_duality_by_class: tuple[float, ...] | None = None
    nc3_etf_error: float | None = None
    unc3: float | None = None
    unc3_cosine: float | None = None
    nc4_agreement: float | None = None
    nc5_orthogonality: float | None = None

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
            If an argument has a wrong shape, type or range or is not finite, or a measure has no value: all class
            means equal, two of them equal, or one equal to the global mean.
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
            Of all the features.
        second
            Of the same features, projected by ``BetweenProjection.of(moments)``; None if there was none.
        weight
            (C, d) of the linear classifier on these features, if there is one.
        ood_features
            (m, d) features of out-of-distribution samples, or their mean as one row.
        """
        agreements = None if second is None else second.agreements
        return cls(
            within_total_ratio=within_total_ratio(moments),
            between_total_ratio=between_total_ratio(moments),
            between_total_ratio_beaglehole2024=between_total_ratio_beaglehole2024(moments),
            nc1_trace_ratio=nc1_trace_ratio(moments),
            nc1_trace_ratio_beaglehole2024=nc1_trace_ratio_beaglehole2024(moments),
            nc1_pinv=None if second is None else nc1_pinv(second.moments),
            nc1_cdnv=nc1_cdnv(moments),
            nc2_gram_mse=nc2_gram_mse(moments),
            nc2_etf_error=nc2_etf_error(moments),
            nc2_equinorm=nc2_equinorm(moments),
            nc2_equiangularity=nc2_equiangularity(moments),
            nc2_angle_spread=nc2_angle_spread(moments),
            gnc2_variance=gnc2(moments),
            gnc2_mean=gnc2(moments, statistic="mean"),
            nc3_self_duality=None if weight is None else nc3_self_duality(moments, weight),
            nc3_self_duality_by_class=None if weight is None else nc3_self_duality_by_class(moments, weight),
            nc3_etf_error=None if weight is None else nc3_etf_error(moments, weight),
            unc3=None if weight is None else unc3(moments, weight),
            unc3_cosine=None if weight is None else unc3(moments, weight, cosine=True),
            nc4_agreement=None if agreements is None else agreements / moments.n_samples,
            nc5_orthogonality=None if ood_features is None else nc5_orthogonality(moments, ood_features),
        )

    def as_dict(self) -> dict[str, Any]:
        """Names and numbers, in the order of the fields; ready for JSON."""
        return asdict(self)
