r"""NC2, the class means become a simplex equiangular tight frame (ETF): equally long, equally far apart.

:math:`m_c` are the centered class means, :math:`u_c = m_c / \|m_c\|`. The widest equal angles of C vectors have the
cosine -1/(C - 1). Standard deviations and variances are those of the population (divided by the number of
values). For C = 2 with the mean of the class means as center :math:`m_2 = -m_1` always, so that all measures but
the mean of :func:`gnc2` (-log 2) are trivially 0.
"""

from __future__ import annotations

import math
from typing import Literal

import torch

from agop.collapse.geometry import ClassGeometry
from agop.collapse.pairs import etf_distance, simplex_parts
from agop.errors import InputError
from agop.moments import ClassMoments, GlobalMean

__all__ = [
    "gnc2",
    "nc2_angle_spread",
    "nc2_equiangularity",
    "nc2_equinorm",
    "nc2_etf_error",
    "nc2_gram_mse",
]


def nc2_gram_mse(moments: ClassMoments | ClassGeometry, *, global_mean: GlobalMean = "classes") -> float:
    r"""Mean squared entry of G - E, over all C x C entries (Beaglehole et al. 2024).

    G holds the cosines of the centered class means, E is 1 on the diagonal and -1/(C - 1) off it. Trivially 0
    for C = 2 with the mean of the class means as center.

    Parameters
    ----------
    moments
        Moments of the features of C >= 2 classes, or their geometry.
    global_mean
        Mean of the class means, or with ``"samples"`` of all samples.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there is one class, or the mean of a class is the global mean.

    Examples
    --------
    >>> orthogonal = ClassMoments.of(torch.eye(3), torch.arange(3), 3)
    >>> round(nc2_gram_mse(orthogonal), 12)
    0.0
    """
    geometry = ClassGeometry.of(moments, global_mean)
    excess, n_classes = geometry.excess_cosines, len(geometry.centered)
    return (excess.variance + excess.mean**2) * (n_classes - 1) / n_classes  # nothing on the diagonal


def nc2_etf_error(moments: ClassMoments | ClassGeometry, *, global_mean: GlobalMean = "classes") -> float:
    r"""Distance :math:`\| G'/\|G'\|_F - (I - 11^T/C)/\sqrt{C-1} \|_F` (Kothapalli 2023).

    G' is the Gram matrix of the centered class means, so that lengths and angles count at once. Trivially 0
    for C = 2 with the mean of the class means as center.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there is one class, or all class means coincide.

    Examples
    --------
    >>> orthogonal = ClassMoments.of(torch.eye(3), torch.arange(3), 3)
    >>> round(nc2_etf_error(orthogonal), 12)
    0.0
    """
    geometry = ClassGeometry.of(moments, global_mean)
    _ = geometry.between_trace
    centered = geometry.centered / geometry.lengths.max()  # fourth powers of far lengths are no numbers
    return etf_distance(*simplex_parts(centered, centered))


def nc2_equinorm(moments: ClassMoments | ClassGeometry, *, global_mean: GlobalMean = "classes") -> float:
    r"""Standard deviation over mean of the lengths :math:`\|m_c\|` (Papyan, Han & Donoho 2020).

    The deviation is that of the population. Trivially 0 for C = 2 with the mean of the class means as center.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there is one class, or all class means coincide.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    >>> round(nc2_equinorm(ClassMoments.of(x, torch.arange(3), 3)), 6)
    0.197453
    """
    geometry = ClassGeometry.of(moments, global_mean)
    _ = geometry.between_trace
    deviation, mean = torch.std_mean(geometry.lengths, correction=0)
    return float(deviation / mean)


def nc2_equiangularity(moments: ClassMoments | ClassGeometry, *, global_mean: GlobalMean = "classes") -> float:
    r"""Mean of :math:`|\cos(m_c, m_{c'}) + 1/(C-1)|` over c != c' (Papyan, Han & Donoho 2020).

    How far the angles are from the widest equal ones. Trivially 0 for C = 2 with the mean of the class means
    as center.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there is one class, or the mean of a class is the global mean.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    >>> round(nc2_equiangularity(ClassMoments.of(x, torch.arange(3), 3)), 6)
    0.222515
    """
    return ClassGeometry.of(moments, global_mean).excess_cosines.size


def nc2_angle_spread(moments: ClassMoments | ClassGeometry, *, global_mean: GlobalMean = "classes") -> float:
    r"""Standard deviation of the cosines :math:`\cos(m_c, m_{c'})`, c != c' (Papyan, Han & Donoho 2020).

    The deviation is that of the population. 0 for equal angles of any size, and trivially for C = 2.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there is one class, or the mean of a class is the global mean.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    >>> round(nc2_angle_spread(ClassMoments.of(x, torch.arange(3), 3)), 6)
    0.228052
    """
    return math.sqrt(ClassGeometry.of(moments, global_mean).excess_cosines.variance)


def gnc2(
    moments: ClassMoments | ClassGeometry,
    *,
    statistic: Literal["variance", "mean"] = "variance",
    global_mean: GlobalMean = "classes",
) -> float:
    r"""Generalized NC2, of :math:`\log(1/\|u_c - u_{c'}\|)` over pairs c < c' (Liu et al. 2023).

    The class directions spread evenly over the sphere, also where d < C - 1 leaves no simplex: the variance
    (of the population) is 0 at equal distances, the mean is smallest at the widest spread.

    Parameters
    ----------
    moments
        Moments of the features of C >= 2 classes, or their geometry.
    statistic
        ``"variance"`` or ``"mean"`` of the pairs.
    global_mean
        Mean of the class means, or with ``"samples"`` of all samples.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there is one class, the mean of a class is the global mean, or two classes have one direction.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    >>> round(gnc2(ClassMoments.of(x, torch.arange(3), 3)), 6)
    0.005443
    """
    if statistic not in ("variance", "mean"):
        raise InputError("statistic 'variance' or 'mean'", repr(statistic), "Choose one of the two.")
    logs = ClassGeometry.of(moments, global_mean).log_distances
    return logs.variance if statistic == "variance" else logs.mean
