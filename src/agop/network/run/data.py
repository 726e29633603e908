"""Batches to measure: of a data set, or of a loader of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from agop.datasets import Dataset, Standardization, standardized_inputs
from agop.errors import InputError
from agop.network.capture.checks import check_loader
from agop.network.factory import current_directory, function_of

__all__ = ["checked_rows", "dataset_batches", "loader_of"]


def checked_rows(dataset: Dataset, test: bool, samples: int | None) -> int:
    """Number of training or test rows to measure; InputError if there are not as many."""
    there = len(dataset.test_labels if test else dataset.train_labels)
    count = there if samples is None else samples
    if not 1 <= count <= there:
        expected = f"1 .. {there} {'test' if test else 'training'} rows of {dataset.name}"
        raise InputError(expected, f"a wish for {count}", "Ask for a number in that range.")
    return count


def dataset_batches(
    dataset: Dataset, test: bool, rows: range, standardization: Standardization, images: bool, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of a data set as float64, standardized by all training rows, with their labels.

    Raises
    ------
    InputError
        If images are asked for and the rows are none.
    """
    if images and dataset.image_shape is None:
        raise InputError(f"images in {dataset.name}", "rows that are none", "Leave the inputs as flat rows.")
    wanted = slice(rows.start, rows.stop, rows.step)
    inputs = torch.from_numpy(standardized_inputs(dataset, standardization)[test][wanted])
    labels = torch.from_numpy((dataset.test_labels if test else dataset.train_labels)[wanted])
    if images:
        inputs = inputs.reshape(-1, *dataset.image_shape)  # type: ignore[misc]
    for start in range(0, len(rows), batch_size):
        yield inputs[start : start + batch_size], labels[start : start + batch_size]


def loader_of(reference: str) -> Iterable[Any]:
    """Call MODULE:LOADER, a function without arguments that returns batches, the same ones each time.

    Raises
    ------
    InputError
        If there is no such function, or it returns something that is no loader, or that can be iterated once only.
    """
    with current_directory():
        loader: Iterable[Any] = function_of(reference, "a data set or a loader as MODULE:LOADER")()
    check_loader(loader)
    return loader
