"""The Gram matrix of features as a picture, samples sorted by class."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.deep_rfm.layer import normalize_rows
from agop.moments import ClassMoments

__all__ = ["class_sorted_gram"]


def class_sorted_gram(features: Tensor, labels: Tensor, n_classes: int, per_class: int = 20) -> Tensor:
    """Cosines between centered features, samples sorted by class: block structure is collapse.

    Parameters
    ----------
    features
        (n, d).
    labels
        (n,) in 0..n_classes-1.
    n_classes
        Number of classes C.
    per_class
        At most this many samples of each class, the first ones.

    Returns
    -------
    Tensor
        (m, m) cosines about the mean of the class means, float64, m <= C per_class.

    Raises
    ------
    EmptyClassError
        If a class has no samples.

    Examples
    --------
    >>> class_sorted_gram(torch.eye(2), torch.tensor([1, 0]), 2)
    tensor([[ 1., -1.],
            [-1.,  1.]], dtype=torch.float64)
    """
    rows = torch.cat([torch.nonzero(labels == c).ravel()[:per_class] for c in range(n_classes)])
    center = ClassMoments.of(features, labels, n_classes).global_mean()
    centered = normalize_rows(features[rows].double() - center)
    return centered @ centered.mT
