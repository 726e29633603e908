"""Measures over pairs of classes: the same numbers however many blocks the pairs take, and no array of all pairs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from agop import collapse
from agop.chunks import BLOCK
from agop.collapse import Collapse
from agop.collapse.projected import ProjectedMoments
from agop.collapse.projection import BetweenProjection
from agop.errors import UndefinedMeasureError
from agop.moments import ClassMoments
from oracles import collapse as oracle

LONG = np.longdouble


def moments_of(means, traces=None):
    n = len(means)
    traces = torch.ones(n) if traces is None else torch.as_tensor(traces)
    counts = torch.full((n,), 2)
    return ClassMoments(counts, torch.as_tensor(np.asarray(means, float)), traces.double())


def all_pairs(means, traces, weight):
    """Every measure over pairs, from arrays over all of them in extended precision."""
    n = len(means)
    m = means.astype(LONG) - means.astype(LONG).mean(0)
    u = m / np.sqrt((m**2).sum(1, keepdims=True))
    i, j = np.triu_indices(n, 1)
    v = traces.astype(LONG) / 2
    excess = np.concatenate([(u[a] * u[a + 1 :]).sum(1) for a in range(n)]) + LONG(1) / (n - 1)
    squares = np.concatenate([((m[a] - m[a + 1 :]) ** 2).sum(1) for a in range(n)])
    logs = -np.log(np.concatenate([((u[a] - u[a + 1 :]) ** 2).sum(1) for a in range(n)])) / 2
    simplex = (np.eye(n, dtype=LONG) - LONG(1) / n) / np.sqrt(LONG(n - 1))

    def to_simplex(left):
        products = np.stack([(row * m).sum(1) for row in left])
        return np.sqrt(((products / np.sqrt((products**2).sum()) - simplex) ** 2).sum())

    return {
        "nc1_cdnv": ((v[i] + v[j]) / (2 * squares)).mean(),
        "nc2_gram_mse": 2 * (excess**2).sum() / n**2,
        "nc2_etf_error": to_simplex(m),
        "nc2_equiangularity": np.abs(excess).mean(),
        "nc2_angle_spread": np.sqrt(((excess - excess.mean()) ** 2).mean()),
        "gnc2_variance": ((logs - logs.mean()) ** 2).mean(),
        "gnc2_mean": logs.mean(),
        "nc3_etf_error": to_simplex(weight.astype(LONG)),
    }


def assert_all_pairs(means, rel):
    generator = np.random.default_rng(1)
    traces, weight = generator.uniform(0.5, 2, size=len(means)), generator.normal(size=means.shape)
    found = Collapse.from_passes(moments_of(means, traces), None, weight)
    for name, value in all_pairs(means, traces, weight).items():
        assert found.values[name] == pytest.approx(float(value), rel=rel, abs=0), name


@pytest.mark.parametrize(
    ("n_classes", "d"),
    [(BLOCK + 1, 40), (2 * BLOCK + 3, 3), (300, 290), (300, 149), (300, 150), (5, 2)],
    ids=["block of one row", "three blocks", "wide", "rank below half", "rank half", "few"],
)
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_all_pairs_whatever_the_blocks(n_classes, d, offset):
    means = np.random.default_rng(0).normal(size=(n_classes, d)) + offset
    assert_all_pairs(means, rel=1e-10 if offset else 1e-12)


@pytest.mark.parametrize("distance", [1e-2, 1e-5, 1e-8])
def test_classes_that_nearly_coincide_keep_their_digits(distance):
    generator = np.random.default_rng(0)
    means = generator.normal(size=(300, 24))
    means[100:150] = means[:50] + distance * generator.normal(size=(50, 24))
    assert_all_pairs(means, rel=1e-7 if distance < 1e-6 else 1e-10)


def test_the_first_of_the_pairs_that_coincide_is_named():
    means = np.random.default_rng(0).normal(size=(2 * BLOCK + 5, 3))
    means[-2], means[BLOCK + 7] = means[3], means[BLOCK + 6]
    with pytest.raises(UndefinedMeasureError, match=f"equal ones of classes 3 and {2 * BLOCK + 3}"):
        collapse.nc1_cdnv(moments_of(means))
    means[3] = 1.0
    with pytest.raises(UndefinedMeasureError, match=f"equal ones of classes {BLOCK + 6} and {BLOCK + 7}"):
        collapse.nc1_cdnv(moments_of(means))


@pytest.mark.parametrize(("noise", "rel"), [(1e-3, 1e-12), (1e-5, 1e-10), (1e-9, 1e-6)])
@pytest.mark.parametrize("name", ["nc2_gram_mse", "nc2_etf_error", "nc2_equiangularity", "gnc2_variance"])
def test_small_errors_of_a_simplex(name, noise, rel):
    """What float64 holds: entries are rounded at 1e-16, so that an error of 1e-9 has some seven digits."""
    generator = np.random.default_rng(0)
    x = np.eye(8, 20) + noise * generator.normal(size=(8, 20))
    labels = np.arange(8)
    expected = getattr(oracle, name)(x, labels, 8)
    size = np.sqrt(expected) if name in ("nc2_gram_mse", "gnc2_variance") else expected
    assert 0.1 * noise < size < 20 * noise
    found = collapse.MEASURES[name].function(ClassMoments.of(x, labels, 8))
    assert found == pytest.approx(expected, rel=rel, abs=0)


@pytest.mark.parametrize("noise", [1e-4, 1e-9])
def test_small_errors_of_self_duality(noise):
    generator = np.random.default_rng(0)
    x, labels = np.eye(6, 9), np.arange(6)
    weight = x + noise * generator.normal(size=(6, 9))
    expected = oracle.nc3_etf_error(x, labels, weight)
    assert 0.1 * noise < expected < 10 * noise
    moments = ClassMoments.of(x, labels, 6)
    assert collapse.nc3_etf_error(moments, weight) == pytest.approx(expected, rel=1e-6, abs=0)


def test_opposite_of_a_simplex_is_farthest():
    moments = ClassMoments.of(torch.eye(4), torch.arange(4), 4)
    assert collapse.nc3_etf_error(moments, -torch.eye(4)) == pytest.approx(2.0, rel=1e-12)


def test_weight_that_sees_no_class_mean_among_many_classes():
    """Where the products vanish only by cancellation, in the closed form too."""
    generator = np.random.default_rng(0)
    means, weight = np.zeros((50, 8)), np.zeros((50, 8))
    means[:, :4], weight[:, 4:] = generator.normal(size=(2, 50, 4))
    rotation = np.linalg.qr(generator.normal(size=(8, 8)))[0]
    with pytest.raises(UndefinedMeasureError, match="orthogonal to all"):
        collapse.nc3_etf_error(moments_of(means @ rotation), weight @ rotation)


class Watch(TorchDispatchMode):
    """Count operations, and find the largest tensor that one of them makes."""

    def __init__(self):
        super().__init__()
        self.operations, self.largest = Counter(), 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.operations[function.overloadpacket.__name__] += 1
        for made in result if isinstance(result, tuple | list) else (result,):
            if isinstance(made, torch.Tensor):
                self.largest = max(self.largest, made.numel())
        return result


def test_no_array_over_all_pairs():
    n_classes, d = 3 * BLOCK + 1, 8
    generator = torch.Generator().manual_seed(0)
    means, weight = torch.randn(2, n_classes, d, generator=generator, dtype=torch.float64)
    with Watch() as watch:
        found = Collapse.from_passes(moments_of(means), None, weight, means[:1])
    assert not found.undefined
    assert watch.largest <= BLOCK**2


def test_a_stage_waits_for_its_device_a_few_times():
    """Each measure needs one number; what they share is asked for once, and no shape depends on the data."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(200) % 10
    x = torch.randn(10, 32, generator=generator)[y] + 0.3 * torch.randn(200, 32, generator=generator)
    moments = ClassMoments.of(x, y, 10)
    projected = ProjectedMoments.of(x, y, BetweenProjection.of(moments))
    with Watch() as watch:
        Collapse.from_passes(moments, projected)
    assert watch.operations["_local_scalar_dense"] <= 22
    assert not watch.operations["nonzero"]
    assert sum(watch.operations.values()) <= 150
