"""The kernel matrix as an operator."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.kernels import Gaussian, GramOperator, Laplace, ProductLaplace
from agop.kernels import matrix as operator_module
from oracles import kernels as oracles_kernels

X = np.random.default_rng(0).standard_normal((37, 3))


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(operator_module, "_BLOCK", 8)


@pytest.mark.parametrize("kernel", [Laplace(2.0), Gaussian(1.0), ProductLaplace(3.0)], ids=str)
@pytest.mark.parametrize("kept", [0, 7, 100], ids="{} blocks kept".format)
def test_products_columns_and_diagonal_against_numpy(kernel, kept):
    expected = oracles_kernels.gram(type(kernel).__name__, X, X, **kernel.get_params())
    gram = GramOperator(kernel, torch.tensor(X), kept * 8 * 8 * 8)
    vectors = np.random.default_rng(1).standard_normal((37, 2))
    for _ in range(2):  # the second time from what was kept
        np.testing.assert_allclose(gram @ torch.tensor(vectors), expected @ vectors, atol=1e-12)
    index = torch.tensor([5, 0, 36])
    np.testing.assert_allclose(gram.columns(index), expected[:, index], atol=1e-12)
    np.testing.assert_allclose(gram.diagonal, np.diag(expected), atol=1e-12)


def test_entries_in_float32_products_in_float64():
    gram = GramOperator(Laplace(2.0), torch.tensor(X, dtype=torch.float32), 10**6)
    product = gram @ torch.ones(37, 1, dtype=torch.float64)
    assert product.dtype == torch.float64
    np.testing.assert_allclose(product[:, 0], oracles_kernels.gram("Laplace", X, X, bandwidth=2.0).sum(1), rtol=1e-6)


def test_kept_blocks_stay_within_the_budget():
    gram = GramOperator(Laplace(2.0), torch.tensor(X), 3 * 8 * 8 * 8 + 1)
    gram @ torch.ones(37, 1)
    assert sum(block.numel() for block in gram._kept.values()) <= 3 * 8 * 8
    assert len(gram._kept) == 3
