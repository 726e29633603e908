"""Features seen about their class means."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.moments import ClassMoments
from agop.network.passes.looks import StageView


@pytest.mark.parametrize("gap", [1.0, 1e-3, 1e-7])
def test_nearest_class_means(gap):
    """Two of three classes are a gap apart, far from the third one, and rows lie about them by as much."""
    generator = np.random.default_rng(0)
    means = np.array([[0.0, 0, 0], [gap, 0, 0], [3, 4, 1]])
    index = generator.integers(0, 3, 60)
    offsets = gap * generator.standard_normal((60, 4, 3))
    rows = means[index][:, None] + offsets
    nearest = np.linalg.norm(rows[:, :, None] - means, axis=3).argmin(2)
    decisions = generator.integers(0, 3, 60)
    view = StageView.of(ClassMoments(torch.tensor([4, 4, 4]), torch.from_numpy(means), None))
    points = view.project(torch.from_numpy(offsets))
    found = view.agreements(points, torch.from_numpy(index), torch.from_numpy(decisions))
    assert int(found) == (nearest == decisions[:, None]).sum()
