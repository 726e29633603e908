"""Standardised features against exact sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agop.datasets import load, standardise
from agop.errors import InputError
from oracles_datasets import standardised


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, 100])
def test_against_exact_sums(dtype, offset):
    rng = np.random.default_rng(1)
    train, test = ((rng.random((n, 5)) * 50 + offset).astype(dtype) for n in (40, 7))
    train[:, 2] = 3
    got_train, got_test = standardise(train, test)
    assert got_train.dtype == got_test.dtype == np.float64
    np.testing.assert_allclose(got_train, standardised(train, train), atol=1e-12)
    np.testing.assert_allclose(got_test, standardised(train, test), atol=1e-12)
    assert not got_test[:, 2].any()


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e8 + 0.1, 1e-300])
def test_constant_features_become_exact_zeros(value):
    train = np.full((1001, 2), value)
    (got, other) = standardise(train, train + 1)
    assert not got.any()
    assert not other.any()


def test_a_large_offset_costs_no_digits():
    spread = np.random.default_rng(2).integers(-8, 8, size=(200, 3)) * 2.0**-20
    np.testing.assert_allclose(standardise(2.0**30 + spread)[0], standardise(spread)[0], atol=1e-12)


def test_inputs_are_left_alone_and_one_row_gives_zeros():
    train = np.array([[1.0, 2.0]])
    (got,) = standardise(train)
    assert not got.any()
    np.testing.assert_array_equal(train, [[1.0, 2.0]])


def test_digits_have_unit_variance_or_none():
    train, test = standardise(load("digits").train_inputs, load("digits").test_inputs)
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-13)
    variances = train.var(0)
    assert ((np.abs(variances - 1) < 1e-12) | (variances == 0)).all()
    assert np.isfinite(test).all()


@given(arrays(np.float64, (6, 2), elements=st.floats(-1e6, 1e6)))
def test_always_finite_and_bounded(train):
    (got,) = standardise(train)
    assert np.isfinite(got).all()
    assert np.abs(got).max() <= np.sqrt(6) * (1 + 1e-6)


@pytest.mark.parametrize(
    ("train", "others", "match"),
    [
        (np.zeros((0, 3)), [], r"training rows in a matrix \(n, d\), got shape \(0, 3\)"),
        (np.zeros(3), [], r"got shape \(3,\)"),
        (np.zeros((2, 3)), [np.zeros((2, 4))], r"rows of 3 features, got shape \(2, 4\)"),
        (np.array([[np.nan], [1.0]]), [], "finite features, got NaN or infinity"),
        (np.zeros((2, 1)), [np.array([[np.inf]])], "finite features, got NaN or infinity"),
        (np.array([[1e200], [-1e200]]), [], "variance is finite, got an overflow"),
    ],
)
def test_bad_inputs(train, others, match):
    with pytest.raises(InputError, match=match):
        standardise(train, *others)
