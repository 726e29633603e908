"""Deep RFM: its stages against the numpy recursion, its collapse, its precision."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from agop.deep_rfm import (
    CosineFeatures,
    GaussianCosineFeatures,
    LaplaceCosineFeatures,
    LayerSettings,
    ReLUFeatures,
    deep_rfm,
    normalize_rows,
)
from agop.errors import InputError
from agop.kernels import Gaussian, Laplace, ProductLaplace
from agop.rfm import Samples
from oracles import deep_rfm as oracles_deep_rfm

CLASSES = 3
LABELS = np.arange(30) % CLASSES
X = np.random.default_rng(0).standard_normal((30, 5)) + 0.7 * np.eye(5)[LABELS]
Y = 2.0 * np.eye(CLASSES)[LABELS] - 1
STAGES = ("input", "agop", "features")
NUDGED = X * (1 + 1e-13 * np.random.default_rng(1).standard_normal(X.shape))


def layers(x=X, y=Y, *, dtype=torch.float64, weights=None, depth=3, seed=0, max_memory=None, **arguments):
    samples = Samples.of(torch.tensor(x, dtype=dtype), torch.tensor(y, dtype=dtype), weights)
    settings = LayerSettings(**{"kernel": Laplace(2.0), "features": ReLUFeatures(20)} | arguments)
    return list(deep_rfm(samples, settings, depth, seed=seed, max_memory=max_memory))


def drawn(features, depth, *, n_features=5, seed=0):
    """(W, u) of every layer."""
    widths = [n_features] + [features.width] * (depth - 1)
    maps = [features.draw(width, seed=seed, layer=index) for index, width in enumerate(widths, 1)]
    return [(each.weight.numpy(), None if each.phase is None else each.phase.numpy()) for each in maps]


def assert_follows(got, kernel, maps, rows=slice(None), **settings):
    """Nothing is further from the oracle than ten times what rounding its inputs to 13 digits changes there."""
    exact, nudged = (
        oracles_deep_rfm.deep_rfm(type(kernel).__name__, x[rows], Y, maps, **settings, **kernel.get_params())
        for x in (X, NUDGED)
    )
    for layer, truths, others in zip(got, exact, nudged, strict=True):
        found = [*(layer.stages[name] for name in STAGES), layer.fit.machine.coefficients, layer.agop]
        for one, truth, other in zip(found, truths, others, strict=True):
            if one is not None and len(one) == len(truth):
                np.testing.assert_allclose(one, truth, rtol=0, atol=10 * abs(other - truth).max())


FEATURES = [
    ReLUFeatures(20),
    CosineFeatures(20, gamma=0.3),
    LaplaceCosineFeatures(20, bandwidth=1.5),
    GaussianCosineFeatures(20, bandwidth=0.7),
]


@pytest.mark.parametrize("scale", ["max-entry", "row-norm"])
@pytest.mark.parametrize("features", FEATURES, ids=[type(family).__name__ for family in FEATURES])
@pytest.mark.parametrize("kernel", [Laplace(2.0), Gaussian(0.5)], ids=str)
def test_three_layers_against_the_oracle(kernel, features, scale):
    got = layers(kernel=kernel, features=features, agop_scale=scale)
    assert [layer.index for layer in got] == [1, 2, 3]
    assert_follows(got, kernel, drawn(features, 3), agop_scale=scale)


@pytest.mark.parametrize("scale", ["max-entry", "row-norm"])
def test_product_kernel_ridge_weights_and_seed_against_the_oracle(scale):
    weights = np.random.default_rng(1).uniform(0.5, 2, 30)
    kernel, settings = ProductLaplace(4.0), {"ridge": 0.1, "agop_scale": scale}
    got = layers(kernel=kernel, weights=torch.tensor(weights), seed=7, depth=2, **settings)
    assert_follows(got, kernel, drawn(ReLUFeatures(20), 2, seed=7), weights=weights, **settings)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_row_norm_scale_makes_the_mean_norm_one(dtype):
    for layer in layers(features=GaussianCosineFeatures(20, 0.5), agop_scale="row-norm", dtype=dtype):
        mapped = layer.stages["agop"].double()
        assert mapped.norm(dim=1).mean().item() == pytest.approx(1, rel=1e-6)
        torch.testing.assert_close(
            mapped @ mapped.T,
            (layer.inputs.double() @ layer.agop.double()) @ layer.inputs.double().T,
            rtol=1e-4,
            atol=1e-4,
        )


def test_identity_control_against_the_oracle():
    got = layers(agop=False)
    assert all(layer.agop is None and layer.plan is None for layer in got)
    assert_follows(got, Laplace(2.0), drawn(ReLUFeatures(20), 3), identity=True)


def test_repeated_rows_are_merged_exactly():
    rows = np.random.default_rng(1).integers(0, 12, 30)
    got = layers(X[rows], ridge=0.05)
    assert {len(layer.fit.machine.centers) for layer in got} == {len(set(rows))}
    assert {len(layer.inputs) for layer in got} == {30}
    assert_follows(got, Laplace(2.0), drawn(ReLUFeatures(20), 3), rows, ridge=0.05)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_repeated_rows_with_other_labels_stay_one_sample(dtype):
    """Products of matrices round equal rows by their position; that must not make them samples that disagree."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 37)), 2.0 * np.eye(4)[rng.integers(0, 4, 30)] - 1
    x[-12:] = x[:12]
    for layer in layers(x, y, dtype=dtype, features=ReLUFeatures(64)):
        assert len(layer.fit.machine.centers) == 18
        assert layer.fit.machine.coefficients.abs().max().item() < 100
        for rows in layer.stages.values():
            torch.testing.assert_close(rows[-12:], rows[:12])


def test_rows_in_one_direction_are_the_same_sample():
    x = np.concatenate([X, 4 * X[:4]])  # rounds nothing: equal, not nearly equal
    got = layers(x, np.concatenate([Y, Y[:4]]), depth=1)
    np.testing.assert_allclose(got[0].inputs[30:], got[0].inputs[:4], rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_map_of_a_layer_takes_new_rows_to_the_next(dtype):
    got = layers(dtype=dtype)
    for layer, following in itertools.pairwise(got):
        torch.testing.assert_close(layer.map(layer.inputs), following.inputs)
        assert following.inputs.dtype == dtype
        part = layer.map(layer.inputs[3:5])
        torch.testing.assert_close(part, following.inputs[3:5])


def test_limited_memory_changes_nothing_but_the_plan():
    for whole, limited in zip(layers(), layers(max_memory=30 * 30 * 8), strict=True):
        torch.testing.assert_close(limited.stages["features"], whole.stages["features"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_are_divided_by_their_norms(dtype):
    scales = np.array([0.0, 1e-30, 1e-3, 1.0, 1e4, 1e30])[:, None]
    rows = torch.tensor(scales * X[:6], dtype=dtype)
    got = normalize_rows(rows)
    assert got.dtype == dtype
    np.testing.assert_allclose(
        got, oracles_deep_rfm.normalized(rows.double().numpy()), atol=1e-6 if dtype == torch.float32 else 1e-14
    )
    assert (got[0] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"agop_scale": "trace"}, "agop_scale='max-entry' or 'row-norm'"),
        ({"depth": 0}, "depth >= 1"),
        ({"ridge": -0.1}, "ridge"),
        ({"weights": -torch.ones(30)}, "weights"),
        ({"features": ReLUFeatures(0)}, "width"),
        ({"features": CosineFeatures(5, gamma=-1)}, "gamma"),
        ({"kernel": Laplace(0.0)}, "bandwidth"),
        ({"x": X * np.nan}, "inputs"),
        ({"y": Y * np.nan}, "targets"),
        ({"y": Y * 0}, "AGOP of zero"),
        ({"x": np.ones((30, 5))}, "AGOP of zero"),
    ],
)
def test_unusable_arguments_are_refused_at_the_first_layer(arguments, message):
    with pytest.raises(InputError, match=message):
        layers(**{"depth": 1} | arguments)


@functools.cache
def digits():
    """400 standardized digits, +1/-1 targets and labels."""
    inputs, labels = load_digits(return_X_y=True)
    inputs, labels = inputs[:400], labels[:400]
    deviation = inputs.std(0)
    inputs = (inputs - inputs.mean(0)) / np.where(deviation > 0, deviation, 1)
    return inputs, 2.0 * np.eye(10)[labels] - 1, labels


@functools.cache
def collapse(dtype, seed, agop=True, depth=20):
    """NC1 of the three stages of every layer, and the steps' precisions."""
    inputs, targets, labels = digits()
    found, precisions = [], set()
    for layer in layers(inputs, targets, dtype=dtype, features=ReLUFeatures(256), depth=depth, agop=agop, seed=seed):
        assert layer.inputs.dtype == dtype
        found.append([oracles_deep_rfm.nc1(layer.stages[name], labels) for name in STAGES])
        precisions |= {layer.fit.solution.dtype, layer.plan.dtype if layer.plan else None}
    return np.array(found), precisions


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_digits_collapse_at_every_layer(seed):
    found, precisions = collapse(torch.float64, seed)
    assert (np.diff(found[:, 0]) < 0).all()
    assert found[0, 0] > 1
    assert found[-1, 0] < 5e-7
    assert (found[:, 1] < 0.6 * found[:, 0]).all()  # the fall is at the multiplication by the root of the AGOP
    assert precisions == {torch.float64}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_float32_follows_float64_until_1e_7(seed):
    exact, rounded = collapse(torch.float64, seed)[0], collapse(torch.float32, seed)[0]
    decided = exact > 1e-7
    assert decided[:17].all()
    np.testing.assert_allclose(rounded[decided], exact[decided], rtol=0.2, atol=torch.finfo(torch.float32).eps)


@pytest.mark.slow
def test_float32_asks_float64_where_it_decides():
    assert {torch.float32, torch.float64} <= collapse(torch.float32, 0)[1]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_control_does_not_collapse(dtype):
    found, _ = collapse(dtype, 0, agop=False, depth=6)
    np.testing.assert_array_equal(found[:, 0], found[:, 1])
    assert (np.diff(found[:, 0]) > 0).all()
