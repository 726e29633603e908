"""Codings of class labels as targets, and the size of balanced classes."""

from __future__ import annotations

import torch
from torch import Tensor

from agop.datasets.coding import Coding, coded_targets, require_coding
from agop.errors import InputError
from agop.inputs import ArrayLike, as_labels

__all__ = ["balanced_class_size", "class_targets"]


def class_targets(labels: ArrayLike, n_classes: int, coding: Coding = "one-hot") -> Tensor:
    """Targets Y (n, C), float64, of integer labels (n,).

    "one-hot" has 1 for the class of the sample and 0 elsewhere; "centered" is one-hot minus 1/C, so that rows sum
    to 0; "signed" has +1 and -1.

    Raises
    ------
    InputError
        If the labels are not in 0 .. C-1 or the coding is none of these.

    Examples
    --------
    >>> class_targets(torch.tensor([0, 1]), 2, "centered")
    tensor([[ 0.5000, -0.5000],
            [-0.5000,  0.5000]], dtype=torch.float64)
    """
    require_coding(coding)
    labels = as_labels(labels, len(labels), n_classes, torch.as_tensor(labels).device)
    return coded_targets(labels, n_classes, coding, torch.float64)


def balanced_class_size(labels: Tensor, n_classes: int) -> int:
    """Samples in each class, m = n / C.

    Raises
    ------
    InputError
        If the classes differ in size, or there are fewer than two.

    Examples
    --------
    >>> balanced_class_size(torch.tensor([0, 1, 1, 0]), 2)
    2
    """
    counts = torch.bincount(labels, minlength=n_classes)
    if n_classes < 2 or not len(labels) or counts.min() != counts.max():
        got = f"{n_classes} of {int(counts.min())} to {int(counts.max())} samples"
        raise InputError("two or more classes of one size", got, "Take the same number of samples from each class.")
    return int(counts[0])
