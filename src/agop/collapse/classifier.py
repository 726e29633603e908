"""The last linear layer of a network, checked and in float64."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.errors import InputError
from agop.inputs import ArrayLike, as_matrix, require_finite
from agop.moments import ClassMoments

__all__ = ["LinearClassifier"]


@dataclass(frozen=True, slots=True, eq=False)
class LinearClassifier:
    r"""Scores :math:`\langle w_c, h \rangle + b_c` of C classes.

    Attributes
    ----------
    weight
        (C, d) float64.
    bias
        (C,) float64.

    Examples
    --------
    >>> moments = ClassMoments.of(torch.eye(2), torch.arange(2), 2)
    >>> classifier = LinearClassifier.of(torch.eye(2), torch.tensor([0.5, 0.0]), like=moments)
    >>> classifier.scores(torch.ones(2, dtype=torch.float64))
    tensor([1.5000, 1.0000], dtype=torch.float64)
    """

    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, weight: ArrayLike, bias: ArrayLike | None, *, like: ClassMoments) -> LinearClassifier:
        """Classifier on the features of the moments ``like``, with a bias of zero if None.

        Raises
        ------
        InputError
            If the weight is not a finite (C, d) matrix, or the bias not a finite vector (C,).
        """
        n_classes, n_features = like.means.shape
        checked = as_matrix(weight, "weight", n_rows=n_classes, n_columns=n_features).to(like.means)
        require_finite(checked, "weight")
        if bias is None:
            return cls(checked, checked.new_zeros(n_classes))
        offsets = torch.as_tensor(bias).detach().to(like.means)
        if offsets.shape != (n_classes,):
            got = f"shape {tuple(offsets.shape)}"
            raise InputError(f"bias of shape ({n_classes},)", got, "Pass the bias of the linear layer.")
        require_finite(offsets, "bias")
        return cls(checked, offsets)

    def scores(self, features: Tensor) -> Tensor:
        """Scores (..., C) of float64 features (..., d)."""
        return features @ self.weight.mT + self.bias
