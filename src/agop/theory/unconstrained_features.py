"""Unconstrained features: collapse of features that are free variables, whatever the data.

The features of the last layer are optimized directly, as if a network could produce any. What comes out depends on
the labels alone, and on them only up to the order of the samples: labels shuffled at random give the same end.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from agop.errors import InputError
from agop.inputs import ArrayLike, as_matrix, require_finite

__all__ = ["UnconstrainedFeatures", "checked_targets", "unconstrained_features_minimizer"]


@dataclass(frozen=True)
class UnconstrainedFeatures:
    """A minimizer of the objective of unconstrained features.

    Attributes
    ----------
    features
        (n, d), a row a sample: the transpose of H.
    weights
        W, (C, d).
    objective
        Its value, the least there is.

    Examples
    --------
    >>> found = unconstrained_features_minimizer(torch.eye(2), weight_decay=0.5, width=2)
    >>> found.objective, torch.linalg.vector_norm(found.features, dim=1)
    (1.5, tensor([0.7071, 0.7071], dtype=torch.float64))
    """

    features: Tensor
    weights: Tensor
    objective: float


def unconstrained_features_minimizer(targets: ArrayLike, weight_decay: float, width: int) -> UnconstrainedFeatures:
    r"""Minimizer of :math:`\|W H - Y^T\|_F^2 + \lambda (\|W\|_F^2 + \|H\|_F^2)` over W (C, d) and H (d, n).

    With singular values :math:`Y^T = U\, \mathrm{diag}(s)\, V^T`, and :math:`\sigma_j = (s_j - \lambda)_+` for the d
    largest, 0 for the others,

    .. math::

       W = U \mathrm{diag}(\sigma)^{1/2}, \quad H = \mathrm{diag}(\sigma)^{1/2} V^T, \quad
       H^T H = V \mathrm{diag}(\sigma) V^T .

    All minimizers are rotations of the d columns of this one, where no two singular values are equal at the d-th. Equal
    rows of Y have equal features: NC1 = 0 unless H = 0, which is the case for :math:`\lambda \geq \max_j s_j`.

    Parameters
    ----------
    targets
        Y, (n, C).
    weight_decay
        :math:`\lambda > 0`.
    width
        d; columns beyond the rank of Y are 0.

    Raises
    ------
    InputError
        If the targets are not finite, or the weight decay or the width is not positive.

    References
    ----------
    Tirer & Bruna 2022 (arXiv 2202.08087); Súkeník, Mondelli, Lampert 2023 (arXiv 2305.13165).

    Examples
    --------
    >>> found = unconstrained_features_minimizer(torch.eye(2).repeat_interleave(4, 0), 0.5, 3)
    >>> (found.features @ found.features.T)[::4, ::4]  # orthogonal classes, (2 - 0.5) / 4 the squared length
    tensor([[0.3750, 0.0000],
            [0.0000, 0.3750]], dtype=torch.float64)
    """
    targets = checked_targets(targets, weight_decay, width)
    left, singular, right = torch.linalg.svd(targets.mT, full_matrices=False)
    strength = (singular - weight_decay).clamp(min=0)
    strength[width:] = 0
    columns = min(width, len(strength))
    weights, features = targets.new_zeros(targets.shape[1], width), targets.new_zeros(len(targets), width)
    weights[:, :columns] = left[:, :columns] * strength[:columns].sqrt()
    features[:, :columns] = right.mT[:, :columns] * strength[:columns].sqrt()
    objective = (singular - strength).square().sum() + 2 * weight_decay * strength.sum()
    return UnconstrainedFeatures(features, weights, float(objective))


def checked_targets(targets: ArrayLike, weight_decay: float, width: int) -> Tensor:
    """Targets (n, C) in float64; InputError unless they are finite and the other two arguments positive."""
    targets = as_matrix(targets, "targets").double()
    require_finite(targets, "targets")
    if not targets.numel():
        raise InputError("targets (n, C)", f"shape {tuple(targets.shape)}", "Pass one row a sample.")
    if not isfinite(weight_decay) or weight_decay <= 0:
        raise InputError("a finite weight_decay > 0", repr(weight_decay), "Without it the features have no scale.")
    if width < 1:
        raise InputError("width >= 1", str(width), "It is the dimension of the features.")
    return targets
