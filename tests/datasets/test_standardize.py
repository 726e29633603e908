"""Standardized features against exact sums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agop.datasets import Dataset, load, standardize, standardized_inputs
from agop.errors import InputError
from oracles.datasets import standardized


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, 100])
def test_against_exact_sums(dtype, offset):
    rng = np.random.default_rng(1)
    train, test = ((rng.random((n, 5)) * 50 + offset).astype(dtype) for n in (40, 7))
    train[:, 2] = 3
    got_train, got_test = standardize(train, test)
    assert got_train.dtype == got_test.dtype == np.float64
    np.testing.assert_allclose(got_train, standardized(train, train), atol=1e-12)
    np.testing.assert_allclose(got_test, standardized(train, test), atol=1e-12)
    assert not got_test[:, 2].any()


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e8 + 0.1, 1e-300])
def test_constant_features_become_exact_zeros(value):
    train = np.full((1001, 2), value)
    (got, other) = standardize(train, train + 1)
    assert not got.any()
    assert not other.any()


def test_a_large_offset_costs_no_digits():
    spread = np.random.default_rng(2).integers(-8, 8, size=(200, 3)) * 2.0**-20
    np.testing.assert_allclose(standardize(2.0**30 + spread)[0], standardize(spread)[0], atol=1e-12)


def test_inputs_are_left_alone_and_one_row_gives_zeros():
    train = np.array([[1.0, 2.0]])
    (got,) = standardize(train)
    assert not got.any()
    np.testing.assert_array_equal(train, [[1.0, 2.0]])


def test_digits_have_unit_variance_or_none():
    train, test = standardize(load("digits").train_inputs, load("digits").test_inputs)
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-13)
    variances = train.var(0)
    assert ((np.abs(variances - 1) < 1e-12) | (variances == 0)).all()
    assert np.isfinite(test).all()


@given(arrays(np.float64, (6, 2), elements=st.floats(-1e6, 1e6)))
def test_always_finite_and_bounded(train):
    (got,) = standardize(train)
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
        standardize(train, *others)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_channels_share_mean_and_deviation(n_channels):
    rng = np.random.default_rng(3)
    train, test = (rng.random((n, 6)) * [1, 9, 2, 8, 3, 7] + 100 for n in (40, 7))
    for values, got in zip((train, test), standardize(train, test, n_channels=n_channels), strict=True):
        for block, columns in enumerate(np.split(np.arange(6), n_channels)):
            pixels = train[:, columns].reshape(-1, 1)
            expected = standardized(pixels, values[:, columns].reshape(-1, 1)).reshape(len(values), -1)
            np.testing.assert_allclose(got[:, columns], expected, atol=1e-12, err_msg=str(block))


@pytest.mark.parametrize("n_channels", [0, 4])
def test_columns_that_are_no_channels(n_channels):
    with pytest.raises(InputError, match=f"equal blocks, one a channel, got {n_channels} channels of 6 columns"):
        standardize(np.zeros((2, 6)), n_channels=n_channels)


def images(shape=(1, 2, 2)):
    """A pixel that is dark in training but once, faintly, and bright in the test row."""
    rng = np.random.default_rng(4)
    train, labels = rng.random((400, 4)) * 255, np.arange(400) % 2
    train[:, 3] = 0
    train[0, 3] = 1
    test = np.full((1, 4), 200.0)
    return Dataset("toy", train, labels, test, labels[:1], ("a", "b"), shape)


def test_a_dark_pixel_is_not_blown_up_in_a_channel():
    _, test = standardized_inputs(images(), "feature")
    assert np.abs(test).max() > 1000  # as published
    train, test = standardized_inputs(images(), "channel")
    assert np.abs(test).max() < 3
    assert (abs(train.mean()), train.std()) == (pytest.approx(0, abs=1e-12), pytest.approx(1))


def test_columns_of_a_table_keep_their_units_and_are_not_blown_up():
    """In rows that are no images every column is a channel; a single odd value counts for 1/32 of its distance."""
    flat = replace(images(None), train_inputs=images().train_inputs * [1e6, 1, 1e-6, 1])
    train, _ = standardized_inputs(flat, "channel")
    np.testing.assert_allclose(train.std(0)[:3], 1)
    assert np.abs(train).max() == pytest.approx(np.sqrt(399))
    (odd,) = standardize(np.eye(5000)[:, :1], table=True)
    assert np.abs(odd).max() == pytest.approx(32)
    (rounding,) = standardize(5 + 1e-14 * np.random.default_rng(5).standard_normal((50, 1)), table=True)
    assert not rounding.any()


def test_unknown_form():
    with pytest.raises(InputError, match="standardize as one of feature, channel, got 'pixel'"):
        standardized_inputs(images(), "pixel")
