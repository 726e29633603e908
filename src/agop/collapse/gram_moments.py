r"""Moments from a Gram matrix alone: features known by their inner products :math:`K = \Phi \Phi^T` only.

Measures of collapse do not change under an isometry. So the features are replaced by coordinates of dimension
C - 1 or less that have the same inner products, and every measure keeps its one definition, that of moments.
A Gram matrix holds squares of lengths: what is below machine epsilon of its largest entry is lost, as the scatter of
classes that lie far from the origin.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import torch
from torch import Tensor

from agop.errors import InputError, PrecisionWarning
from agop.inputs import ArrayLike, as_labels, as_matrix
from agop.moments import ClassMoments

__all__ = ["gram_coordinates", "isometric_coordinates", "moments_from_gram"]


_OFFSET = 100.0
"""Largest squared norm of a feature over tr(Sigma_B) up to which the origin is not far from the classes."""

_WARNED = 0.01
"""Share of rounding in the scatter within classes above which it is told."""


def moments_from_gram(gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None) -> ClassMoments:
    r"""Moments of the features behind a Gram matrix, in the coordinates of ``gram_coordinates``.

    ``means`` and ``scatter`` are those of the coordinates, so that the mean of the class means is 0.
    ``scatter_traces`` are those of the whole features, :math:`\sum_{i \in c} K_{ii} - N_c Q_{cc}` with Q the
    Gram matrix of the class means.

    Parameters
    ----------
    gram, labels
        (n, n) Gram matrix and the integer labels (n,) of its rows.
    n_classes
        Number of classes, ``max(labels) + 1`` if None.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If the Gram matrix is not square, finite, symmetric and positive semi-definite.

    Warns
    -----
    PrecisionWarning
        If ``n * eps * max abs K``, what rounding of the entries can add to the sum of the ``scatter_traces``, is more
        than a percent of it. Features about the origin, ``max abs K`` up to 100 tr(Sigma_B), are not told of: they
        have lost nothing but an NC1 below 1e4 eps.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> moments_from_gram(x @ x.T, y).scatter_traces
    tensor([2., 2.], dtype=torch.float64)
    """
    return gram_coordinates(gram, labels, n_classes)[1]


def gram_coordinates(gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None) -> tuple[Tensor, ClassMoments]:
    r"""Coordinates (n, r) of the samples in the span of the centred class means, and their moments.

    With A (C, n) averaging over classes, :math:`P = I - 11^T/C` and :math:`G' = P A K A^T P = U \Lambda U^T`,
    an orthonormal basis of the span is :math:`B = \Phi^T A^T P U \Lambda^{-1/2}`, and the coordinates are
    :math:`B^T (x_i - \mu_G)`. Arguments, errors and moments as in :func:`moments_from_gram`.
    """
    gram = as_matrix(gram, "gram")
    n = len(gram)
    if not n or gram.shape[1] != n:
        raise InputError("a Gram matrix (n, n)", f"shape {tuple(gram.shape)}", "Pass all inner products.")
    labels = as_labels(labels, n, n_classes, gram.device)
    n_classes = int(labels.max()) + 1 if n_classes is None else n_classes
    averages = ClassMoments.of(gram, labels, n_classes)
    toward = averages.centred_means()  # <m_c, x_i>
    toward = toward - ClassMoments.of(toward.mT, labels, n_classes).global_mean()[:, None]  # <m_c, x_i - mu_G>
    between = ClassMoments.of(toward.mT, labels, n_classes).means  # <m_c, m_c'>
    excess = gram.diagonal().double() - averages.means[labels, torch.arange(n, device=gram.device)]
    traces = excess.new_zeros(n_classes).index_add_(0, labels, excess)  # sum over the class of ||x_i - mu_c||^2

    scale = float(averages.means.abs().max())
    epsilon = torch.finfo(gram.dtype if gram.is_floating_point() else torch.float64).eps
    squares, vectors = torch.linalg.eigh((between + between.mT) / 2)
    worst = max(-float(squares[0]), -float((traces / averages.counts).min()), float((between - between.mT).max()))
    if worst > math.sqrt(epsilon) * scale:
        advice = "Pass inner products of the rows with themselves, such as K = X @ X.T or a kernel matrix."
        raise InputError("a symmetric positive semi-definite Gram matrix", f"a violation by {worst:.1g}", advice)
    kept = torch.nonzero(squares > n_classes * epsilon * scale).flatten()[-(n_classes - 1) :]
    if len(kept) and scale > _OFFSET * float(between.trace()) / n_classes:
        _warn_of_rounding(n * epsilon * scale, float(traces.sum()))
    coordinates = toward.mT @ (vectors[:, kept] / squares[kept].sqrt())
    moments = ClassMoments.of(coordinates, labels, n_classes, scatter=True)
    return coordinates, replace(moments, scatter_traces=traces.clamp(min=0))


def _warn_of_rounding(rounding: float, scatter: float) -> None:
    if rounding > _WARNED * scatter:
        share = f"{rounding / scatter:.1%}" if scatter > 0 else "all"
        warnings.warn(
            f"rounding of the Gram matrix can be {share} of the scatter within classes, and of NC1. "
            "Centre the features before taking inner products, or measure the features themselves.",
            PrecisionWarning,
            stacklevel=4,
        )


def isometric_coordinates(gram: Tensor) -> Tensor:
    """Rows (k, k) with the given inner products (k, k), each to the rounding of its own length.

    Examples
    --------
    >>> rows = isometric_coordinates(torch.tensor([[1.0, 3e6], [3e6, 1e13]], dtype=torch.float64))
    >>> bool(torch.isclose(rows[0] @ rows[1], torch.tensor(3e6, dtype=torch.float64)))
    True
    """
    lengths = gram.diagonal().clamp(min=0).sqrt()
    scale = torch.where(lengths > 0, lengths, 1)
    squares, vectors = torch.linalg.eigh(gram / (scale[:, None] * scale))
    rows: Tensor = lengths[:, None] * vectors * squares.clamp(min=0).sqrt()
    return rows
