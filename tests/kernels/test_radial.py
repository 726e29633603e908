"""Kernels of the distance: the members of one family, and what is theirs alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.kernels import Gaussian, GeneralizedGaussian, Laplace

X = torch.tensor(np.random.default_rng(0).standard_normal((20, 3)))


def test_family_contains_laplace_and_gaussian():
    torch.testing.assert_close(GeneralizedGaussian(1.3, exponent=1.0)(X), Laplace(1.3)(X))
    torch.testing.assert_close(GeneralizedGaussian(1.3, exponent=2.0)(X), Gaussian(1.3 / 2**0.5)(X))


def test_family_contains_their_gradients():
    coefficients = torch.tensor(np.random.default_rng(1).standard_normal((20, 2)))
    for member, kernel in (
        (GeneralizedGaussian(1.3, exponent=1.0), Laplace(1.3)),
        (GeneralizedGaussian(1.3, exponent=2.0), Gaussian(1.3 / 2**0.5)),
    ):
        expected = kernel.output_gradients(X + 0.1, X, coefficients)
        torch.testing.assert_close(member.output_gradients(X + 0.1, X, coefficients), expected)


@pytest.mark.parametrize("exponent", [0, -1, 2.001, float("nan"), float("inf")])
def test_an_exponent_that_is_not_positive_definite_is_refused(exponent):
    with pytest.raises(InputError, match=r"exponent in \(0, 2\]"):
        GeneralizedGaussian(1.0, exponent=exponent)(X)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kernel", [Laplace(1.0), Gaussian(1.0), GeneralizedGaussian(1.0, exponent=0.5)], ids=str)
def test_gradient_weights_vanish_where_points_coincide(kernel, dtype):
    x = X.to(dtype)
    x = torch.cat([x, x[:5]])
    weights = kernel.gradient_weights(x)
    assert (weights.diagonal() == 0).all()
    assert (weights[:5, 20:].diagonal() == 0).all()
    assert torch.isfinite(weights).all()
    assert ((weights < 0).sum(1) >= 23).all()
    torch.testing.assert_close(weights, kernel.gradient_weights(x, x.clone()), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kernel", [Laplace(1.0), GeneralizedGaussian(1.0, exponent=1.5)], ids=str)
def test_gradient_weights_of_close_pairs(kernel):
    """float64, 1e-6 apart: V = kappa'(r)/r keeps its digits."""
    pair = torch.tensor([[0.6, 0.8], [0.6 - 0.8e-6, 0.8 + 0.6e-6], [-1.0, 0.0]], dtype=torch.float64)
    r = (pair[0] - pair[1]).norm()
    value = kernel.profile_(r.clone()[None])
    expected = kernel.weights_(r.clone()[None], value)[0]
    assert kernel.gradient_weights(pair)[0, 1].item() == pytest.approx(expected.item(), rel=1e-8)


def test_far_points_underflow_to_zero_without_a_warning():
    far = torch.tensor([[0.0], [1e6]])
    assert Gaussian(1.0)(far)[0, 1] == 0
    assert Laplace(1.0)(far)[0, 1] == 0
    assert torch.isfinite(Gaussian(1.0).gradient_weights(far)).all()


@pytest.mark.parametrize("n_points", [0, 1, 3, 7, 20])
@pytest.mark.parametrize("n_outputs", [1, 5])
def test_gradients_of_any_number_of_points_and_outputs_are_those_of_the_definition(n_points, n_outputs):
    rng = np.random.default_rng(0)
    points, centers, coefficients = (rng.normal(size=size) for size in ((n_points, 7), (30, 7), (30, n_outputs)))
    difference = points[:, None] - centers
    distance = np.linalg.norm(difference, axis=2)
    expected = np.einsum("jl,ij,ijd->lid", coefficients, -np.exp(-distance / 2) / (2 * distance), difference)
    found = Laplace(2.0).output_gradients(*map(torch.tensor, (points, centers, coefficients)))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-13)
