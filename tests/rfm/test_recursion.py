"""The recursive feature machine against the numpy recursion."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.errors import InputError, MemoryBudgetError
from agop.kernels import Exponential, Gaussian, GeneralizedGaussian, Laplace, Polynomial, ProductLaplace
from agop.rfm import Limits, Samples, Setting, rfm
from agop.rfm.recursion import in_turn
from oracles import kernels as oracles_kernels

RNG = np.random.default_rng(0)
X = RNG.standard_normal((26, 4))
Y = np.stack([np.sin(2 * X[:, 0]), X[:, 1] * X[:, 2]], axis=1)
KERNELS = [Laplace(2.0), Gaussian(2.0), GeneralizedGaussian(2.0, exponent=1.3), ProductLaplace(4.0)]


def steps(kernel, *, y=Y, dtype=torch.float64, ridge=1e-3, power=1.0, weights=None, **arguments):
    samples = Samples.of(torch.tensor(X, dtype=dtype), torch.tensor(y, dtype=dtype), weights)
    return list(rfm(samples, Setting(kernel, ridge, power=power), **arguments))


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize(("weighted", "power"), [(False, 1.0), (True, 1.0), (True, 0.5), (False, 0.25)])
def test_every_iterate_against_the_oracle(kernel, diagonal, weighted, power):
    weights = np.random.default_rng(1).uniform(0.5, 2, len(X)) if weighted else None
    expected = oracles_kernels.rfm(
        type(kernel).__name__,
        X,
        Y,
        ridge=0.01,
        n_iterations=5,
        diagonal=diagonal,
        power=power,
        weights=weights,
        **kernel.get_params(),
    )
    got = steps(
        kernel,
        ridge=0.01,
        n_iterations=5,
        diagonal=diagonal,
        power=power,
        weights=None if weights is None else torch.tensor(weights),
    )
    assert [step.iteration for step in got] == list(range(6))
    assert [step.power for step in got] == [0.0] + 5 * [power]
    for step, (matrix, coefficients) in zip(got, expected, strict=True):
        if matrix is None:
            assert step.machine.metric is None
            assert step.plan is None
        else:
            assert step.plan.dtype == torch.float64
            np.testing.assert_allclose(step.machine.metric.matrix, matrix, rtol=0, atol=1e-9)
        limit = 1e-9 * abs(coefficients).max()
        np.testing.assert_allclose(step.machine.coefficients, coefficients, rtol=0, atol=limit)


INNER_PRODUCTS = [Polynomial(1.5, offset=0.5), Exponential(3.0)]


@pytest.mark.parametrize("kernel", [Gaussian(2.0), ProductLaplace(4.0), *INNER_PRODUCTS], ids=str)
@pytest.mark.parametrize(
    ("diagonal", "weighted", "power", "centered"),
    [(False, True, 1.0, True), (True, False, 0.5, True), (False, True, 0.5, False)],
)
def test_every_iterate_of_other_kernels_and_centered_gradients_against_the_oracle(
    kernel, diagonal, weighted, power, centered
):
    weights = np.random.default_rng(1).uniform(0.5, 2, len(X)) if weighted else None
    options = {"ridge": 0.01, "n_iterations": 3, "diagonal": diagonal, "power": power, "centered": centered}
    expected = oracles_kernels.rfm(type(kernel).__name__, X, Y, **options, weights=weights, **kernel.get_params())
    got = steps(kernel, **options, weights=None if weights is None else torch.tensor(weights))
    for step, (matrix, coefficients) in zip(got, expected, strict=True):
        if matrix is not None:
            np.testing.assert_allclose(step.machine.metric.matrix, matrix, rtol=0, atol=1e-8)
        limit = 1e-7 * abs(coefficients).max()
        np.testing.assert_allclose(step.machine.coefficients, coefficients, rtol=0, atol=limit)


def test_centered_gradients_drop_the_linear_part():
    """A function that is linear in one column and curved in another: the latter alone is a feature."""
    x = torch.tensor(np.random.default_rng(2).uniform(-2, 2, (150, 4)))
    samples = Samples.of(x, x[:, :1] + x[:, 1:2].cos())
    plain, centered = (
        list(rfm(samples, Setting(Polynomial(4.0, offset=1.0, degree=4), 1e-3), 1, centered=centered))[
            1
        ].machine.metric.matrix.diagonal()
        for centered in (False, True)
    )
    assert plain.argmax() == 0
    assert centered.argmax() == 1
    assert centered[0] < 0.1 * plain[0]


def test_centered_gradients_need_all_samples():
    with pytest.raises(InputError, match="all samples"):
        steps(Laplace(2.0), centered=True, limits=Limits(agop_samples=10))


@pytest.mark.parametrize("diagonal", [False, True])
def test_float32_follows(diagonal):
    exact, rounded = (steps(Laplace(2.0), dtype=dtype, diagonal=diagonal) for dtype in (torch.float64, torch.float32))
    x = torch.tensor(X)
    for a, b in zip(exact, rounded, strict=True):
        assert b.machine(x.float()).dtype == torch.float32
        np.testing.assert_allclose(b.machine(x.float()), a.machine(x), rtol=0, atol=1e-3)


@pytest.mark.parametrize("power", [0.25, 1.0])
def test_largest_entry_of_a_metric_is_one(power):
    for diagonal in (False, True):
        for step in steps(Laplace(2.0), diagonal=diagonal, power=power)[1:]:
            assert step.machine.metric.matrix.max() == 1


def test_features_that_matter_are_found():
    rng = np.random.default_rng(2)
    x = torch.tensor(rng.standard_normal((200, 10)))
    *_, last = rfm(Samples.of(x, torch.sin(2 * x[:, [3]])), Setting(Laplace(5.0), 1e-3))
    weights = last.machine.metric.matrix.diagonal()
    assert weights.argmax() == 3
    assert weights.sort().values[-2].item() < 0.1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("power", [0.25, 1.0])
@pytest.mark.parametrize("kernel", [Gaussian(5.0), Laplace(5.0)], ids=str)
def test_constant_features_are_ignored(kernel, power, diagonal, dtype):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((40, 60)), rng.standard_normal((40, 10))
        x[:, 3], x[:, 5] = 0.1, rng.uniform(0, 10)
        x, y = torch.tensor(x, dtype=dtype), torch.tensor(y, dtype=dtype)
        *_, last = rfm(Samples.of(x, y), Setting(kernel, 1e-3, power=power), 3, diagonal=diagonal)
        matrix = last.machine.metric.matrix
        steepness = matrix if diagonal else matrix.diagonal()
        assert steepness[[3, 5]].abs().max().item() < 1e-6


def test_steps_are_computed_one_by_one():
    iterates = rfm(Samples.of(torch.tensor(X), torch.tensor(Y)), Setting(Laplace(2.0), 1e-3), 1000)
    assert next(iterates).iteration == 0
    assert next(iterates).iteration == 1
    iterates.close()


def test_no_iteration_is_kernel_ridge_regression():
    (only,) = steps(Laplace(2.0), n_iterations=0, ridge=0.1)
    gram = oracles_kernels.gram("Laplace", X, X, bandwidth=2.0)
    np.testing.assert_allclose(only.machine.coefficients, oracles_kernels.ridge_coefficients(gram, Y, 0.1))


def test_limited_memory_changes_nothing_but_the_plan():
    whole = steps(Laplace(2.0), n_iterations=2)
    limited = steps(Laplace(2.0), n_iterations=2, limits=Limits(max_memory=26 * 26 * 8))
    for a, b in zip(whole, limited, strict=True):
        torch.testing.assert_close(a.machine.coefficients, b.machine.coefficients, rtol=0, atol=1e-8)
    with pytest.raises(MemoryBudgetError):
        steps(Laplace(2.0), limits=Limits(max_memory=26 * 26 * 8 - 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_iterations": -1}, "n_iterations >= 0"),
        ({"ridge": -1.0}, "ridge"),
        ({"weights": -torch.ones(26)}, "weights"),
        ({"weights": torch.ones(25)}, "weights"),
    ],
)
def test_unusable_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        steps(Laplace(2.0), **arguments)


@pytest.mark.parametrize(("value", "length"), [(0.0, 1), (1.0, 6)])
def test_targets_without_a_signal(value, length):
    """Zero targets have no gradients to learn from; constant ones have."""
    found = steps(Laplace(2.0), y=np.full((26, 1), value))
    assert len(found) == length
    assert bool(found[-1].machine.coefficients.any()) == bool(value)


def test_settings_of_each_iterate():
    """A function of the iterate and of what was learned so far says the kernel, the ridge and the power."""
    seen = []

    def settings(iteration, agops):
        seen.append((iteration, [agop is None for agop in agops]))
        return Setting(Laplace(2.0 + iteration), 0.1 / (1 + iteration), power=0.5 / (1 + iteration))

    samples = Samples.of(torch.tensor(X), torch.tensor(Y))
    got = list(rfm(samples, settings, 2))
    assert seen == [(0, [True]), (1, [False]), (2, [False])]
    assert [step.machine.kernel.bandwidth for step in got] == [2.0, 3.0, 4.0]
    assert [step.ridge for step in got] == [0.1, 0.05, 0.1 / 3]
    assert [step.power for step in got] == [0.0, 0.25, 0.5 / 3]
    turns = list(rfm(samples, in_turn([Setting(Laplace(2.0), 0.1), Setting(Laplace(3.0), 0.2)]), 2))
    assert [step.ridge for step in turns] == [0.1, 0.2, 0.2]
