"""Closed forms of cross-validation against refits that leave one sample out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.solvers import Cholesky, CholeskyFactor, DenseMatrix
from agop.solvers.cross_validation import SplitSystem
from oracles import kernels as oracles_kernels

N = 25


def problem(ridge, weighted):
    """Kernel matrix, targets, weights, and A = K + ridge diag(1/w)."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((N, 3)), rng.standard_normal((N, 2))
    weights = rng.uniform(0.2, 3, N) if weighted else np.ones(N)
    gram = oracles_kernels.gram("Laplace", x, x, bandwidth=2.0)
    return gram, y, weights, gram + ridge * np.diag(1 / weights)


def factor(matrix, dtype=torch.float64):
    return torch.tensor(np.linalg.cholesky(matrix), dtype=dtype)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 1e-3, 1.0])
def test_against_refits(ridge, weighted):
    gram, y, weights, _ = problem(ridge, weighted)
    expected = np.empty_like(y)
    for i in range(N):
        kept = np.arange(N) != i
        coefficients = np.linalg.solve(gram[np.ix_(kept, kept)] + ridge * np.diag(1 / weights[kept]), y[kept])
        expected[i] = y[i] - gram[i, kept] @ coefficients
    system = DenseMatrix(torch.tensor(gram), torch.tensor(ridge / weights))
    got = Cholesky().solve(system, torch.tensor(y), left_out=torch.arange(N)).left_out
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("max_memory", [None, 1, 7 * 2 * 8 * N, 10**9])
def test_blocks_of_columns(max_memory):
    matrix = problem(0.1, True)[3]
    got = CholeskyFactor(factor(matrix)).inverse_diagonal(max_memory=max_memory)
    np.testing.assert_allclose(got, np.diag(np.linalg.inv(matrix)), rtol=1e-11)


def test_more_columns_than_one_block():
    rng = np.random.default_rng(2)
    root = rng.standard_normal((700, 700))
    matrix = root @ root.T / 700 + np.eye(700)
    np.testing.assert_allclose(
        CholeskyFactor(factor(matrix)).inverse_diagonal(), np.diag(np.linalg.inv(matrix)), rtol=1e-11
    )


def test_float32_factor():
    matrix = problem(0.1, False)[3]
    got = CholeskyFactor(factor(matrix, torch.float32)).inverse_diagonal()
    assert got.dtype == torch.float64
    np.testing.assert_allclose(got, np.diag(np.linalg.inv(matrix)), rtol=1e-4)


@pytest.mark.parametrize("rows", [[3], [24], [20, 4, 11], [7, 7], []])
@pytest.mark.parametrize("max_memory", [None, 1])
def test_some_rows_in_any_order(rows, max_memory):
    matrix = problem(0.1, True)[3]
    got = CholeskyFactor(factor(matrix)).inverse_diagonal(torch.tensor(rows, dtype=torch.long), max_memory=max_memory)
    np.testing.assert_allclose(got, np.diag(np.linalg.inv(matrix))[rows], rtol=1e-11)


@pytest.mark.parametrize("first", [0, 1, 15, N - 1])
@pytest.mark.parametrize("weighted", [False, True])
def test_both_parts_of_a_split_system_against_refits(first, weighted):
    gram, y, _, matrix = problem(0.3, weighted)
    system = SplitSystem.of(DenseMatrix(torch.tensor(matrix)), torch.tensor(y), first)
    learned = np.linalg.solve(matrix[:first, :first], y[:first])
    np.testing.assert_allclose(system.coefficients(), learned, rtol=0, atol=1e-10)
    expected = np.empty((N - first, 2))
    for i in range(first, N):
        kept = np.arange(N) != i
        expected[i - first] = y[i] - gram[i, kept] @ np.linalg.solve(matrix[np.ix_(kept, kept)], y[kept])
    np.testing.assert_allclose(system.residuals(), expected, rtol=0, atol=1e-9)
