"""Closed forms of cross-validation against refits that leave one sample out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import oracles_kernels
from agop.errors import InputError
from agop.solvers.leave_one_out import (
    generalised_residuals,
    inverse_diagonal,
    leave_one_out_residuals,
    sample_residuals,
)

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
    gram, y, weights, matrix = problem(ridge, weighted)
    expected = np.empty_like(y)
    for i in range(N):
        kept = np.arange(N) != i
        coefficients = np.linalg.solve(gram[np.ix_(kept, kept)] + ridge * np.diag(1 / weights[kept]), y[kept])
        expected[i] = y[i] - gram[i, kept] @ coefficients
    coefficients = torch.tensor(np.linalg.solve(matrix, y))
    got = leave_one_out_residuals(coefficients, inverse_diagonal(factor(matrix)))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_generalised_against_the_hat_matrix(weighted):
    gram, y, weights, matrix = problem(0.3, weighted)
    hat = gram @ np.linalg.inv(matrix)  # predictions at the samples are hat @ y
    expected = (y - hat @ y) / (1 - np.trace(hat) / N)
    coefficients = torch.tensor(np.linalg.solve(matrix, y))
    got = generalised_residuals(coefficients, inverse_diagonal(factor(matrix)), torch.tensor(weights))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


def test_generalised_residuals_do_not_change_with_a_rotation():
    gram, y, _, _ = problem(0.0, False)
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((N, N)))[0]
    errors = []
    for k, t in ((gram, y), (rotation @ gram @ rotation.T, rotation @ y)):
        matrix = k + 0.3 * np.eye(N)
        coefficients = torch.tensor(np.linalg.solve(matrix, t))
        errors.append(generalised_residuals(coefficients, inverse_diagonal(factor(matrix))).square().sum().item())
    assert errors[0] == pytest.approx(errors[1], rel=1e-10)


@pytest.mark.parametrize("max_memory", [None, 1, 7 * 2 * 8 * N, 10**9])
def test_blocks_of_columns(max_memory):
    matrix = problem(0.1, True)[3]
    got = inverse_diagonal(factor(matrix), max_memory=max_memory)
    np.testing.assert_allclose(got, np.diag(np.linalg.inv(matrix)), rtol=1e-11)


def test_more_columns_than_one_block():
    rng = np.random.default_rng(2)
    root = rng.standard_normal((700, 700))
    matrix = root @ root.T / 700 + np.eye(700)
    np.testing.assert_allclose(inverse_diagonal(factor(matrix)), np.diag(np.linalg.inv(matrix)), rtol=1e-11)


def test_float32_factor():
    matrix = problem(0.1, False)[3]
    got = inverse_diagonal(factor(matrix, torch.float32))
    assert got.dtype == torch.float64
    np.testing.assert_allclose(got, np.diag(np.linalg.inv(matrix)), rtol=1e-4)


def test_shapes():
    for residuals in (leave_one_out_residuals, generalised_residuals):
        with pytest.raises(InputError, match=r"a diagonal \(n,\)"):
            residuals(torch.ones(3, 1), torch.ones(2))


@pytest.mark.parametrize("factor", [1.0, 100.0])
@pytest.mark.parametrize("ridge", [1e-3, 1.0])
def test_one_of_several_equal_samples_against_refits(ridge, factor):
    """Groups of 1, 2 and 3 equal samples with targets of their own, and a group of weight one half.

    A factor on the weights of every other group makes its samples matter more, and not be more.
    """
    gram, *_ = problem(ridge, False)
    group = np.repeat(np.arange(N), np.arange(N) % 3 + 1)
    y = np.random.default_rng(5).standard_normal((len(group), 2))
    copies = np.where(group == 0, 0.5, 1.0)
    weights = copies * np.where(group % 2, factor, 1.0)
    expected = np.empty_like(y)
    for j in range(len(group)):
        kept = np.arange(len(group)) != j
        system = gram[np.ix_(group[kept], group[kept])] + ridge * np.diag(1 / weights[kept])
        expected[j] = y[j] - gram[group[j], group[kept]] @ np.linalg.solve(system, y[kept])
    totals = np.bincount(group, weights)
    means = np.stack([np.bincount(group, weights * column) / totals for column in y.T], 1)
    matrix = gram + ridge * np.diag(1 / totals)
    got = sample_residuals(
        torch.tensor(np.linalg.solve(matrix, means)),
        torch.tensor(np.diag(np.linalg.inv(matrix))),
        ridge,
        torch.tensor(totals),
        torch.tensor(np.bincount(group, copies)),
        torch.tensor(y - means[group]),
        torch.tensor(group),
    )
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-8)


def test_a_ridge_of_zero_is_the_limit_of_small_ones():
    gram, y, *_ = problem(0.0, False)
    coefficients, inverse = torch.tensor(np.linalg.solve(gram, y)), torch.tensor(np.diag(np.linalg.inv(gram)))
    got = sample_residuals(coefficients, inverse, 0.0, *torch.ones(2, N), torch.zeros(N, 2), torch.arange(N))
    np.testing.assert_allclose(got, leave_one_out_residuals(coefficients, inverse), rtol=1e-6)


def test_generalised_residuals_of_samples_are_those_of_the_hat_matrix():
    gram, y, weights, matrix = problem(0.3, False)
    hat = gram @ np.linalg.inv(matrix)
    got = sample_residuals(
        torch.tensor(np.linalg.solve(matrix, y)),
        torch.tensor(np.diag(np.linalg.inv(matrix))),
        0.3,
        torch.tensor(weights),
        torch.ones(N),
        torch.zeros(N, 2),
        torch.arange(N),
        generalised=True,
    )
    np.testing.assert_allclose(got, (y - hat @ y) / (1 - np.trace(hat) / N), rtol=0, atol=1e-9)
