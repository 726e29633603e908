"""A Dataset cannot hold labels or shapes that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from agop.datasets import Dataset
from agop.errors import EmptyClassError, InputError

ROWS, LABELS = np.zeros((4, 6)), np.array([0, 1, 2, 1])


def _dataset(**changes):
    fields = {
        "name": "tiny",
        "train_inputs": ROWS,
        "train_labels": LABELS,
        "test_inputs": ROWS[:2],
        "test_labels": LABELS[:2],
        "class_names": ("a", "b", "c"),
        "image_shape": (1, 2, 3),
    }
    return Dataset(**(fields | changes))


def test_good():
    assert _dataset().n_classes == 3
    assert _dataset(image_shape=None).image_shape is None
    assert len(_dataset(test_inputs=ROWS[:0], test_labels=LABELS[:0]).test_inputs) == 0


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"train_inputs": ROWS.astype(np.float32)}, "training inputs of tiny as a float64 matrix"),
        ({"train_inputs": ROWS[:, :, None]}, "training inputs of tiny as a float64 matrix"),
        ({"test_inputs": ROWS[:2, :5]}, "one size, got 6 and 5 features"),
        ({"image_shape": (1, 2, 2)}, r"image shape \(1, 2, 2\)"),
        ({"train_labels": LABELS[:3]}, "one int64 label for each of the 4 training rows"),
        ({"train_labels": LABELS.astype(float)}, r"got float64 of shape \(4,\)"),
        ({"test_labels": np.eye(2, dtype=np.int64)}, "one-hot rows become indices"),
        ({"train_labels": LABELS + 1}, r"labels of tiny in 0 .. 2, got 1 .. 3"),
        ({"test_labels": LABELS[:2] - 1}, r"test labels of tiny in 0 .. 2, got -1 .. 0"),
    ],
)
def test_bad(changes, match):
    with pytest.raises(InputError, match=match):
        _dataset(**changes)


def test_class_without_training_samples():
    with pytest.raises(EmptyClassError, match="each of the 3 classes of tiny, got none of b"):
        _dataset(train_labels=np.array([0, 2, 2, 0]))
