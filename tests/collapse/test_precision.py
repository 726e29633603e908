"""NC1 keeps its digits when features are almost collapsed, and far from the origin."""

from __future__ import annotations

import pytest
import torch

from agop.collapse import (
    nc1_cdnv,
    nc1_pinv,
    nc1_trace_ratio,
)
from agop.collapse.projected import ProjectedMoments
from agop.collapse.projection import BetweenProjection
from agop.moments import ClassMoments
from oracles import collapse as oracle


def collapsed(spread, offset, dtype, n=90, d=16, n_classes=3):
    """Features whose variance within classes is 1.5 ``spread``^2 times that between them, as rounded to ``dtype``."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(n) % n_classes
    centers = torch.linalg.qr(torch.randn(d, n_classes, generator=generator, dtype=torch.float64)).Q.mT
    x = d**0.5 * centers[y]
    x += spread * torch.randn(n, d, generator=generator, dtype=torch.float64) + offset
    return x.to(dtype), y.numpy(), n_classes


@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("spread", [1e-1, 1e-3, 1e-5, 1e-6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("max_memory", [None, 4000])
def test_nc1_of_almost_collapsed_features(spread, offset, dtype, max_memory):
    features, y, n_classes = collapsed(spread, offset, dtype)
    x = features.double().numpy()
    moments = ClassMoments.of(features, y, n_classes, max_memory=max_memory)
    expected = oracle.nc1_trace_ratio(x, y, n_classes)
    assert nc1_trace_ratio(moments) == pytest.approx(expected, rel=1e-9, abs=0)
    if dtype == torch.float64 or not offset:
        assert expected == pytest.approx(1.5 * spread**2, rel=0.2)  # the data are what the test is about
    assert nc1_cdnv(moments) == pytest.approx(oracle.nc1_cdnv(x, y, n_classes), rel=1e-9, abs=0)
    second = ProjectedMoments.of(features, y, BetweenProjection.of(moments), max_memory=max_memory)
    assert nc1_pinv(second.moments) == pytest.approx(oracle.nc1_pinv(x, y, n_classes), rel=1e-7, abs=0)


def test_float32_spread_at_the_limit_of_storage():
    """Within-class differences of one unit in the last place at an offset of 100 times the spread between."""
    features, y, n_classes = collapsed(0.0, 100.0, torch.float32)
    up = torch.nextafter(features, torch.tensor(torch.inf))
    features = torch.where(torch.rand(features.shape, generator=torch.Generator().manual_seed(1)) < 0.5, up, features)
    expected = oracle.nc1_trace_ratio(features.double().numpy(), y, n_classes)
    assert 1e-12 < expected < 1e-10
    assert nc1_trace_ratio(ClassMoments.of(features, y, n_classes)) == pytest.approx(expected, rel=1e-9, abs=0)


def test_gram_keeps_squares_to_machine_epsilon():
    features, y, n_classes = collapsed(1e-5, 0.0, torch.float64)
    x = features.numpy()
    found = nc1_trace_ratio(ClassMoments.from_gram(x @ x.T, y))
    assert found == pytest.approx(oracle.nc1_trace_ratio(x, y, n_classes), rel=1e-4, abs=0)


def test_duplicates_are_collapsed_exactly():
    features, y, n_classes = collapsed(0.0, 100.0, torch.float32)
    moments = ClassMoments.of(features, y, n_classes, max_memory=2000)
    assert nc1_trace_ratio(moments) == nc1_cdnv(moments) == 0.0
    assert nc1_pinv(ProjectedMoments.of(features, y, BetweenProjection.of(moments)).moments) < 1e-28
