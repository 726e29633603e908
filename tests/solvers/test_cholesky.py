"""Cholesky: regular systems, the rescue in float64, the jitter, and the end of patience."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agop.errors import InputError, JitterWarning, NotPositiveDefiniteError
from agop.solvers import Cholesky, DenseMatrix

DTYPES = [torch.float32, torch.float64]


class Builder(DenseMatrix):
    """Points of some precision with a matrix that is known in float64; notes which copies it has handed out."""

    def __init__(self, matrix, dtype=torch.float64):
        super().__init__(torch.as_tensor(matrix, dtype=torch.float64))
        vars(self).update(asked=[], last=None, own=dtype)

    @property
    def dtype(self):
        return self.own

    def dense(self, dtype):
        self.asked.append(dtype)
        vars(self).update(last=super().dense(dtype))
        return self.last


def definite(n, seed=0):
    root = np.random.default_rng(seed).standard_normal((n, n))
    return root @ root.T + n * np.eye(n)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 33, 200])
def test_solution_against_lapack(dtype, n):
    matrix, targets = definite(n), np.random.default_rng(1).standard_normal((n, 3))
    build = Builder(matrix, dtype)
    factor = Cholesky().factorize(build)
    assert build.asked == [dtype]
    assert factor.jitter == 0
    assert factor.lower.dtype == dtype
    got = factor.solve(torch.tensor(targets))
    assert got.dtype == dtype
    np.testing.assert_allclose(
        got, np.linalg.solve(matrix, targets), rtol=0, atol=1e-5 if dtype == torch.float32 else 1e-12
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_factor_is_lower_triangular_in_the_memory_of_the_matrix(dtype):
    build = Builder(definite(50), dtype)
    factor = Cholesky().factorize(build)
    assert factor.lower.data_ptr() == build.last.data_ptr()
    assert (factor.lower.triu(1) == 0).all()
    torch.testing.assert_close(factor.lower @ factor.lower.mT, build.entries.to(dtype), rtol=1e-5, atol=1e-4)


def nearly_singular():
    """Singular once rounded to float32, with a smallest eigenvalue of 1e-9 in float64."""
    return np.ones((6, 6)) + 1e-9 * np.eye(6)


def test_rescue_in_float64_needs_no_jitter_and_no_warning():
    build, targets = Builder(nearly_singular(), torch.float32), np.random.default_rng(1).standard_normal((6, 2))
    factor = Cholesky().factorize(build)
    assert build.asked == [torch.float32, torch.float64]
    assert factor.lower.dtype == torch.float64
    assert factor.jitter == 0
    got = factor.solve(torch.tensor(targets, dtype=torch.float32))
    expected = np.linalg.solve(nearly_singular(), targets.astype(np.float32))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * abs(expected).max())


@pytest.mark.parametrize("dtype", DTYPES)
def test_singular_matrix_is_factorized_with_a_warning(dtype):
    build = Builder(np.ones((5, 5)) * 3, dtype)
    with pytest.warns(JitterWarning, match=r"added \S+ to its diagonal. Set a ridge"):
        factor = Cholesky().factorize(build)
    assert factor.lower.dtype == torch.float64
    assert 0 < factor.jitter <= 1e-8 * 3
    expected = build.entries + factor.jitter * torch.eye(5)
    torch.testing.assert_close(factor.lower @ factor.lower.mT, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", [2, 7, 40])
def test_what_is_left_of_a_repeated_row_is_rounding_whatever_its_sign(n):
    """A third of such matrices come out as definite, and coefficients of other targets would be 1e16, unsaid."""
    rng = np.random.default_rng(n)
    targets = torch.tensor(rng.standard_normal((n, 1)))[[*range(n), 0]]
    for _ in range(20):
        root = np.diag(rng.uniform(0.1, 10, n)) @ rng.standard_normal((n, 2 * n))
        root = np.concatenate([root, root[:1]])
        matrix = Builder(root @ root.T)
        with pytest.warns(JitterWarning):
            solution = Cholesky().solve(matrix, targets)
        assert 0 < solution.jitter <= 1e-8 * matrix.diagonal.mean()
        torch.testing.assert_close(matrix.entries @ solution.values, targets, rtol=0, atol=1e-4)


def test_jitter_is_relative_to_the_diagonal():
    jitters = []
    for scale in (1e-6, 1.0, 1e6):
        with pytest.warns(JitterWarning):
            jitters.append(Cholesky().factorize(Builder(scale * np.ones((4, 4)))).jitter / scale)
    assert jitters == pytest.approx([jitters[1]] * 3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matrix", [[[1.0, 2.0], [2.0, 1.0]], [[-1.0]], [[1.0, 1.0], [1.0, 1.0 - 1e-6]]])
def test_indefinite_matrix_raises_and_does_not_warn(dtype, matrix):
    with pytest.raises(NotPositiveDefiniteError, match="larger ridge"):  # a warning would be an error too
        Cholesky().factorize(Builder(matrix, dtype))


def test_no_jitter_allowed():
    build = Builder(np.ones((3, 3)))
    with pytest.raises(NotPositiveDefiniteError):
        Cholesky(max_jitter=0.0).factorize(build)
    assert len(build.asked) == 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [(0, 0), (2, 2), (1, 3), (4, 0)])
def test_non_finite_matrix_raises(dtype, bad, where):
    matrix = definite(5)
    matrix[where] = matrix[where[::-1]] = bad
    with pytest.raises(InputError, match="finite kernel matrix"):
        Cholesky().factorize(Builder(matrix, dtype))


@given(n=st.integers(1, 12), seed=st.integers(0, 1000), scale=st.floats(1e-6, 1e6))
def test_any_definite_matrix(n, seed, scale):
    matrix = scale * definite(n, seed)
    factor = Cholesky().factorize(Builder(matrix))
    identity = factor.solve(torch.tensor(matrix))
    np.testing.assert_allclose(identity, np.eye(n), rtol=0, atol=1e-9)
