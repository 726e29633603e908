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


def table(n, rng):
    """Two numbers, ten columns of two values each with a gap of their own, and one that never changes."""
    numbers, gaps = rng.standard_normal((n, 2)), np.random.default_rng(1).uniform(0.1, 2.0, 10)
    categories = rng.integers(0, 2, (n, 10)) * gaps - 0.3
    return torch.tensor(np.hstack([numbers[:, :1], categories, np.full((n, 1), 4.0), numbers[:, 1:]]))


def test_columns_of_two_values_are_as_all_others():
    """They are multiplied; a difference for each pair and column is the oracle."""
    rng = np.random.default_rng(0)
    x, z, coefficients = table(17, rng), table(23, rng), torch.tensor(rng.standard_normal((23, 3)))
    kernel = ProductLaplace(3.0)
    differences = x[:, None] - z
    decay = (-differences.abs().sum(2) / 3).exp()
    torch.testing.assert_close(kernel(x, z), decay, rtol=1e-13, atol=0)
    slopes = -torch.einsum("ij,ijk,jl->lik", decay, differences.sign(), coefficients) / 3
    torch.testing.assert_close(kernel.output_gradients(x, z, coefficients), slopes, rtol=1e-11, atol=1e-14)


def test_columns_of_two_values_keep_the_matrix_symmetric_and_equal_rows_together():
    x = table(40, np.random.default_rng(0)).float()
    x = torch.cat([x, x[:5]])
    distances = ProductLaplace().distances(x)
    assert torch.equal(distances, distances.mT)
    assert torch.equal(distances[torch.arange(40, 45), torch.arange(5)], torch.zeros(5))
    assert torch.equal(ProductLaplace().distances(x, x.clone())[torch.arange(40, 45), torch.arange(5)], torch.zeros(5))


def test_a_value_that_only_the_centers_have_is_told_apart():
    """Each set has two values in every column, and together they have three."""
    x, z = torch.tensor([[0.0], [1.0]]).expand(2, 9), torch.tensor([[0.5], [1.0]]).expand(2, 9)
    expected = torch.tensor([[4.5, 9.0], [4.5, 0.0]])
    torch.testing.assert_close(ProductLaplace().distances(x, z), expected)
