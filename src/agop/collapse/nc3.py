r"""NC3, self-duality: the weight of the linear classifier aligns with the class means.

W is the weight (C, d) with rows :math:`w_c`, M the centered class means (C, d) with rows :math:`m_c`.
All are 0 for W proportional to M, but for :func:`unc3`, which asks for equal products only.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from agop.collapse.classifier import LinearClassifier
from agop.collapse.geometry import ClassGeometry
from agop.collapse.pairs import etf_distance, simplex_parts
from agop.errors import UndefinedMeasureError
from agop.inputs import ArrayLike
from agop.moments import ClassMoments, GlobalMean

__all__ = ["nc3_etf_error", "nc3_self_duality", "nc3_self_duality_by_class", "unc3"]


def nc3_self_duality(
    moments: ClassMoments | ClassGeometry, weight: ArrayLike | LinearClassifier, *, global_mean: GlobalMean = "classes"
) -> float:
    r"""Distance :math:`\| W/\|W\|_F - M/\|M\|_F \|_F` (Papyan, Han & Donoho 2020), from 0 to 2.

    Parameters
    ----------
    moments
        Moments of the features (d columns) that enter the classifier.
    weight
        (C, d), as in ``torch.nn.Linear``, or a classifier that has it.
    global_mean
        Mean of the class means, or with ``"samples"`` of all samples.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there is one class, all class means coincide, or the weight is not finite, zero or of another
        shape.

    Examples
    --------
    >>> moments = ClassMoments.of(torch.eye(3), torch.arange(3), 3)
    >>> round(nc3_self_duality(moments, 5 * torch.eye(3)), 6)
    0.605811
    """
    geometry = ClassGeometry.of(moments, global_mean)
    _ = geometry.between_trace
    centered, norm = geometry.centered, torch.linalg.matrix_norm
    return float(norm(_unit_weight(geometry, weight) - centered / norm(centered)))


def nc3_self_duality_by_class(
    moments: ClassMoments | ClassGeometry, weight: ArrayLike | LinearClassifier, *, global_mean: GlobalMean = "classes"
) -> tuple[float, ...]:
    r"""Distance :math:`\| w_c/\|w_c\| - m_c/\|m_c\| \|` of each class (Papyan, Han & Donoho 2020).

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there is one class, the mean of a class is the global mean, or a row of the weight is zero.

    Examples
    --------
    >>> moments = ClassMoments.of(torch.eye(3), torch.arange(3), 3)
    >>> [round(error, 6) for error in nc3_self_duality_by_class(moments, 5 * torch.eye(3))]
    [0.605811, 0.605811, 0.605811]
    """
    geometry = ClassGeometry.of(moments, global_mean)
    difference = _weight_directions(geometry, weight) - geometry.directions
    return tuple(torch.linalg.vector_norm(difference, dim=1).tolist())


def nc3_etf_error(
    moments: ClassMoments | ClassGeometry, weight: ArrayLike | LinearClassifier, *, global_mean: GlobalMean = "classes"
) -> float:
    r"""Distance :math:`\| WM^T/\|WM^T\|_F - (I - 11^T/C)/\sqrt{C-1} \|_F` (Kothapalli 2023).

    Weaker than self-duality: also 0 for the pseudo-inverse :math:`W = (M^+)^T`, whatever M is.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there is one class, or the products of weight and class means all vanish.

    Examples
    --------
    >>> moments = ClassMoments.of(torch.eye(3), torch.arange(3), 3)
    >>> round(nc3_etf_error(moments, torch.eye(3)), 12)
    0.0
    """
    geometry = ClassGeometry.of(moments, global_mean)
    _ = geometry.between_trace
    longest = geometry.lengths.max()
    along, rest = simplex_parts(_unit_weight(geometry, weight), geometry.centered / longest)
    if math.hypot(along, rest) <= geometry.resolution / float(longest):
        advice = "A classifier that does not see the class means has no angle to them."
        raise UndefinedMeasureError("a weight along the class means", "one orthogonal to all of them", advice)
    return etf_distance(along, rest)


def unc3(
    moments: ClassMoments | ClassGeometry,
    weight: ArrayLike | LinearClassifier,
    *,
    cosine: bool = False,
    global_mean: GlobalMean = "classes",
) -> float:
    r"""Uniform duality: variance over the classes of :math:`\langle w_c, m_c \rangle` (Wu & Papyan 2024).

    The variance is that of the population.

    Parameters
    ----------
    moments
        Moments of the features (d columns) that enter the classifier.
    weight
        (C, d), as in ``torch.nn.Linear``, or a classifier that has it.
    cosine
        Take the cosine of the angle between the two instead of their inner product.
    global_mean
        Mean of the class means, or with ``"samples"`` of all samples.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there is one class, or for the cosine a class mean or a row of the weight has no direction.

    Examples
    --------
    >>> moments = ClassMoments.of(torch.eye(2), torch.arange(2), 2)
    >>> weight = torch.tensor([[2.0, 0.0], [0.0, 4.0]])
    >>> unc3(moments, weight), round(unc3(moments, weight, cosine=True), 12)
    (0.25, 0.0)
    """
    geometry = ClassGeometry.of(moments, global_mean)
    if cosine:
        products = _weight_directions(geometry, weight) * geometry.directions
    else:
        products = _weight(geometry, weight) * geometry.centered
    return float(products.sum(1).var(correction=0))


def _weight(geometry: ClassGeometry, weight: ArrayLike | LinearClassifier) -> Tensor:
    if not isinstance(weight, LinearClassifier):
        weight = LinearClassifier.of(weight, None, like=geometry.moments)
    checked = weight.weight
    if not checked.any():
        raise UndefinedMeasureError("a weight with directions", "zeros", "Self-duality compares directions.")
    return checked


def _unit_weight(geometry: ClassGeometry, weight: ArrayLike | LinearClassifier) -> Tensor:
    """The weight over its Frobenius norm, also where the squares of its entries are too small for float64."""
    checked = _weight(geometry, weight)
    scaled = checked / checked.abs().max()
    unit: Tensor = scaled / torch.linalg.matrix_norm(scaled)
    return unit


def _weight_directions(geometry: ClassGeometry, weight: ArrayLike | LinearClassifier) -> Tensor:
    checked = _unit_weight(geometry, weight)
    lengths = torch.linalg.vector_norm(checked, dim=1, keepdim=True)
    if not lengths.all():
        raise UndefinedMeasureError("a non-zero weight of each class", "a row of zeros", "Leave such a class out.")
    directions: Tensor = checked / lengths
    return directions
