"""The data set that trainings are tested on."""

from __future__ import annotations

import numpy as np
import pytest

from agop.datasets import Dataset


@pytest.fixture(scope="module")
def toy():
    """Three classes of 12, 16 and 8 training images of 2 x 3 x 3."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1, 2, 0, 1, 2], [12, 16, 8, 6, 7, 7]))
    inputs = 1.2 * rng.standard_normal((3, 18))[labels] + rng.standard_normal((56, 18))
    train, test = np.arange(36), np.arange(36, 56)
    classes = ("a", "b", "c")
    return Dataset("toy", inputs[train], labels[train], inputs[test], labels[test], classes, (2, 3, 3), ("a note",))
