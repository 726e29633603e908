r"""Features that are known by their inner products :math:`K = \Phi \Phi^T` only.

Measures of collapse do not change under an isometry, so that any features with these inner products serve. A Gram
matrix holds squares of lengths: what is below machine epsilon of its largest entry is lost, as the within-class scatter
of classes that lie far from the origin.
"""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor

from agop.errors import InputError, PrecisionWarning
from agop.inputs import ArrayLike, as_matrix, require_finite

__all__ = ["between_axes", "features_from_gram", "square_gram"]

_OFFSET = 100.0
"""Largest squared norm of a feature over tr(Sigma_B) up to which the origin is not far from the classes."""

_WARNED = 0.01
"""Share of rounding in the within-class scatter above which it is told."""

_ADVICE = "Pass inner products of the rows with themselves, such as K = X @ X.T or a kernel matrix."


def features_from_gram(gram: ArrayLike) -> Tensor:
    r"""Features F (n, r) with the inner products :math:`F F^T = K`, in r directions that are not rounding.

    For what needs features and a classifier, or features of other samples, too: a kernel machine with coefficients
    :math:`\alpha` (n, C) has the weight :math:`\alpha^T F`, and out-of-distribution samples are further rows of K.
    Moments alone are more accurate, and faster, by ``ClassMoments.from_gram``.

    Parameters
    ----------
    gram
        K of shape (n, n), symmetric positive semi-definite.

    Raises
    ------
    InputError
        If K is not square, finite, symmetric and positive semi-definite.

    Examples
    --------
    >>> x = torch.tensor([[1.0, 3e6], [0.0, 1.0]], dtype=torch.float64)
    >>> features = features_from_gram(x @ x.T)
    >>> torch.linalg.vector_norm(features, dim=1).tolist()
    [3000000.0, 1.0]
    """
    gram = square_gram(gram)
    require_finite(gram, "gram")
    epsilon, gram = _epsilon(gram), gram.double()
    scale = gram.diagonal().clamp(min=0).sqrt()
    lengths = torch.where(scale > 0, scale, 1)
    cosines = gram / (lengths[:, None] * lengths)
    squares, vectors = torch.linalg.eigh(cosines)
    worst = max(-float(squares[0]), float((cosines - cosines.mT).abs().max()))
    if worst > math.sqrt(epsilon) * len(gram):
        raise InputError("a symmetric positive semi-definite Gram matrix", f"a violation by {worst:.1g}", _ADVICE)
    kept = squares > len(gram) * epsilon * squares[-1]
    features: Tensor = scale[:, None] * vectors[:, kept] * squares[kept].sqrt()
    return features


def square_gram(gram: ArrayLike) -> Tensor:
    """Gram matrix (n, n) with n > 0, or an InputError."""
    gram = as_matrix(gram, "gram")
    if not len(gram) or len(gram) != gram.shape[1]:
        raise InputError("a Gram matrix (n, n)", f"shape {tuple(gram.shape)}", "Pass all inner products.")
    return gram


def between_axes(gram: Tensor, averages: Tensor, between: Tensor, traces: Tensor, counts: Tensor) -> Tensor:
    r"""Axes (C, r) that turn the inner products with the centered class means into r <= C - 1 coordinates.

    They are :math:`U \Lambda^{-1/2}` of the Gram matrix :math:`U \Lambda U^T` of the centered class means, without
    eigenvalues that are rounding.

    Parameters
    ----------
    gram
        K of shape (n, n).
    averages
        (C, n) inner products of the class means with the samples.
    between
        (C, C) Gram matrix of the centered class means.
    traces, counts
        (C,) sums of the squared distances to the class means, and numbers of samples.

    Raises
    ------
    InputError
        If the Gram matrix is not symmetric and positive semi-definite.
    """
    n_classes, epsilon, scale = len(between), _epsilon(gram), float(averages.abs().max())
    squares, vectors = torch.linalg.eigh((between + between.mT) / 2)
    worst = max(-float(squares[0]), -float((traces / counts).min()), float((between - between.mT).max()))
    if worst > math.sqrt(epsilon) * scale:
        raise InputError("a symmetric positive semi-definite Gram matrix", f"a violation by {worst:.1g}", _ADVICE)
    kept = torch.nonzero(squares > n_classes * epsilon * scale).flatten()[-(n_classes - 1) :]
    if len(kept) and scale > _OFFSET * float(between.trace()) / n_classes:
        _warn_of_rounding(len(gram) * epsilon * scale, float(traces.sum()))
    axes: Tensor = vectors[:, kept] / squares[kept].sqrt()
    return axes


def _epsilon(gram: Tensor) -> float:
    return torch.finfo(gram.dtype if gram.is_floating_point() else torch.float64).eps


def _warn_of_rounding(rounding: float, scatter: float) -> None:
    if rounding > _WARNED * scatter:
        share = f"{rounding / scatter:.1%}" if scatter > 0 else "all"
        warnings.warn(
            f"rounding of the Gram matrix can be {share} of the within-class scatter, and of NC1. "
            "Center the features before taking inner products, or measure the features themselves.",
            PrecisionWarning,
            stacklevel=4,
        )
