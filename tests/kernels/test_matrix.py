"""The kernel matrix: its entries, products, columns and diagonal."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.kernels import Gaussian, KernelMatrix, Laplace, Metric, ProductLaplace
from agop.kernels import matrix as matrix_module
from oracles import kernels as oracles_kernels

X = np.random.default_rng(0).standard_normal((37, 3))


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(matrix_module, "_BLOCK", 8)


@pytest.mark.parametrize("metric", [None, np.cov(X.T), np.array([1.0, 0.0, 3.0])], ids=["identity", "full", "diagonal"])
@pytest.mark.parametrize("kernel", [Laplace(2.0), Gaussian(1.0), ProductLaplace(3.0)], ids=str)
@pytest.mark.parametrize("kept", [0, 7, 100], ids="{} blocks kept".format)
def test_entries_products_columns_and_diagonal_against_numpy(kernel, kept, metric):
    expected = oracles_kernels.gram(type(kernel).__name__, X, X, metric, **kernel.get_params())
    metric = None if metric is None else Metric(torch.tensor(metric))
    gram = KernelMatrix(kernel, torch.tensor(X), metric=metric, max_memory=kept * 8 * 8 * 4)
    for dtype, atol in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        assert gram.dense(dtype).dtype == dtype
        np.testing.assert_allclose(gram.dense(dtype), expected, atol=atol)
    vectors = np.random.default_rng(1).standard_normal((37, 2))
    for _ in range(2):  # the second time from what was kept
        product = gram @ torch.tensor(vectors)
        assert product.dtype == torch.float64
        np.testing.assert_allclose(product, expected @ vectors, atol=1e-5)
    index = torch.tensor([5, 0, 36])
    np.testing.assert_allclose(gram.columns(index), expected[:, index], atol=1e-5)
    rows = torch.tensor([1, 1, 30, 5])
    np.testing.assert_allclose(gram.between(rows, index, torch.float64), expected[rows][:, index], atol=1e-12)
    np.testing.assert_allclose(gram.between(slice(3, 9), index, torch.float32), expected[3:9][:, index], atol=1e-5)
    np.testing.assert_allclose(gram.diagonal, np.diag(expected), atol=1e-12)


def test_blocks_are_kept_within_the_memory(monkeypatch):
    """Of 15 blocks, those that fit are computed once, the others for each product."""
    counted = []
    original = Laplace.gram
    gram = KernelMatrix(Laplace(2.0), torch.tensor(X), max_memory=3 * 8 * 8 * 4 + 1)
    monkeypatch.setattr(Laplace, "gram", lambda *points: counted.append(points) or original(*points))
    for matrix, blocks in ((gram, 15), (gram, 12), (gram.within(0), 15), (gram.within(10**6), 15)):
        counted.clear()
        matrix @ torch.ones(37, 1)
        assert len(counted) == blocks


@pytest.mark.parametrize("kernel", [Laplace(1.5), ProductLaplace(1.5)])
def test_known_distances_are_not_taken_again(kernel):
    points = torch.tensor(np.random.default_rng(0).standard_normal((20, 3)))
    distances = kernel.distances(points)
    kept = distances.clone()
    found = KernelMatrix(kernel, torch.zeros_like(points), distances=distances).dense(torch.float64)
    torch.testing.assert_close(found, KernelMatrix(kernel, points).dense(torch.float64))
    assert torch.equal(distances, kept)
    assert KernelMatrix(kernel, points, distances=distances.float()).dtype == torch.float32
