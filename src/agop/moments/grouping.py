"""Rows by their class, found once on the host, so that reading features waits for no device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Grouping"]


@dataclass(frozen=True, eq=False)
class Grouping:
    """The classes that occur among n rows, and which rows are theirs.

    Attributes
    ----------
    classes
        (C,) labels that occur, ascending, on the host.
    index
        (n,) position in ``classes`` of the class of each row, on the device of the rows.
    counts
        (C,) int64, number of rows of each class.
    first
        (C,) first row of each class.

    Examples
    --------
    >>> grouping = Grouping.of(np.array([7, 3, 7]), torch.device("cpu"))
    >>> grouping.classes.tolist(), grouping.index.tolist(), grouping.counts.tolist(), grouping.first.tolist()
    ([3, 7], [1, 0, 1], [1, 2], [1, 0])
    """

    classes: NDArray[np.int64]
    index: Tensor
    counts: Tensor
    first: Tensor

    @classmethod
    def of(cls, labels: NDArray[np.int64], device: torch.device) -> Grouping:
        """Group rows by their labels (n,), which are on the host; what reading needs goes to the device in one copy."""
        classes, first, index, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
        n, size = len(labels), len(classes)
        packed = torch.from_numpy(np.concatenate([index.reshape(-1), counts, first]).astype(np.int64)).to(device)
        return cls(classes, packed[:n], packed[n : n + size], packed[n + size :])
