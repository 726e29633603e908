"""Products of matrices with themselves, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.linalg import gram, product, triangular_factor


def rows(n, d, dtype=torch.float64):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(n + d), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("shape", [(3, 1), (7, 5), (40, 300), (500, 257), (0, 4)])
def test_gram(shape):
    x = rows(*shape)
    found = gram(x)
    np.testing.assert_allclose(found, x.numpy().T @ x.numpy(), rtol=1e-12, atol=1e-12)
    assert gram(x.float()).dtype == torch.float32


@pytest.mark.parametrize(("n", "positions", "d"), [(3, 50, 4), (3, 4, 50), (3, 1, 5), (1, 7, 7)])
@pytest.mark.parametrize("channels_first", [True, False])
def test_rows_of_images(n, positions, d, channels_first):
    """Whichever axis lies together in memory, rows (n, S, d) are n S rows."""
    x = rows(n * positions, d).reshape(n, positions, d)
    images = x.mT.contiguous().mT if channels_first else x
    flat, matrix = x.numpy().reshape(-1, d), rows(d, 2)
    np.testing.assert_allclose(gram(images), flat.T @ flat, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(product(images, matrix).flatten(0, 1), flat @ matrix.numpy(), rtol=1e-12, atol=1e-12)
    if positions > 1:
        assert product(images, matrix).mT.is_contiguous() == channels_first


@pytest.mark.parametrize("shape", [(5000, 3), (1024, 300), (1300, 300), (7, 5), (3, 5), (5, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_triangular_factor(shape, dtype):
    x = rows(*shape, dtype)
    factor = triangular_factor(x)
    assert factor.shape == (min(shape), shape[1])
    assert factor.dtype == torch.float64
    assert torch.equal(factor, factor.triu())
    exact = x.double().numpy()
    np.testing.assert_allclose(factor.mT @ factor, exact.T @ exact, rtol=1e-11, atol=1e-11)


def test_triangular_factor_keeps_small_singular_values():
    """In X^T X values of 1e-9 beside 1 would be lost."""
    directions = torch.linalg.qr(rows(3000, 4))[0]
    scales = torch.tensor([1.0, 1e-3, 1e-6, 1e-9], dtype=torch.float64)
    found = torch.linalg.svdvals(triangular_factor(directions * scales))
    torch.testing.assert_close(found, scales, rtol=1e-6, atol=0)
