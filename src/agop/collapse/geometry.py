"""Scatter, directions and distances of class means, checked to exist."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from agop.errors import UndefinedMeasureError
from agop.moments import ClassMoments, GlobalMean

__all__ = ["between_trace", "class_cosines", "class_directions", "etf_distance", "pair_distances"]


def between_trace(moments: ClassMoments, global_mean: GlobalMean = "classes") -> float:
    r"""Trace of the between-class scatter, :math:`\mathrm{tr}\,\Sigma_B = \frac1C \sum_c \|m_c\|^2`.

    Raises
    ------
    UndefinedMeasureError
        If all class means coincide up to their rounding, so that nothing can be compared with it.
    """
    trace = float(moments.centered_means(global_mean).square().sum()) / len(moments.counts)
    if trace <= moments.resolution() ** 2:
        advice = "Collapse is undefined where the features tell no class from another, as constant ones do."
        raise UndefinedMeasureError("class means that differ", "equal means in all classes", advice)
    return trace


def class_directions(moments: ClassMoments, global_mean: GlobalMean = "classes") -> Tensor:
    """Centered class means scaled to unit length, (C, d).

    Raises
    ------
    UndefinedMeasureError
        If the mean of a class is the global mean, so that it has no direction.
    """
    centered = moments.centered_means(global_mean)
    lengths = torch.linalg.vector_norm(centered, dim=1, keepdim=True)
    missing = torch.nonzero(lengths.flatten() <= moments.resolution()).flatten().tolist()
    if missing:
        advice = "Angles of class means need means that differ from it."
        raise UndefinedMeasureError("class means away from the global mean", f"class {missing[0]} at it", advice)
    directions: Tensor = centered / lengths
    return directions


def class_cosines(moments: ClassMoments, global_mean: GlobalMean = "classes") -> Tensor:
    """Cosines between the centered class means, (C, C)."""
    directions = class_directions(moments, global_mean)
    return directions @ directions.mT


def pair_distances(rows: Tensor, smallest: float, name: str) -> Tensor:
    """Distances of all pairs of rows c < c', from their differences; C (C - 1) / 2 numbers in that order.

    Raises
    ------
    UndefinedMeasureError
        If two rows are no further apart than ``smallest``.
    """
    distances = torch.pdist(rows)
    if (distances <= smallest).any():
        pairs = torch.triu_indices(len(rows), len(rows), 1, device=rows.device)
        first, second = pairs[:, int(distances.argmin())].tolist()
        advice = "Merge these classes, or leave one out."
        raise UndefinedMeasureError(f"{name} that differ", f"equal ones of classes {first} and {second}", advice)
    return distances


def etf_distance(gram: Tensor) -> float:
    r"""Distance :math:`\| G/\|G\|_F - (I - 11^T/C)/\sqrt{C-1} \|_F` of G (C, C) to the simplex ETF.

    Examples
    --------
    >>> etf_distance(torch.tensor([[3.0, -3.0], [-3.0, 3.0]], dtype=torch.float64)) < 1e-15
    True
    """
    n_classes = len(gram)
    simplex = torch.eye(n_classes, dtype=gram.dtype, device=gram.device) - 1 / n_classes
    difference = gram / torch.linalg.matrix_norm(gram) - simplex / math.sqrt(n_classes - 1)
    return float(torch.linalg.matrix_norm(difference))
