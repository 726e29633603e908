"""Rows of a data set as tensors with their labels, as a run asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.datasets.dataset import Dataset
from agop.datasets.standardize import Standardization, standardized_inputs
from agop.datasets.subset import permute_labels, subset

__all__ = ["LabeledRows", "RowSettings"]


class RowSettings(Protocol):
    """Settings of a run that say which rows it takes, and as what tensors."""

    @property
    def samples(self) -> int | None:
        """Training rows; all if None."""

    @property
    def test_samples(self) -> int | None:
        """Test rows; all if None."""

    @property
    def subset(self) -> Literal["first", "random"]:
        """Which rows."""

    @property
    def permute_labels(self) -> bool:
        """Whether the relation of inputs and labels is broken."""

    def torch_dtype(self) -> torch.dtype:
        """Data type of the inputs."""

    def torch_device(self) -> torch.device:
        """Device of the tensors."""


@dataclass(frozen=True, eq=False)
class LabeledRows:
    """Rows that are fitted, and those that are held out.

    Attributes
    ----------
    inputs
        Training inputs (n, d), standardized.
    labels
        (n,) their classes, permuted where the settings say so.
    n_classes
        Number of classes C.
    test
        Test inputs (m, d), standardized in the same way, and their classes (m,); None if there are none.

    Examples
    --------
    >>> from agop.datasets import load
    >>> from agop.deep_rfm import DeepRFMSettings
    >>> rows = LabeledRows.of(load("digits"), DeepRFMSettings(samples=100, test_samples=50), 0, "feature")
    >>> rows.inputs.shape, rows.labels.shape, rows.test[0].shape
    (torch.Size([100, 64]), torch.Size([100]), torch.Size([50, 64]))
    """

    inputs: Tensor
    labels: Tensor
    n_classes: int
    test: tuple[Tensor, Tensor] | None

    @classmethod
    def of(cls, dataset: Dataset, settings: RowSettings, seed: int, standardization: Standardization) -> Self:
        """Rows of a data set by the settings of a run.

        Parameters
        ----------
        dataset
            The data set.
        settings
            Which rows, whether their labels are permuted, data type and device.
        seed
            Seed of random rows and of a permutation.
        standardization
            What pixels share a mean and a deviation: one "feature", or all of a "channel".

        Raises
        ------
        InputError
            If the data set has not so many rows, or as :func:`agop.datasets.standardize`.
        """
        part = subset(dataset, settings.samples, settings.test_samples, settings.subset, seed)
        labels = permute_labels(part.train_labels, seed) if settings.permute_labels else part.train_labels
        device, dtype = settings.torch_device(), settings.torch_dtype()

        def rows(inputs: NDArray[np.float64]) -> Tensor:
            return torch.from_numpy(inputs).to(device, dtype)

        def classes(codes: NDArray[np.int64]) -> Tensor:
            return torch.from_numpy(codes).to(device)

        train, test = standardized_inputs(part, standardization)
        held_out = (rows(test), classes(part.test_labels)) if len(test) else None
        return cls(rows(train), classes(labels), part.n_classes, held_out)
