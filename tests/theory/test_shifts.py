"""Shifts of kernels and random features: known matrices, the high-dimensional limit, Deep RFM on digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.datasets import load_digits

from agop.datasets import standardize
from agop.deep_rfm import LaplaceCosineFeatures, LayerSettings, ReLUFeatures, deep_rfm, normalize_rows
from agop.errors import InputError, UndefinedMeasureError
from agop.kernels import Gaussian, Laplace
from agop.rfm import Samples
from agop.theory import centered_gram, class_targets, features_shift, kernel_shift, linearize, linearized_recursion
from oracles import theory as oracles_theory

ROWS = torch.from_numpy(np.random.default_rng(0).standard_normal((40, 6)) + 1.0)


def centering(n):
    return np.eye(n) - 1 / n


def test_centered_gram():
    gram = (ROWS @ ROWS.T).numpy()
    expected = centering(40) @ gram @ centering(40)
    np.testing.assert_allclose(centered_gram(gram), expected * 40 / np.trace(expected), atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_row_effects_and_constants_are_taken_out(seed):
    """What is left is rounding, of which no square is negative."""
    effects = torch.linspace(-3, 3, 40, dtype=torch.float64)
    rows = torch.randn(40, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    gram = rows @ rows.T
    fit = linearize(7 + effects + effects[:, None] + 0.5 * centered_gram(gram) + 0.2 * torch.eye(40).double(), gram)
    assert (fit.scale, fit.shift) == (pytest.approx(0.5, rel=1e-12), pytest.approx(0.4, rel=1e-12))
    assert fit.residual < 1e-13


def test_fit_and_residual_against_an_optimizer():
    gram = (ROWS @ ROWS.T).numpy()
    kernel = np.exp(-np.sqrt(((ROWS.numpy()[:, None] - ROWS.numpy()) ** 2).sum(-1)) / 3)
    h, unit = centering(40), centered_gram(gram).numpy()

    def error(parameters):
        return h @ (kernel - parameters[0] * unit - parameters[1] * np.eye(40)) @ h

    best = minimize(lambda parameters: np.sum(error(parameters) ** 2), [0.0, 0.0], tol=1e-12).x
    fit = linearize(kernel, gram)
    np.testing.assert_allclose([fit.scale, fit.scale * fit.shift], best, rtol=1e-5)
    off = ~np.eye(40, dtype=bool)
    residual = np.linalg.norm(error(best)[off]) / np.linalg.norm((h @ kernel @ h)[off])
    assert fit.residual == pytest.approx(residual, rel=1e-5)


@pytest.mark.parametrize(
    ("kernel", "value", "slope"),  # k at inner products 1 and 0 of unit rows, and the derivative at 0
    [
        (Gaussian(1.0), (1.0, math.exp(-1)), math.exp(-1)),
        (Laplace(1.0), (1.0, math.exp(-(2**0.5))), math.exp(-(2**0.5)) / 2**0.5),
    ],
    ids=str,
)
def test_high_dimensional_limit(kernel, value, slope):
    rows = normalize_rows(torch.from_numpy(np.random.default_rng(1).standard_normal((400, 4000))))
    fit = kernel_shift(kernel, rows)
    assert fit.scale == pytest.approx(slope, rel=0.02)
    assert fit.shift == pytest.approx((value[0] - value[1] - slope) / slope, rel=0.03)


def test_features_shift_of_relu_features_in_the_limit():
    rows = normalize_rows(torch.from_numpy(np.random.default_rng(2).standard_normal((100, 1000))))
    fit = features_shift(ReLUFeatures(40_000).draw(1000, seed=0, layer=1), 5 * rows)
    # E relu(u) relu(v) = (sin t + (pi - t) cos t) / (2 pi) for unit normal u, v of correlation cos t.
    assert fit.shift == pytest.approx((0.5 - 1 / (2 * math.pi) - 0.25) / 0.25, rel=0.03)


def test_scale_of_the_rows_does_not_matter_for_homogeneous_features():
    random_map = ReLUFeatures(50).draw(6, seed=0, layer=1)
    small, large = (features_shift(random_map, factor * ROWS) for factor in (0.01, 10))
    assert small.shift == pytest.approx(large.shift, rel=1e-10)
    assert small.residual == pytest.approx(large.residual, rel=1e-10)


def test_shifts_of_the_layers_predict_the_collapse_of_deep_rfm_on_digits():
    inputs, labels = load_digits(return_X_y=True)
    inputs, labels = torch.from_numpy(standardize(inputs[:400])[0]), labels[:400]
    kernel, features = Laplace(2.0), LaplaceCosineFeatures(1024, bandwidth=2.0)
    targets = class_targets(labels, 10, "signed")
    shifts, measured = [], []
    for layer in deep_rfm(Samples.of(inputs, targets), LayerSettings(kernel, features, 1e-3), 4):
        found = kernel_shift(kernel, layer.inputs), features_shift(layer.map.random_map, layer.stages["agop"])
        shifts.append([fit.shift for fit in found])
        measured.append(oracles_theory.nc1((layer.inputs @ layer.inputs.T).numpy(), labels))
    rows = normalize_rows(inputs)
    kernel_shifts, features_shifts = zip(*shifts, strict=True)
    predicted = [
        oracles_theory.nc1(layer.gram.numpy(), labels)
        for layer in linearized_recursion(
            centered_gram(rows @ rows.T),
            class_targets(labels, 10, "centered"),
            kernel_shift=kernel_shifts,
            features_shift=features_shifts,
            depth=4,
        )
    ]
    assert measured[-1] < measured[0] / 2
    np.testing.assert_allclose(np.log10(predicted), np.log10(measured), rtol=0, atol=0.2)


@pytest.mark.parametrize(
    ("matrix", "gram", "kind", "expected"),
    [
        (np.ones((3, 3)), np.eye(3), UndefinedMeasureError, "more than one distance"),
        (np.eye(3), np.ones((3, 3)), UndefinedMeasureError, "samples that differ"),
        (-(ROWS @ ROWS.T), ROWS @ ROWS.T, UndefinedMeasureError, "grows with inner products"),
        (np.ones((40, 39)), ROWS @ ROWS.T, InputError, "matrix of shape"),
        (np.full((40, 40), np.nan), ROWS @ ROWS.T, InputError, "finite matrix"),
        (np.eye(3), np.ones((3, 2)), InputError, "a Gram matrix"),
        (np.eye(3), np.full((3, 3), np.inf), InputError, "finite gram"),
        (np.eye(1), np.ones((1, 1)), UndefinedMeasureError, "samples that differ"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_linearization(matrix, gram, kind, expected):
    with pytest.raises(kind, match=expected):
        linearize(matrix, gram)
