"""A Gram matrix of features far from the origin has lost their scatter, and says so."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from agop.collapse import nc1_trace_ratio, nc2_gram_mse
from agop.errors import InputError, PrecisionWarning
from agop.moments import ClassMoments, features_from_gram
from oracles import collapse as oracle


def features(offset, seed=0, n=30, d=60, spread=1.0, dtype=torch.float64):
    """Three classes about means at random, moved away from the origin."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    x = torch.randn(3, d, generator=generator, dtype=torch.float64)[y]
    return (x + spread * torch.randn(n, d, generator=generator, dtype=torch.float64) + offset).to(dtype), y


def error(x, y):
    """Relative error of NC1 from the Gram matrix, and what the warning says, None without one."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = nc1_trace_ratio(ClassMoments.from_gram(x @ x.mT, y, 3))
    true = oracle.nc1_trace_ratio(x.double().numpy(), y.numpy(), 3)
    return abs(found / true - 1), str(told[0].message) if told else None


def stated(text):
    """Percent of the message as a share."""
    return float(text.split("can be ")[1].split("%")[0]) / 100


def test_offset_of_ten_million():
    """The case that was 15 % off in silence."""
    found = [error(*features(1e7, seed, spread=0.3)) for seed in range(8)]
    assert all(text is not None for _, text in found)
    assert max(gap for gap, _ in found) > 0.01
    x, y = features(1e7)
    with pytest.warns(PrecisionWarning, match="Center the features"):
        nc2_gram_mse(ClassMoments.from_gram(x @ x.mT, y))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("offset", [0.0, 3.0, 30.0])
@pytest.mark.parametrize("spread", [1.0, 0.1])
@pytest.mark.parametrize("n", [30, 1500])
def test_ordinary_data(offset, spread, n, dtype):
    x, y = features(offset if spread == 1 else offset / 10, n=n, spread=spread, dtype=dtype)
    gap, text = error(x, y)
    assert text is None
    assert gap < 0.01


def test_collapsed_about_the_origin():
    """NC1 of some epsilon is 0 for all purposes."""
    x, y = features(0.0, spread=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nc1_trace_ratio(ClassMoments.from_gram(x @ x.mT, y)) < 1e-14


@pytest.mark.parametrize(("dtype", "offset"), [(torch.float64, 8e6), (torch.float32, 340.0)])
def test_at_the_edge_the_share_is_about_the_error(dtype, offset):
    """A bound, and no more than some tens above what happens; below the edge nothing is told, and less is lost."""
    found = [error(*features(offset, seed, dtype=dtype)) for seed in range(20)]
    shares = [stated(text) for _, text in found]
    assert 0.01 < np.mean(shares) < 0.02
    worst = max(gap for gap, _ in found)
    assert np.mean(shares) / 30 < worst < np.mean(shares)
    below = [error(*features(offset / 2, seed, dtype=dtype)) for seed in range(20)]
    assert all(text is None for _, text in below)
    assert max(gap for gap, _ in below) < 0.005


LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
X = torch.tensor([[0.0, 1.0], [0.0, 2.0], [3.0, 0.0], [4.0, 0.0], [1.0, -5.0], [2.0, -5.0]])


@pytest.mark.parametrize(
    ("gram", "message"),
    [
        (torch.ones(6, 5), r"a Gram matrix \(n, n\)"),
        (torch.empty(0, 0), r"a Gram matrix \(n, n\)"),
        (torch.ones(5, 5), "5 labels"),
        (torch.full((6, 6), torch.nan), "finite"),
        (-(X @ X.mT), "positive semi-definite"),
        (X @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]]) @ X.mT, "positive semi-definite"),
        (torch.ones(6, 6), "differ"),
    ],
)
def test_bad_gram(gram, message):
    labels = LABELS[: len(gram)] if len(gram) == 0 else LABELS
    with pytest.raises(InputError, match=message):
        nc1_trace_ratio(ClassMoments.from_gram(gram, labels))


@pytest.mark.parametrize(
    ("gram", "message"),
    [
        (torch.ones(6, 5), r"a Gram matrix \(n, n\)"),
        (torch.full((6, 6), torch.nan), "finite gram"),
        (-(X @ X.mT), "positive semi-definite"),
        (X @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]]) @ X.mT, "positive semi-definite"),
        (torch.diag(torch.tensor([1.0, 1.0])) + 2 * torch.tensor([[0.0, 1.0], [1.0, 0.0]]), "positive semi-definite"),
    ],
)
def test_no_features_behind_a_bad_gram(gram, message):
    with pytest.raises(InputError, match=message):
        features_from_gram(gram)
