"""Low-rank factors of kernel matrices, and the systems that are solved with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.solvers.pivoted_cholesky import LowRankPlusDiagonal, randomly_pivoted_cholesky

RNG = np.random.default_rng(0)


def spectrum_matrix(eigenvalues, dtype=torch.float64):
    q, _ = np.linalg.qr(RNG.standard_normal((len(eigenvalues), len(eigenvalues))))
    return torch.tensor((q * eigenvalues) @ q.T, dtype=dtype)


def factorize(matrix, rank, **arguments):
    return randomly_pivoted_cholesky(lambda index: matrix[:, index], matrix.diagonal(), rank, **arguments)


def test_a_matrix_of_low_rank_is_found_exactly():
    matrix = spectrum_matrix(np.r_[np.ones(7), np.zeros(43)])
    factor, rest, _ = factorize(matrix, 30)
    assert factor.shape[1] < 30  # nothing is left to explain
    np.testing.assert_allclose(factor @ factor.mT, matrix, atol=1e-6)
    assert rest.max() < 1e-6


def test_the_rest_is_positive_semi_definite_and_its_diagonal_is_known():
    matrix = spectrum_matrix(1.0 / np.arange(1, 501) ** 1.5)
    factor, rest, _ = factorize(matrix, 250)  # two rounds of pivots
    remaining = matrix - factor @ factor.mT
    assert torch.linalg.eigvalsh(remaining)[0] > -1e-9
    np.testing.assert_allclose(rest, remaining.diagonal().clamp(min=0), atol=1e-9)


def test_it_is_nearly_as_good_as_eigenvectors():
    eigenvalues = 1.0 / np.arange(1, 401) ** 2
    rest = factorize(spectrum_matrix(eigenvalues), 60).rest
    assert rest.sum() < 3 * eigenvalues[60:].sum()


def test_pivots_depend_on_the_seed_alone():
    matrix = spectrum_matrix(1.0 / np.arange(1, 301))
    first, again, other = (factorize(matrix, 20, seed=seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_pivots_are_the_columns_behind_the_factor():
    matrix = spectrum_matrix(1.0 / np.arange(1, 401) ** 1.5)
    factor, _, pivots = factorize(matrix, 250)
    assert len(set(pivots.tolist())) == 250
    np.testing.assert_allclose((factor @ factor.mT)[:, pivots], matrix[:, pivots], atol=1e-6)


def test_repeated_columns_do_no_harm():
    column = RNG.standard_normal((40, 3))
    matrix = torch.tensor(np.tile(column, (5, 1)) @ np.tile(column, (5, 1)).T, dtype=torch.float32)
    factor = factorize(matrix, 50).factor
    assert torch.isfinite(factor).all()
    np.testing.assert_allclose(factor @ factor.mT, matrix, atol=2e-4 * matrix.max())


@pytest.mark.parametrize("rank", [0, 5])
def test_rank_out_of_range(rank):
    with pytest.raises(InputError, match=r"a rank in 1\.\.4"):
        factorize(torch.eye(4), rank)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_systems_with_low_rank_plus_diagonal(dtype):
    factor, diagonal, vectors = RNG.standard_normal((60, 8)), RNG.uniform(0.5, 2, 60), RNG.standard_normal((60, 3))
    expected = np.linalg.solve(factor @ factor.T + np.diag(diagonal), vectors)
    system = LowRankPlusDiagonal.of(torch.tensor(factor, dtype=dtype), torch.tensor(diagonal))
    got = system.solve(torch.tensor(vectors))
    assert got.dtype == torch.float64
    np.testing.assert_allclose(got, expected, atol=1e-5 if dtype == torch.float32 else 1e-12)
