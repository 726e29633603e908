"""Equal rows, and an order of distinct ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.rfm.distinct import distinct_rows, lexicographic_order


def test_rows_that_differ_in_the_last_bit_stay_apart():
    x = torch.tensor([[1.0], [np.nextafter(np.float32(1), np.float32(2))]], dtype=torch.float32)
    assert len(distinct_rows(x)[0]) == 2


def test_rows_of_a_strided_view():
    x = torch.arange(12.0).reshape(3, 4)[:, ::2]
    assert distinct_rows(torch.cat([x, x]))[0].tolist() == [0, 1, 2]
    assert distinct_rows(torch.tensor([[1.0, 2.0], [1.0, 3.0]])[:, :1])[0].tolist() == [0]


@pytest.mark.parametrize("levels", [2, 3, 1000])
def test_lexicographic_order_against_sorted_lists(levels):
    """With few levels the first entries of most rows are equal."""
    rows = np.unique(np.random.default_rng(0).integers(levels, size=(200, 7)), axis=0).astype(float)
    rows = np.random.default_rng(1).permutation(rows)
    order = lexicographic_order(torch.tensor(rows))
    assert rows[order].tolist() == sorted(rows.tolist())


def test_rows_of_equal_sums_are_told_apart():
    """Permutations of one row, some of them repeated."""
    rows = torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [2.0, 1.0, 3.0], [3.0, 2.0, 1.0]])
    first, group = distinct_rows(rows)
    assert (first.tolist(), group.tolist()) == ([0, 1, 3], [0, 1, 0, 2, 1])
