r"""NC1, variability collapse: the within-class scatter against the between-class scatter.

With class means :math:`\mu_c`, global mean :math:`\mu_G` and :math:`m_c = \mu_c - \mu_G`,
:math:`\Sigma_W = \frac1N \sum_c \sum_{i \in c} (x_i - \mu_c)(x_i - \mu_c)^T`,
:math:`\Sigma_B = \frac1C \sum_c m_c m_c^T` and
:math:`\Sigma_T = \frac1N \sum_i (x_i - \mu_G)(x_i - \mu_G)^T`. The NC1 measures are 0 for collapsed features.

A class of one sample has no scatter about its mean, and would count as collapsed: all sums are over the classes of two
samples or more. Where there are fewer than two of these, NC1 has no value.
"""

from __future__ import annotations

import torch

from agop.collapse.geometry import ClassGeometry
from agop.collapse.pairs import squared_distances
from agop.errors import InputError
from agop.moments import ClassMoments, GlobalMean

__all__ = [
    "between_total_ratio",
    "between_total_ratio_beaglehole2024",
    "nc1_cdnv",
    "nc1_pinv",
    "nc1_trace_ratio",
    "nc1_trace_ratio_beaglehole2024",
    "within_total_ratio",
]


def nc1_trace_ratio(moments: ClassMoments | ClassGeometry, *, global_mean: GlobalMean = "classes") -> float:
    r"""Trace ratio :math:`\mathrm{tr}\,\Sigma_W / \mathrm{tr}\,\Sigma_B` (Tirer & Bruna 2022).

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
        If there are fewer than two classes of two samples or more, or all class means coincide: the ratio has no value.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> nc1_trace_ratio(ClassMoments.of(x, y, 2))
    0.2
    """
    geometry = ClassGeometry.of(moments, global_mean).scattered
    return geometry.within_trace / geometry.between_trace


def nc1_trace_ratio_beaglehole2024(
    moments: ClassMoments | ClassGeometry, *, global_mean: GlobalMean = "classes"
) -> float:
    r"""Trace ratio as in the published scripts of Beaglehole et al. 2024: ``nc1_trace_ratio`` / C.

    They divide :math:`\Sigma_W` by C N instead of N.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> nc1_trace_ratio_beaglehole2024(ClassMoments.of(x, y, 2))
    0.1
    """
    geometry = ClassGeometry.of(moments, global_mean).scattered
    return nc1_trace_ratio(geometry, global_mean=global_mean) / len(geometry.centered)


def within_total_ratio(moments: ClassMoments | ClassGeometry, *, global_mean: GlobalMean = "classes") -> float:
    r"""Share of the within-class scatter, :math:`\mathrm{tr}\,\Sigma_W / \mathrm{tr}\,\Sigma_T`.

    The published scripts of Beaglehole et al. 2024 give the same number: their factors cancel.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there are fewer than two classes of two samples or more, or all samples coincide.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> round(within_total_ratio(ClassMoments.of(x, y, 2)), 12)
    0.166666666667
    """
    geometry = ClassGeometry.of(moments, global_mean).scattered
    return geometry.within_trace / geometry.total_trace


def between_total_ratio(moments: ClassMoments | ClassGeometry, *, global_mean: GlobalMean = "classes") -> float:
    r"""Share of the between-class scatter, :math:`\mathrm{tr}\,\Sigma_B / \mathrm{tr}\,\Sigma_T`.

    It adds up to 1 with :func:`within_total_ratio` for balanced classes only.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there are fewer than two classes of two samples or more, or all samples coincide.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> round(between_total_ratio(ClassMoments.of(x, y, 2)), 12)
    0.833333333333
    """
    geometry = ClassGeometry.of(moments, global_mean).scattered
    return geometry.between / geometry.total_trace


def between_total_ratio_beaglehole2024(
    moments: ClassMoments | ClassGeometry, *, global_mean: GlobalMean = "classes"
) -> float:
    r"""C times ``between_total_ratio``, as in the published scripts of Beaglehole et al. 2024.

    They divide :math:`\Sigma_T` by C N instead of N, so that the number can exceed 1.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> round(between_total_ratio_beaglehole2024(ClassMoments.of(x, y, 2)), 12)
    1.666666666667
    """
    geometry = ClassGeometry.of(moments, global_mean).scattered
    return between_total_ratio(geometry, global_mean=global_mean) * len(geometry.centered)


def nc1_pinv(moments: ClassMoments | ClassGeometry, *, global_mean: GlobalMean = "classes") -> float:
    r"""Within-class scatter in units of the between-class scatter, :math:`\mathrm{tr}(\Sigma_W \Sigma_B^+) / C`.

    Papyan, Han & Donoho 2020. The pseudo-inverse comes from the singular values :math:`s_j` and vectors
    :math:`v_j` of the centered class means: :math:`\sum_j v_j^T \Sigma_W v_j / s_j^2`, at most C - 1 terms. A
    direction counts unless the means differ along it by their rounding only.

    Parameters
    ----------
    moments
        Moments with the (d, d) scatter. Only its part in the span of the centered class means matters, so that for
        C << d the moments of ``(features - moments.global_mean()) @ moments.between_basis()``, at most C - 1
        columns, give the same number without a (d, d) matrix.
    global_mean
        Mean of the class means, or with ``"samples"`` of all samples.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there are fewer than two classes of two samples or more, all class means coincide, or the moments have no
        (d, d) scatter.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> round(nc1_pinv(ClassMoments.of(x, y, 2, scatter=True)), 12)
    0.08
    """
    geometry = ClassGeometry.of(moments, global_mean)
    scatter = geometry.moments.scatter
    if scatter is None:
        advice = "Ask for it: ClassMoments.of(features @ between_basis, labels, n_classes, scatter=True)."
        raise InputError("moments with a (d, d) scatter", "moments without", advice)
    geometry = geometry.scattered
    _ = geometry.between_trace
    _, lengths, directions = torch.linalg.svd(geometry.centered, full_matrices=False)
    rank = min(int((lengths > geometry.resolution).sum()), len(geometry.centered) - 1)
    axes = directions[:rank] / lengths[:rank, None]
    return float((axes @ scatter * axes).sum()) / geometry.n_samples


def nc1_cdnv(moments: ClassMoments | ClassGeometry) -> float:
    r"""Mean over pairs of classes of :math:`(v_c + v_{c'}) / (2 \|\mu_c - \mu_{c'}\|^2)` (Galanti et al. 2022).

    The class-distance normalized variance, with :math:`v_c = \frac1{N_c} \sum_{i \in c} \|x_i - \mu_c\|^2`; no global
    mean enters.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there are fewer than two classes of two samples or more, two class means coincide, or the moments come from
        ``apply``.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> round(nc1_cdnv(ClassMoments.of(x, y, 2)), 12)
    0.05
    """
    geometry = ClassGeometry.of(moments).scattered
    variances = geometry.moments.class_traces() / geometry.moments.counts
    n_classes, total = len(variances), variances.new_zeros(())
    for first, second, squares in squared_distances(geometry.centered, geometry.resolution, "class means"):
        inverse = squares.reciprocal_()
        sums = variances[first] @ inverse.sum(1) + variances[second] @ inverse.sum(0)
        total += sums / 2 if first == second else sums
    return float(total) / (n_classes * (n_classes - 1))
