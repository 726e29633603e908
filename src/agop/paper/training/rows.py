"""The rows that a network learns from, and their order in every epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from agop.datasets import Dataset, permute_labels, standardized_inputs, subset
from agop.paper.training.settings import TrainSettings

__all__ = ["TrainingRows", "input_shape", "training_rows"]

_ROWS = 512
"""Rows a batch where nothing is learned from it."""


@dataclass(frozen=True)
class TrainingRows:
    """Standardized inputs (n, ...) and labels (n,) on the device of the training.

    Examples
    --------
    >>> rows = TrainingRows(torch.arange(5.0)[:, None], torch.arange(5))
    >>> [len(labels) for _, labels in rows.steps(2, seed=0, epoch=1)], len(rows.batches(3)[0][1])
    ([2, 3], 3)
    """

    inputs: Tensor
    labels: Tensor

    def batches(self, count: int | None = None) -> list[tuple[Tensor, Tensor]]:
        """The first rows, or all, in their order."""
        return list(zip(*(torch.split(rows[:count], _ROWS) for rows in (self.inputs, self.labels)), strict=True))

    def steps(self, size: int, seed: int, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All rows in an order that depends on seed and epoch alone, ``size`` at a time.

        A last row alone, which BatchNorm cannot use, joins the step before.
        """
        count = len(self.labels)
        order = torch.from_numpy(np.random.default_rng((seed, epoch)).permutation(count)).to(self.labels.device)
        for rows in order.tensor_split(list(range(size, count - (size > 1), size))):
            yield self.inputs[rows], self.labels[rows]


def training_rows(
    settings: TrainSettings, dataset: Dataset, seed: int, device: torch.device
) -> tuple[TrainingRows, TrainingRows]:
    """Training and test rows of a seed, float32, standardized by the training rows."""
    part = subset(dataset, settings.samples, settings.test_samples, settings.subset, seed)
    labels = permute_labels(part.train_labels, seed) if settings.permute_labels else part.train_labels
    found = []
    inputs = standardized_inputs(part, settings.standardize)
    for rows, codes in zip(inputs, (labels, part.test_labels), strict=True):
        images = torch.from_numpy(rows).float().reshape(-1, *input_shape(dataset))
        found.append(TrainingRows(images.to(device), torch.from_numpy(codes).to(device)))
    return found[0], found[1]


def input_shape(dataset: Dataset) -> tuple[int, ...]:
    """Shape of one input: (channels, height, width), or (d,) for rows that are no images."""
    return dataset.image_shape or dataset.train_inputs.shape[1:]
