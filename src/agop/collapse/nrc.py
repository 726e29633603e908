r"""NRC, regression collapse: features spread only where the targets do, and follow them.

:math:`\Sigma_X` is the covariance of the features (d, d), :math:`\Sigma_Y` that of the targets (t, t) and
:math:`\Sigma_{XY}` that of both (d, t), each about its mean. Features are compared along r directions. Unless
given, r is the rank of :math:`\Sigma_Y`: t, or fewer where targets depend on others or are constant, since networks
find the intrinsic dimension of their targets.
"""

from __future__ import annotations

import torch

from agop.collapse.target_geometry import TargetGeometry
from agop.errors import UndefinedMeasureError
from agop.inputs import ArrayLike, as_matrix, require_finite
from agop.moments import TargetMoments

__all__ = [
    "nrc1_unexplained_variance",
    "nrc2_linear_cka",
    "nrc3_subspace_alignment",
    "nrc4_prediction_error",
]


def nrc1_unexplained_variance(moments: TargetMoments | TargetGeometry, *, n_directions: int | None = None) -> float:
    r"""Share of :math:`\mathrm{tr}\,\Sigma_X` outside the top r eigenvectors (Rangamani & Unal 2026).

    :math:`1 - \mathrm{tr}(V_r^T \Sigma_X V_r) / \mathrm{tr}\,\Sigma_X`; 0 for collapsed features, and trivially for
    r = d. The covariance in float64 resolves it to some 2e-16: a share of 1e-14 has about two digits.

    Parameters
    ----------
    moments
        Moments of the features and targets of two samples or more, or their geometry.
    n_directions
        r; the rank of the target covariance if None.

    Raises
    ------
    UndefinedMeasureError
        If all features, or all targets, are equal.
    InputError
        If there are fewer than two samples, or ``n_directions`` is not in 1 .. d.

    Examples
    --------
    >>> x = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> round(nrc1_unexplained_variance(TargetMoments.of(x, x[:, 0])), 12)
    0.2
    """
    geometry = TargetGeometry.of(moments)
    return geometry.outside(geometry.wanted(n_directions))


def nrc2_linear_cka(moments: TargetMoments | TargetGeometry) -> float:
    r"""Linear CKA of features and targets, :math:`\|\Sigma_{XY}\|_F^2 / (\|\Sigma_X\|_F \|\Sigma_Y\|_F)`.

    Kornblith et al. 2019, from all features and targets: from 0, not correlated, to 1, equal up to a rotation and a
    scale.

    Raises
    ------
    UndefinedMeasureError
        If all features, or all targets, are equal.
    InputError
        If there are fewer than two samples.

    Examples
    --------
    >>> x = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> round(nrc2_linear_cka(TargetMoments.of(x, x @ torch.tensor([[0.0, 3.0], [-3.0, 0.0]]))), 12)
    1.0
    """
    geometry = TargetGeometry.of(moments)
    norm, covariances = torch.linalg.matrix_norm, (geometry.covariance, geometry.target_covariance)
    total, target_total = (covariance.trace() for covariance in covariances)
    cross = geometry.moments.cross / geometry.moments.count / total.sqrt() / target_total.sqrt()
    return float(norm(cross) / norm(covariances[0] / total) * (norm(cross) / norm(covariances[1] / target_total)))


def nrc3_subspace_alignment(
    moments: TargetMoments | TargetGeometry, weight: ArrayLike, *, n_directions: int | None = None
) -> float:
    r"""Mean cosine of the angles between the top r feature and weight directions (Rangamani & Unal 2026).

    The mean singular value of :math:`V_r^T U_r`, with the top r eigenvectors of :math:`\Sigma_X` and right singular
    vectors of the weight: 1 for equal subspaces, 0 for orthogonal ones. A weight with fewer outputs than r has so
    many directions only.

    Parameters
    ----------
    moments
        Moments of the features that enter the layer and of the targets, or their geometry.
    weight
        (out, d), as in ``torch.nn.Linear``.
    n_directions
        r; the rank of the target covariance if None.

    Raises
    ------
    UndefinedMeasureError
        If all targets are equal, or features or weight span fewer directions than are compared.
    InputError
        If there are fewer than two samples, or the weight is not finite or of another shape.

    Examples
    --------
    >>> x = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> round(nrc3_subspace_alignment(TargetMoments.of(x, x[:, 0]), torch.tensor([[3.0, 4.0]])), 12)
    0.6
    """
    geometry = TargetGeometry.of(moments)
    matrix = as_matrix(weight, "weight", n_columns=geometry.moments.n_features).to(geometry.moments.mean)
    require_finite(matrix, "weight")
    n = geometry.wanted(n_directions)
    _, lengths, rows = torch.linalg.svd(matrix, full_matrices=False)
    n_weight = min(n, len(rows))
    smallest = max(matrix.shape) * torch.finfo(torch.float64).eps * lengths[0]
    n_found = int((lengths > smallest).sum())
    for name, found, least in (("features", geometry.rank, n), ("a weight", n_found, n_weight)):
        if found < least or not found:
            got, advice = f"{found}", "A subspace that is not there has no angle to another."
            raise UndefinedMeasureError(f"{name} of {least} directions or more", got, advice)
    return float(torch.linalg.svdvals(rows[:n_weight] @ geometry.directions[:, :n]).mean())


def nrc4_prediction_error(moments: TargetMoments | TargetGeometry) -> float:
    r"""Squared error of the least-squares read-out over the variance of the targets (Rangamani & Unal 2026).

    :math:`\min_{A, b} \sum_i \|A x_i + b - y_i\|^2 / \sum_i \|y_i - \bar y\|^2 = \mathrm{tr}(\Sigma_Y - \Sigma_{XY}^T
    \Sigma_X^+ \Sigma_{XY}) / \mathrm{tr}\,\Sigma_Y`, on the samples themselves: 0 where they lie on a plane, trivially
    so for no more samples than features; 1 where features say nothing. Targets count by their variance: standardized
    ones alike. Directions with less than d eps of the largest variance are rounding of the covariance, and left out.

    Raises
    ------
    UndefinedMeasureError
        If all features, or all targets, are equal.
    InputError
        If there are fewer than two samples.

    Examples
    --------
    >>> x = torch.tensor([[-1.0], [0.0], [1.0], [2.0]])
    >>> round(nrc4_prediction_error(TargetMoments.of(x, torch.tensor([0.0, 2.0, 2.0, 4.0]))), 12)
    0.1
    """
    geometry = TargetGeometry.of(moments)
    total, n = geometry.target_covariance, geometry.rank
    axes = geometry.directions[:, :n] / geometry.variances[:n].sqrt()
    explained = axes.mT @ (geometry.moments.cross / geometry.moments.count)
    share = float((total - explained.mT @ explained).trace() / total.trace())
    return max(share, 0.0)
