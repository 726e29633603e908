"""Spectra of positive semi-definite matrices, dense or given by a factor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agop.errors import InputError
from agop.linalg import Spectrum, psd_power


def factor(r, d, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).standard_normal((r, d))


def basis(d, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


def dense_power(f, power):
    """Power of F^T F from numpy's singular values."""
    _, lengths, right = np.linalg.svd(f, full_matrices=False)
    lengths = np.where(lengths > 1e-12 * lengths.max(), lengths, 0)
    return right.T @ np.diag(lengths ** (2 * power)) @ right


@given(
    r=st.integers(1, 9),
    d=st.integers(1, 9),
    seed=st.integers(0, 99),
    scale=st.floats(1e-8, 1e8),
    power=st.sampled_from([0.25, 0.5, 1.0, 2.0]),
)
def test_both_constructors_give_the_powers(r, d, seed, scale, power):
    f = factor(r, d, seed, scale)
    expected = dense_power(f, power)
    for spectrum in (Spectrum.of(f.T @ f), Spectrum.of_factor(f)):
        assert spectrum.rank == min(r, d)
        assert spectrum.n_features == d
        np.testing.assert_allclose(spectrum.matrix(power), expected, rtol=0, atol=3e-7 * abs(expected).max())
        np.testing.assert_allclose(spectrum.vectors.mT @ spectrum.vectors, np.eye(spectrum.rank), rtol=0, atol=1e-13)
        assert (spectrum.values > 0).all()
        assert (spectrum.values.diff() <= 0).all()
        np.testing.assert_allclose(spectrum.factor().mT @ spectrum.factor(), spectrum.matrix(), rtol=1e-9, atol=1e-300)


def test_eigenvalues_too_small_for_a_number_are_none():
    """Squares of singular values of 1e-170 are 0, and would make ranks of 0 / 0."""
    spectrum = Spectrum.of_factor(1e-170 * factor(3, 5))
    assert (spectrum.rank, spectrum.effective_rank, spectrum.stable_rank) == (0, 0, 0)
    assert not spectrum.matrix().any()


@pytest.mark.parametrize("shape", [(3, 40), (40, 3), (12, 12)])
@pytest.mark.parametrize("power", [0.25, 0.5, 1.0, 1.5])
def test_rows_are_mapped_by_the_power(shape, power):
    f, x = factor(*shape), factor(6, shape[1], seed=1)
    spectrum = Spectrum.of_factor(f)
    expected = x @ dense_power(f, power)
    mapped, coordinates = spectrum.map(torch.tensor(x), power), spectrum.coordinates(torch.tensor(x), power)
    assert coordinates.shape == (6, min(shape))
    largest = abs(expected).max()
    np.testing.assert_allclose(mapped, expected, rtol=0, atol=1e-12 * largest)
    np.testing.assert_allclose(coordinates @ spectrum.vectors.mT, expected, rtol=0, atol=1e-12 * largest)
    np.testing.assert_allclose(coordinates @ coordinates.mT, expected @ expected.T, rtol=0, atol=1e-11 * largest**2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.int64])
def test_rows_of_any_dtype_give_float64(dtype):
    spectrum = Spectrum.of_factor(factor(2, 5))
    rows = torch.arange(15).reshape(3, 5).to(dtype)
    assert spectrum.coordinates(rows, 0.5).dtype == torch.float64
    np.testing.assert_array_equal(spectrum.coordinates(rows, 0.5), spectrum.coordinates(rows.double(), 0.5))


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0])
def test_small_eigenvalues_of_a_factor_are_accurate(power):
    """Relative error of order eps s_1 / s, although F^T F would keep nothing below eps s_1^2 = 2e-16."""
    lengths = np.array([1.0, 1e-4, 1e-8, 1e-12])
    f = basis(6, 1)[:, :4] @ np.diag(lengths) @ basis(9, 2)[:, :4].T
    found = Spectrum.of_factor(f)
    assert found.rank == 4
    np.testing.assert_array_less(abs(found.values.numpy() / lengths**2 - 1), 20 * np.finfo(float).eps / lengths)
    vectors = basis(9, 2)[:, :4]
    expected = vectors @ np.diag(lengths ** (2 * power)) @ vectors.T
    np.testing.assert_allclose(found.matrix(power), expected, rtol=0, atol=1e-9 if power < 0.5 else 1e-14)


def test_a_null_space_stays_one():
    """Rounding leaves eigenvalues of 1e-17 for zero; their fourth root of 6e-5 would bring the direction back."""
    f = factor(3, 12)
    null = np.linalg.svd(f)[2][3:]
    for spectrum in (Spectrum.of(f.T @ f), Spectrum.of_factor(f), Spectrum.of_factor(np.vstack([f, f[:2] + f[1:]]))):
        assert spectrum.rank == 3
        root = spectrum.matrix(0.25).numpy()
        assert abs(null @ root).max() < 1e-13 * abs(root).max()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (4, 4), (30, 50), (50, 30)])
def test_rank_of_factors_with_repeated_rows(shape):
    f = np.ones(shape) * np.linspace(1, 3, shape[1])
    assert Spectrum.of_factor(f).rank == 1
    assert Spectrum.of(f.T @ f).rank == 1


def test_rounding_is_that_of_the_precision():
    noise = factor(8, 8, seed=3, scale=1e-9)
    matrix = torch.tensor(np.diag([1.0, 1e-3, 0, 0, 0, 0, 0, 0]) + noise @ noise.T + 1e-8 * np.eye(8))
    assert Spectrum.of(matrix).rank == 8
    assert Spectrum.of(matrix, precision=torch.float32).rank == 2
    assert Spectrum.of(matrix.float()).rank == 2
    assert Spectrum.of_factor(torch.tensor([[1.0, 0.0], [0.0, 1e-9]])).rank == 1
    assert Spectrum.of_factor(torch.tensor([[1.0, 0.0], [0.0, 1e-9]]).double()).rank == 2
    with pytest.raises(InputError, match="floating precision"):
        Spectrum.of(matrix, precision=torch.int64)


@pytest.mark.parametrize("power", [0.25, 0.5, 2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_power_as_that_of_the_dense_matrix(power, dtype):
    f = torch.tensor(factor(4, 6), dtype=dtype)
    matrix = f.mT @ f
    expected = psd_power(matrix, power)
    limit = 100 * torch.finfo(dtype).eps * expected.abs().max().item()
    found = Spectrum.of(matrix)
    assert found.rank == 4
    np.testing.assert_allclose(found.matrix(power), expected, rtol=0, atol=limit)


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_ranks_against_the_definitions(scale):
    f = factor(5, 8)
    gram = f.T @ f
    norms = np.linalg.norm(gram), np.linalg.norm(gram, 2)
    spectrum = Spectrum.of_factor(scale * f)
    assert spectrum.effective_rank == pytest.approx(np.trace(gram) ** 2 / norms[0] ** 2, rel=1e-12)
    assert spectrum.stable_rank == pytest.approx(norms[0] ** 2 / norms[1] ** 2, rel=1e-12)
    equal = Spectrum.of_factor(basis(8)[:3])
    assert (equal.effective_rank, equal.stable_rank) == (pytest.approx(3), pytest.approx(3))


def test_the_leading_part_is_the_best_approximation():
    f = factor(6, 9)
    spectrum = Spectrum.of_factor(f)
    _, lengths, right = np.linalg.svd(f, full_matrices=False)
    best = right[:2].T @ np.diag(lengths[:2] ** 2) @ right[:2]
    np.testing.assert_allclose(spectrum.top(2).matrix(), best, rtol=0, atol=1e-12)
    assert spectrum.top(100).rank == 6
    with pytest.raises(InputError, match="one or more eigenvalues"):
        spectrum.top(0)


@pytest.mark.parametrize(
    "spectrum",
    [Spectrum.of(np.zeros((4, 4))), Spectrum.of_factor(np.zeros((2, 4))), Spectrum.of_factor(np.zeros((0, 4)))],
    ids=["dense", "factor", "no rows"],
)
def test_zero(spectrum):
    assert (spectrum.rank, spectrum.n_features) == (0, 4)
    assert (spectrum.effective_rank, spectrum.stable_rank) == (0.0, 0.0)
    np.testing.assert_array_equal(spectrum.matrix(0.5), np.zeros((4, 4)))
    np.testing.assert_array_equal(spectrum.map(torch.ones(3, 4), 0.5), np.zeros((3, 4)))
    assert spectrum.coordinates(torch.ones(3, 4), 0.5).shape == (3, 0)
    assert spectrum.factor().shape == (0, 4)
    assert spectrum.top(3).rank == 0


def test_no_square_matrix_of_many_features():
    """One of 200,000 x 200,000 would take 320 GB."""
    spectrum = Spectrum.of_factor(factor(3, 200_000))
    assert spectrum.coordinates(torch.ones(2, 200_000), 0.5).shape == (2, 3)
    assert Spectrum.of_factor(factor(200_000, 3)).rank == 3


def test_input_is_left_as_it_was():
    f = factor(4, 4)
    for build, given_ in ((Spectrum.of, f.T @ f), (Spectrum.of_factor, f)):
        before = given_.copy()
        build(given_)
        np.testing.assert_array_equal(given_, before)


@pytest.mark.parametrize("build", [Spectrum.of, Spectrum.of_factor])
def test_entries_that_are_unusable(build):
    for bad in (float("nan"), float("inf")):
        with pytest.raises(InputError, match="finite"):
            build(torch.tensor([[1.0, bad], [bad, 1.0]]))
    with pytest.raises(InputError, match="real"):
        build(torch.eye(2, dtype=torch.complex64))
    with pytest.raises(InputError, match="shape"):
        build(torch.ones(3))
    with pytest.raises(InputError, match=r"d of one or more"):
        build(torch.ones(0, 0))


def test_matrices_that_are_no_gram_matrices():
    with pytest.raises(InputError, match="square"):
        Spectrum.of(torch.ones(2, 3))
    for bad in (-torch.eye(3), torch.diag(torch.tensor([1.0, -0.1])), torch.tensor([[1.0, 0.5], [0.0, 1.0]])):
        with pytest.raises(InputError, match="semi-definite"):
            Spectrum.of(bad)
    with pytest.raises(InputError, match="overflow"):
        Spectrum.of_factor(1e200 * np.eye(2))
    assert Spectrum.of(torch.diag(torch.tensor([1.0, -1e-9]))).rank == 1


@pytest.mark.parametrize("power", [0.0, -0.5, float("nan"), float("inf")])
def test_powers_that_are_refused(power):
    spectrum = Spectrum.of(torch.eye(2))
    for use in (
        spectrum.matrix,
        lambda p: spectrum.coordinates(torch.eye(2), p),
        lambda p: spectrum.map(torch.eye(2), p),
    ):
        with pytest.raises(InputError, match="positive, finite power"):
            use(power)


def test_rows_of_another_width_are_refused():
    with pytest.raises(InputError, match=r"rows of shape \(n, 2\)"):
        Spectrum.of(torch.eye(2)).coordinates(torch.ones(3, 4), 0.5)
