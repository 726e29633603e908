"""Targets of regression and classification as float matrices, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from torch import Tensor

from agop.datasets import Coding, coded_targets
from agop.errors import InputError
from agop.estimator.arrays import as_array, like
from agop.inputs import all_finite
from agop.storable import storable

__all__ = ["Classes", "check_regression_targets", "probabilities"]

_SMALLEST = 1e-25
"""Size of targets whose residuals are numbers in float32 too."""


def check_regression_targets(y: Any, features: Tensor) -> Tensor:
    """Targets (n, C) in the dtype and on the device of ``features``; (n,) becomes (n, 1).

    Raises
    ------
    InputError
        If targets are missing, not numbers, not finite, far too small or large, or of another length.
    """
    if y is None:
        raise InputError("targets y", "None", "This estimator requires y to be passed, but the target y is None.")
    if not isinstance(y, Tensor):
        try:
            array = np.asarray(y)
            y = torch.from_numpy(array.astype(array.dtype if array.dtype.kind == "c" else np.float64))
        except (TypeError, ValueError) as error:
            raise InputError("numeric targets", str(error), "Encode them, or use a classifier.") from error
    if y.is_complex():
        raise InputError("real targets", "complex ones", "Pass real and imaginary parts as two outputs.")
    targets: Tensor = y.detach().to(features.device, features.dtype)
    if targets.ndim not in (1, 2) or len(targets) != len(features) or not targets.numel():
        raise InputError(
            f"{len(features)} targets, (n,) or (n, C)", f"shape {tuple(targets.shape)}", "Pass one row a sample."
        )
    if not all_finite(targets):
        raise InputError("finite targets", "NaN or infinity in y", "Remove those samples.")
    largest = float(targets.abs().max())
    if largest and not _SMALLEST <= largest <= 1 / _SMALLEST:
        got, advice = f"{largest:.3g} as the largest", "Scale them: fits begin in float32."
        raise InputError(f"targets of a size from {_SMALLEST:g} to {1 / _SMALLEST:g}", got, advice)
    return targets.reshape(len(targets), -1)


@storable
@dataclass(frozen=True)
class Classes:
    """The classes of a classifier, and the coding of labels as targets.

    Attributes
    ----------
    labels
        (C,) sorted distinct labels, of any kind.
    codes
        (n,) index of the label of each training sample with positive weight.
    """

    labels: NDArray[Any]
    codes: Tensor

    @classmethod
    def of(cls, y: Any, features: Tensor, weights: Tensor) -> Classes:
        """Classes of labels y (n,) of any kind, those of samples without weight left out.

        Raises
        ------
        ValueError
            If labels are missing, continuous, one-hot, of another length, or of a single class.
        """
        if y is None:
            raise InputError("labels y", "None", "This estimator requires y to be passed, but the target y is None.")
        if getattr(y, "ndim", 1) == 2 and y.shape[1] > 1:
            raise InputError("labels (n,)", f"shape {tuple(y.shape)}", "Pass y.argmax(1) for one-hot labels.")
        array = column_or_1d(as_array(y), warn=True)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError("finite labels", "NaN or infinity in y", "Remove those samples, or name their class.")
        check_classification_targets(array)
        if len(array) != len(features):
            raise InputError(f"{len(features)} labels", str(len(array)), "Pass one label a sample.")
        labels, codes = np.unique(array[as_array(weights > 0)], return_inverse=True)
        if len(labels) < 2:
            raise InputError("2 or more classes", "1 class", "A classifier needs samples of another class.")
        return cls(labels, torch.from_numpy(codes).to(features.device))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def majority(self) -> float:
        """Share of the samples that are of the most frequent class."""
        return float(self.codes.bincount().max()) / len(self.codes)

    def encode(self, coding: Coding, like: Tensor) -> Tensor:
        """Targets (n, C) by a coding, in the data type and on the device of ``like``."""
        return coded_targets(self.codes, len(self), coding, like.dtype).to(like)

    def weights(self, class_weight: Mapping[Any, float] | Literal["balanced"] | None) -> Tensor:
        """Weights (C,) of the classes, float64: as given, inverse to their sizes, or ones.

        Raises
        ------
        ValueError
            If they are not one of these three, or not positive.
        """
        labels = self.labels[as_array(self.codes)]
        weights = torch.from_numpy(compute_class_weight(class_weight, classes=self.labels, y=labels)).double()
        if not (weights > 0).all() or not all_finite(weights):
            raise InputError("positive class weights", str(weights.tolist()), "Leave samples of a class out instead.")
        return weights

    def codes_of(self, y: Any) -> Tensor:
        """Index (n,) of the class of each label y, -1 for labels that are none of them."""
        labels = np.asarray(as_array(y)).ravel()
        codes = np.searchsorted(self.labels, labels).clip(max=len(self) - 1)
        return torch.from_numpy(np.where(self.labels[codes] == labels, codes, -1))

    def decode(self, codes: Tensor, X: Any) -> Any:
        """Labels of class indices: a tensor if X is one and the labels are numbers, else an array."""
        labels = self.labels[as_array(codes)]
        return like(torch.from_numpy(labels), X) if labels.dtype.kind in "biuf" else labels


def probabilities(estimates: Tensor) -> Tensor:
    """Least-squares estimates (n, C) of class probabilities, clipped to [1e-6, 1 - 1e-6], with row sums 1.

    Examples
    --------
    >>> probabilities(torch.tensor([[0.5, 1.5, -0.5]]))
    tensor([[3.3333e-01, 6.6667e-01, 6.6667e-07]])
    """
    positive = estimates.clamp(1e-6, 1 - 1e-6)
    return positive / positive.sum(1, keepdim=True)
