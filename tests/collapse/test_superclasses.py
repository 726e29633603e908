"""Superclasses of class means, against their definitions."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from agop.collapse import Superclasses, nc1_trace_ratio, superclass_moments, superclass_structure
from agop.errors import InputError, UndefinedMeasureError
from agop.moments import ClassMoments
from sampling import is_share


def features(n=60, d=4, n_classes=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % n_classes
    return torch.randn(n_classes, d, generator=generator)[y] + 0.3 * torch.randn(n, d, generator=generator) + 2, y


def slow_structure(means, groups):
    """One minus the adjusted share within the groups, over loops."""
    means = means - means.mean(0)
    total = sum(float(row @ row) for row in means)
    within = 0.0
    for group in set(groups):
        rows = [means[c] for c in range(len(means)) if groups[c] == group]
        center = sum(rows) / len(rows)
        within += sum(float((row - center) @ (row - center)) for row in rows)
    n_classes, n_groups = len(means), len(set(groups))
    return 1 - (within / (n_classes - n_groups)) / (total / (n_classes - 1))


def test_moments_by_superclass_are_those_of_the_samples():
    x, y = features()
    groups = [0, 1, 1, 2, 0, 0]
    found = superclass_moments(ClassMoments.of(x, y, 6), groups)
    expected = ClassMoments.of(x, torch.tensor(groups)[y], 3)
    assert torch.equal(found.counts, expected.counts)
    torch.testing.assert_close(found.means, expected.means)
    torch.testing.assert_close(found.scatter_traces, expected.scatter_traces)


@pytest.mark.parametrize("groups", [[0, 1, 1, 2, 0, 0], [0, 0, 0, 1, 1, 1], [0, 1, 2, 3, 4, 0]])
def test_structure(groups):
    x, y = features()
    moments = ClassMoments.of(x, y, 6)
    assert superclass_structure(moments, groups) == pytest.approx(slow_structure(moments.means.numpy(), groups))


def test_random_groupings_have_none_on_average():
    x, y = features(n_classes=5)
    moments = ClassMoments.of(x, y, 5)
    found = [superclass_structure(moments, list(groups)) for groups in set(permutations([0, 0, 1, 1, 1]))]
    assert np.mean(found) == pytest.approx(0, abs=1e-12)


def test_ends_of_the_scale():
    frame = torch.eye(6)
    assert superclass_structure(ClassMoments.of(frame, torch.arange(6), 6), [0, 0, 1, 1, 2, 2]) == pytest.approx(0)
    joined = torch.eye(3).repeat_interleave(2, 0)
    assert superclass_structure(ClassMoments.of(joined, torch.arange(6), 6), [0, 0, 1, 1, 2, 2]) == pytest.approx(1)
    assert superclass_structure(ClassMoments.of(joined, torch.arange(6), 6), [0, 1, 2, 0, 1, 2]) < 0


def test_chance_tells_planted_groups_from_any():
    generator = torch.Generator().manual_seed(0)
    groups = [0, 1] * 5
    planted = torch.randn(2, 8, generator=generator)[groups] + 0.2 * torch.randn(10, 8, generator=generator)
    x, y = planted.repeat(3, 1), torch.arange(30) % 10
    found = Superclasses.of(ClassMoments.of(x, y, 10), groups)
    assert found.chance <= 0.02
    assert found.structure > 0.5
    assert found.nc1 == nc1_trace_ratio(superclass_moments(ClassMoments.of(x, y, 10), groups))
    assert Superclasses.of(ClassMoments.of(x, y, 10), [0] * 5 + [1] * 5).chance > 0.2
    assert Superclasses.of(ClassMoments.of(torch.eye(10), torch.arange(10), 10), groups).chance == 1


def test_chance_is_uniform_without_any_structure():
    """Of noise, one in ten groupings is among the tenth with the most structure."""
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(20) % 10
    found = [
        Superclasses.of(ClassMoments.of(torch.randn(20, 5, generator=generator), y, 10), [0, 1] * 5).chance
        for _ in range(150)
    ]
    assert is_share(sum(chance <= 0.1 for chance in found), 150, 0.1)


@pytest.mark.parametrize("groups", [[0, 0, 0], [0, 1, 2], [0, 1], [0, 2, 2], [0.0, 1.0, 1.0]])
def test_groupings_that_are_none(groups):
    with pytest.raises(InputError, match="superclass"):
        superclass_structure(ClassMoments.of(torch.eye(3), torch.arange(3), 3), groups)


def test_equal_means_have_no_structure():
    with pytest.raises(UndefinedMeasureError):
        superclass_structure(ClassMoments.of(torch.ones(3, 2), torch.arange(3), 3), [0, 0, 1])
