"""Powers and effective ranks of positive semi-definite matrices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agop.errors import InputError
from agop.linalg import effective_rank, psd_power


def semi_definite(d, rank, seed=0):
    root = np.random.default_rng(seed).standard_normal((d, rank))
    return root @ root.T


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0, 2.0])
def test_power_against_the_spectrum(dtype, exponent):
    eigenvalues = np.array([0.0, 0.5, 2.0, 7.0])
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    matrix = torch.tensor(basis @ np.diag(eigenvalues) @ basis.T, dtype=dtype)
    got = psd_power(matrix, exponent)
    assert got.dtype == dtype
    expected = basis @ np.diag(eigenvalues**exponent) @ basis.T
    rounding = torch.finfo(dtype).eps * abs(expected).max()
    np.testing.assert_allclose(got, expected, rtol=0, atol=20 * rounding)
    np.testing.assert_allclose(got, got.mT, rtol=0, atol=10 * rounding)


@given(d=st.integers(1, 8), rank=st.integers(1, 8), seed=st.integers(0, 99), scale=st.floats(1e-8, 1e8))
def test_root_of_any_matrix(d, rank, seed, scale):
    matrix = torch.tensor(scale * semi_definite(d, rank, seed))
    root = psd_power(matrix, 0.5)
    np.testing.assert_allclose(root @ root, matrix, rtol=0, atol=1e-12 * matrix.abs().max().item())
    assert torch.linalg.eigvalsh(root).min() >= -1e-12 * root.abs().max()


@pytest.mark.parametrize("rank", [1, 3])
def test_directions_that_a_singular_matrix_ignores_are_ignored_by_its_root(rank):
    """Rounding leaves eigenvalues of 1e-17 for zero; their root of 3e-9 would bring the direction back."""
    matrix = semi_definite(12, rank)
    null = np.linalg.svd(matrix)[2][rank:]
    root = psd_power(torch.tensor(matrix), 0.5).numpy()
    assert abs(null @ root).max() < 1e-13 * abs(root).max()


def test_diagonal_is_a_vector():
    np.testing.assert_allclose(psd_power(torch.tensor([4.0, 0.0, 9.0]), 0.5), [2, 0, 3])
    np.testing.assert_allclose(
        psd_power(torch.tensor([4.0, 9.0]), 0.3).diag(), psd_power(torch.tensor([4.0, 9.0]).diag(), 0.3), atol=1e-14
    )


def test_eigenvalues_made_negative_by_rounding_count_as_zero():
    matrix = torch.diag(torch.tensor([1.0, -1e-17], dtype=torch.float64))
    np.testing.assert_array_equal(psd_power(matrix, 0.5), np.diag([1.0, 0.0]))
    np.testing.assert_array_equal(psd_power(matrix.diagonal(), 0.5), [1.0, 0.0])


@pytest.mark.parametrize("exponent", [0.0, -0.5, float("nan")])
def test_an_exponent_that_is_not_positive_is_refused(exponent):
    with pytest.raises(InputError, match="exponent"):
        psd_power(torch.eye(2), exponent)


@pytest.mark.parametrize("shape", [(2, 3), (), (2, 2, 2)])
def test_a_matrix_that_is_not_square_is_refused(shape):
    with pytest.raises(InputError, match="square"):
        psd_power(torch.ones(shape), 0.5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_matrix_that_is_not_finite_is_refused(bad):
    with pytest.raises(InputError, match="finite"):
        psd_power(torch.tensor([[1.0, bad], [bad, 1.0]]), 0.5)


@pytest.mark.parametrize("matrix", [-torch.eye(3), torch.tensor([1.0, -1.0]), torch.diag(torch.tensor([1.0, -0.1]))])
def test_a_matrix_that_is_far_from_semi_definite_is_refused(matrix):
    with pytest.raises(InputError, match=r"semi-definite|non-negative"):
        psd_power(matrix, 0.5)


@pytest.mark.parametrize(("n", "d"), [(5, 9), (9, 5), (1, 4), (4, 1)])
def test_effective_rank_against_the_definition(n, d):
    rows = np.random.default_rng(0).standard_normal((n, d))
    scatter = rows.T @ rows
    expected = np.trace(scatter) ** 2 / np.linalg.norm(scatter) ** 2
    assert effective_rank(torch.tensor(rows)) == pytest.approx(expected, rel=1e-12)
    assert effective_rank(torch.tensor(rows).float()) == pytest.approx(expected, rel=1e-5)
    assert 1 - 1e-12 <= effective_rank(torch.tensor(rows)) <= min(n, d) + 1e-12


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_effective_rank_does_not_depend_on_the_scale(scale):
    rows = torch.tensor(np.random.default_rng(0).standard_normal((6, 4)))
    assert effective_rank(scale * rows) == pytest.approx(effective_rank(rows), rel=1e-12)


def test_effective_rank_of_equal_eigenvalues_is_the_rank():
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((7, 3)))[0]
    assert effective_rank(torch.tensor(basis.T)) == pytest.approx(3)


def test_effective_rank_of_few_rows_of_many_features():
    """The scatter of 200,000 features would take 320 GB."""
    assert effective_rank(torch.ones(2, 200_000)) == pytest.approx(1)
    assert effective_rank(torch.ones(200_000, 2)) == pytest.approx(1)


def test_effective_rank_of_nothing_is_zero():
    assert effective_rank(torch.zeros(3, 2)) == 0
    assert effective_rank(torch.zeros(0, 2)) == 0


@pytest.mark.parametrize("rows", [torch.ones(3), torch.full((2, 2), float("nan")), torch.full((2, 2), float("inf"))])
def test_effective_rank_refuses_what_is_no_finite_matrix(rows):
    with pytest.raises(InputError, match="finite"):
        effective_rank(rows)
