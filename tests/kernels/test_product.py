"""The L1 kernel: a product over coordinates."""

from __future__ import annotations

import numpy as np
import torch

from agop.kernels import Laplace, ProductLaplace

X = torch.tensor(np.random.default_rng(0).standard_normal((15, 4)))


def test_is_the_product_of_one_dimensional_laplace_kernels():
    product = torch.ones(15, 15, dtype=torch.float64)
    for axis in range(4):
        product *= Laplace(1.7)(X[:, [axis]])
    torch.testing.assert_close(ProductLaplace(1.7)(X), product)


def test_in_one_dimension_it_is_the_laplace_kernel():
    x, coefficients = X[:, :1], X[:, 1:3]
    torch.testing.assert_close(ProductLaplace(1.7)(x), Laplace(1.7)(x))
    torch.testing.assert_close(
        ProductLaplace(1.7).output_gradients(x, x, coefficients), Laplace(1.7).output_gradients(x, x, coefficients)
    )


def test_shared_coordinates_have_no_slope():
    """Two points that agree in one coordinate: the derivative along it is 0 (symmetric kink)."""
    center, point = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.5, 2.0]])
    gradient = ProductLaplace(2.0).output_gradients(point, center, torch.ones(1, 1))[0, 0]
    assert gradient[0] == 0
    assert gradient[1].item() < 0


def test_gradients_do_not_depend_on_the_blocks_of_points(monkeypatch):
    coefficients = X[:, :2]
    whole = ProductLaplace(2.0).output_gradients(X, X, coefficients)
    monkeypatch.setattr("agop.chunks.DEFAULT_CHUNK_BYTES", 3000)
    torch.testing.assert_close(ProductLaplace(2.0).output_gradients(X, X, coefficients), whole)
