"""Small problems that the tests of the estimators share."""

from __future__ import annotations

import numpy as np
import pytest
import torch


@pytest.fixture
def blobs():
    """Three overlapping classes in five dimensions, (90, 5) and labels 0, 1, 2, and 40 new rows with labels."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(130) % 3)
    centers = 2 * rng.standard_normal((3, 5))
    rows = centers[labels] + rng.standard_normal((130, 5))
    return rows[:90], labels[:90], rows[90:], labels[90:]


@pytest.fixture
def surface():
    """A smooth function of two out of five features, (80, 5), and 40 new rows."""
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((120, 5))
    values = np.sin(rows[:, 0]) + rows[:, 1] ** 2
    return rows[:80], values[:80], rows[80:], values[80:]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Matrices this small are not worth a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
