"""NC4, the classifier decides by the nearest class mean."""

from __future__ import annotations

from agop.collapse.classifier import LinearClassifier
from agop.collapse.geometry import ClassGeometry
from agop.collapse.projection import BetweenProjection
from agop.errors import InputError
from agop.inputs import ArrayLike
from agop.moments import ClassMoments

__all__ = ["nc4_agreement"]


def nc4_agreement(
    moments: ClassMoments | ClassGeometry,
    features: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    max_memory: int | None = None,
) -> float:
    r"""Share of samples on which the classifier and the nearest class mean agree (Papyan, Han & Donoho 2020).

    :math:`\arg\max_c (\langle w_c, h \rangle + b_c) = \arg\min_c \|h - \mu_c\|`, the first class at a tie.
    Which mean is nearest is decided in the span of the class means, from accurate distances.

    Parameters
    ----------
    moments
        Moments of the training features, whose class means :math:`\mu_c` are used.
    features
        (n, d), the same ones or those of test samples.
    weight, bias
        (C, d) and (C,) of the linear classifier; no bias if None.
    max_memory
        Bytes for the temporaries of one chunk of rows, 8 MiB if None.

    Returns
    -------
    float
        Share from 0 to 1; 1 for collapsed features.

    Raises
    ------
    EmptyClassError
        If a class has no samples.
    InputError
        If there is one class or no row, or a shape or value is wrong.

    Examples
    --------
    >>> import torch
    >>> x, y = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0], [2.9, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> nc4_agreement(ClassMoments.of(x, y, 2), x, torch.eye(2))
    1.0
    >>> nc4_agreement(ClassMoments.of(x, y, 2), x, torch.eye(2), torch.tensor([2.0, 0.0]))
    0.5
    """
    moments = ClassGeometry.of(moments).moments
    projection = BetweenProjection.of(moments)
    classifier = LinearClassifier.of(weight, bias, like=moments)
    n_rows = agreements = 0
    for rows, points, scores in projection.chunks(features, classifier, max_memory=max_memory):
        assert scores is not None  # noqa: S101
        agreements += projection.agreements(points, scores)
        n_rows = rows.stop
    if not n_rows:
        raise InputError("one or more rows of features", "none", "Pass the features of the samples.")
    return agreements / n_rows
