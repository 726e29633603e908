"""The 8 x 8 digits that ship with scikit-learn."""

from __future__ import annotations

import numpy as np

from agop.datasets.dataset import Dataset

__all__ = ["SPLIT_SEED", "TEST_SAMPLES", "read_digits"]

TEST_SAMPLES = 360
"""Rows of the 1,797 that are kept for testing."""

SPLIT_SEED = 0
"""Seed of the stratified split; fixed, so that results can be compared."""


def read_digits() -> Dataset:
    """Return 1,437 training and 360 test images of 64 gray values 0 .. 16, 10 classes.

    The source has no official split. This one is stratified by class and always the same; both parts
    keep the order of the source.
    """
    from sklearn.datasets import load_digits  # when it is read: the names of the data sets come without scikit-learn
    from sklearn.model_selection import train_test_split

    inputs, labels = load_digits(return_X_y=True)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_SAMPLES, stratify=labels, random_state=SPLIT_SEED
    )
    train, test = np.sort(train), np.sort(test)
    labels = labels.astype(np.int64)
    names = tuple(str(digit) for digit in range(10))
    return Dataset("digits", inputs[train], labels[train], inputs[test], labels[test], names, (1, 8, 8))
