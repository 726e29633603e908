"""Class-sorted Gram matrices against loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from agop.deep_rfm import class_sorted_gram
from agop.errors import EmptyClassError

RNG = np.random.default_rng(0)
LABELS = np.array([2, 0, 1, 1, 0, 2, 2, 0, 2, 2])
X = RNG.standard_normal((10, 4)) + 3 * LABELS[:, None]


def oracle(rows, labels, per_class):
    means = [rows[labels == c].mean(0) for c in sorted(set(labels.tolist()))]
    center = sum(means) / len(means)
    order = [i for c in sorted(set(labels.tolist())) for i in np.flatnonzero(labels == c)[:per_class]]
    gram = np.zeros((len(order), len(order)))
    for i, a in enumerate(order):
        for j, b in enumerate(order):
            u, v = rows[a] - center, rows[b] - center
            gram[i, j] = math.fsum(u * v) / math.sqrt(math.fsum(u * u) * math.fsum(v * v))
    return gram


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("per_class", [1, 2, 20])
def test_sorted_by_class_and_centered_by_the_mean_of_class_means(per_class, dtype):
    found = class_sorted_gram(torch.tensor(X, dtype=dtype), torch.tensor(LABELS), 3, per_class)
    expected = oracle(X.astype(str(dtype).removeprefix("torch.")).astype(float), LABELS, per_class)
    assert found.dtype == torch.float64
    assert len(found) == {1: 3, 2: 6, 20: 10}[per_class]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_collapsed_classes_are_blocks_of_ones():
    points = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    gram = class_sorted_gram(torch.tensor(points[LABELS] + 100), torch.tensor(LABELS), 3).numpy()
    blocks = np.sort(LABELS)[:, None] == np.sort(LABELS)
    np.testing.assert_allclose(gram, np.where(blocks, 1, -0.5), rtol=0, atol=1e-10)


def test_a_row_at_the_center_has_no_direction():
    rows = torch.tensor([[-1.0, 0], [1.0, 0], [0.0, 0]])
    gram = class_sorted_gram(torch.cat([rows, -rows]), torch.tensor([0, 0, 0, 1, 1, 1]), 2)
    assert torch.isfinite(gram).all()
    assert gram[2].abs().max() == 0


def test_missing_class():
    with pytest.raises(EmptyClassError, match="none of class 3"):
        class_sorted_gram(torch.tensor(X), torch.tensor(LABELS), 4)


def test_large_classes_do_not_move_the_center():
    rows, labels = torch.tensor([[1.75], [1.0], [1.0], [0.25], [-1.0]]), torch.tensor([0, 0, 0, 0, 1])
    gram = class_sorted_gram(rows, labels, 2)  # the center is 0, the mean of the rows 0.6
    np.testing.assert_array_equal(gram[3], [1, 1, 1, 1, -1])
