"""AGOP of any function, against Jacobians of torch.func."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import jacrev, vmap

from agop.errors import InputError
from agop.outer_product import average_gradient_outer_product

X = torch.tensor(np.random.default_rng(0).standard_normal((30, 5)))


def network(*extra):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), *extra, nn.Tanh(), nn.Linear(8, 3)).double().eval()


def truth(function, x):
    jacobians = vmap(jacrev(lambda row: function(row[None])[0]))(x)
    jacobians = jacobians.reshape(len(x), -1, x.shape[1])
    return torch.einsum("ncd,nce->de", jacobians, jacobians) / len(x)


def test_network():
    model = network()
    agop = average_gradient_outer_product(model, X)
    assert agop.dtype == torch.float64
    torch.testing.assert_close(agop, truth(model, X), rtol=1e-10, atol=1e-12)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not X.requires_grad


def test_plain_function_of_one_output():
    expected = truth(lambda x: (x**2).sum(1, keepdim=True), X)
    for function in (lambda x: (x**2).sum(1), lambda x: (x**2).sum(1, keepdim=True)):
        torch.testing.assert_close(average_gradient_outer_product(function, X), expected)


@pytest.mark.parametrize("max_memory", [0, 1, 500, 10**4])
def test_batches_do_not_matter(max_memory):
    model = network()
    whole = average_gradient_outer_product(model, X)
    torch.testing.assert_close(average_gradient_outer_product(model, X, max_memory=max_memory), whole)


def test_batches_are_as_small_as_asked_for():
    sizes = []

    def function(x):
        sizes.append(len(x))
        return x @ torch.ones(5, 3, dtype=torch.float64)

    average_gradient_outer_product(function, X, max_memory=3 * 5 * 8 * 4)
    assert max(sizes) <= 4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_lower_precision(dtype):
    weight = torch.tensor(np.random.default_rng(1).standard_normal((5, 3)), dtype=dtype)
    agop = average_gradient_outer_product(lambda x: x @ weight, X.to(dtype))
    assert agop.dtype == torch.float64
    torch.testing.assert_close(agop, weight.double() @ weight.double().mT, rtol=1e-10, atol=1e-12)


def test_gradients_are_taken_also_without_grad():
    with torch.no_grad():
        agop = average_gradient_outer_product(lambda x: x[:, :2], X)
    torch.testing.assert_close(agop, torch.diag(torch.tensor([1.0, 1, 0, 0, 0], dtype=torch.float64)))


@pytest.mark.parametrize(
    "constant", [lambda x: torch.ones(len(x), 2), lambda x: torch.cat([torch.ones(len(x), 1), x * 0], 1)]
)
def test_constant_function_has_a_zero_agop(constant):
    assert (average_gradient_outer_product(constant, X) == 0).all()


def test_batch_norm_and_dropout_in_eval_mode():
    model = network(nn.BatchNorm1d(8), nn.Dropout())
    torch.testing.assert_close(average_gradient_outer_product(model.eval(), X), truth(model, X))


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(8), nn.Dropout()], ids=["batch norm", "dropout"])
def test_training_mode_is_refused(layer):
    model = network(layer)
    layer.train()
    with pytest.raises(InputError, match=r"Call model.eval\(\)"):
        average_gradient_outer_product(model, X)


@pytest.mark.parametrize("inputs", [X[:0], X[0], X.long(), X * float("nan"), X / 0], ids=str)
def test_unusable_inputs_are_refused(inputs):
    with pytest.raises(InputError, match="finite floating-point inputs"):
        average_gradient_outer_product(lambda x: x, inputs)


@pytest.mark.parametrize("function", [lambda x: x.sum(), lambda x: x[:, None], lambda x: torch.cat([x, x])])
def test_outputs_that_are_not_one_row_a_sample_are_refused(function):
    with pytest.raises(InputError, match="one row a sample"):
        average_gradient_outer_product(function, X)


def test_gradients_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="finite gradients"):
        average_gradient_outer_product(lambda x: (x - X[0]).norm(dim=1) ** 0.5 * float("inf"), X)
