"""Subsets, permuted labels and standardized features."""

from __future__ import annotations

import numpy as np
import pytest

from agop.datasets import Dataset, load, permute_labels, subset
from agop.errors import EmptyClassError, InputError


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def _row_numbers(part, full):
    """Positions of rows; the rows of digits are all different."""
    where = {row.tobytes(): i for i, row in enumerate(full)}
    return [where[row.tobytes()] for row in part]


def test_first_rows_in_file_order_are_copied(digits):
    small = subset(digits, samples=100, test_samples=50)
    np.testing.assert_array_equal(small.train_inputs, digits.train_inputs[:100])
    np.testing.assert_array_equal(small.train_labels, digits.train_labels[:100])
    np.testing.assert_array_equal(small.test_inputs, digits.test_inputs[:50])
    np.testing.assert_array_equal(small.test_labels, digits.test_labels[:50])
    assert not np.shares_memory(small.train_inputs, digits.train_inputs)
    assert not np.shares_memory(small.test_inputs, digits.test_inputs)
    assert small.image_shape == digits.image_shape


def test_none_keeps_all_rows_and_zero_test_rows_are_allowed(digits):
    assert len(subset(digits).train_labels) == len(digits.train_labels)
    assert len(subset(digits, samples=100, test_samples=0).test_inputs) == 0


def test_random_draw_is_without_replacement_seeded_and_nested(digits):
    draw = subset(digits, samples=300, test_samples=40, how="random", seed=3)
    rows = _row_numbers(draw.train_inputs, digits.train_inputs)
    assert rows == sorted(set(rows))
    assert rows != list(range(300))
    np.testing.assert_array_equal(draw.train_labels, digits.train_labels[rows])

    again = subset(digits, samples=600, test_samples=40, how="random", seed=3)
    assert set(rows) <= set(_row_numbers(again.train_inputs, digits.train_inputs))
    np.testing.assert_array_equal(again.test_inputs, draw.test_inputs)

    other = subset(digits, samples=300, test_samples=40, how="random", seed=4)
    assert rows != _row_numbers(other.train_inputs, digits.train_inputs)


@pytest.mark.parametrize("how", ["first", "random"])
def test_more_than_there_are(digits, how):
    with pytest.raises(InputError, match=r"1 .. 1437 training rows of digits, got a wish for 1438"):
        subset(digits, samples=1438, how=how)
    with pytest.raises(InputError, match=r"0 .. 360 test rows of digits, got a wish for 361"):
        subset(digits, test_samples=361, how=how)


def test_bad_requests(digits):
    with pytest.raises(InputError, match="a wish for 0"):
        subset(digits, samples=0)
    with pytest.raises(InputError, match="'first' or 'random', got 'last'"):
        subset(digits, samples=10, how="last")


@pytest.mark.parametrize("how", ["first", "random"])
def test_a_class_ends_up_missing(digits, how):
    with pytest.raises(EmptyClassError, match=r"each of the 10 classes of digits.*Take more samples"):
        subset(digits, samples=5, how=how)


def test_test_part_may_lack_classes(digits):
    assert len(np.unique(subset(digits, samples=100, test_samples=2).test_labels)) <= 2


def test_subset_keeps_notes():
    rows, labels = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])
    data = Dataset("pair", rows, labels, rows, labels, ("a", "b"), notes=("half of it",))
    assert subset(data, samples=2).notes == ("half of it",)


def test_permuted_labels_keep_class_sizes(digits):
    labels = digits.train_labels
    mixed = permute_labels(labels, seed=0)
    assert mixed.dtype == np.int64
    np.testing.assert_array_equal(np.bincount(mixed), np.bincount(labels))
    assert np.mean(mixed == labels) < 0.2
    np.testing.assert_array_equal(permute_labels(labels, seed=0), mixed)
    assert not np.array_equal(permute_labels(labels, seed=1), mixed)


@pytest.mark.parametrize("labels", [np.eye(3, dtype=int), np.array([0.0, 1.0])])
def test_permute_refuses_other_labels(labels):
    with pytest.raises(InputError, match="a vector of integer labels"):
        permute_labels(labels, seed=0)
