"""AGOP of kernel machines, against Jacobians of torch.func and the numpy oracle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.func import jacrev, vmap

from agop.chunks import BLOCK
from agop.errors import InputError
from agop.kernel_machine import KernelMachine
from agop.kernels import Gaussian, GeneralizedGaussian, Laplace, Metric, ProductLaplace
from agop.outer_product import AGOPPlan, kernel_agop, normalized_agop
from oracles import kernels as oracles_kernels

KERNELS = [
    Laplace(bandwidth=2.0),
    Gaussian(bandwidth=1.5),
    GeneralizedGaussian(bandwidth=2.0, exponent=0.7),
    GeneralizedGaussian(bandwidth=2.0, exponent=1.5),
    ProductLaplace(bandwidth=4.0),
]
every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=str)
RADIAL = [kernel for kernel in KERNELS if not isinstance(kernel, ProductLaplace)]
D = 5


def random(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape))


METRICS = {
    "identity": None,
    "diagonal": torch.tensor([1.0, 0.3, 2.0, 0.01, 0.7], dtype=torch.float64),
    "full": (lambda root: root @ root.mT)(random(D, D, seed=9)),
}


def squared_to_zero_safe_root(squares):
    """Root with slope 0 at 0: a point sees no gradient from a center that coincides with it."""
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1.0).sqrt(), 0.0)


def predictor(kernel, centers, coefficients, metric=None):
    """f(x) = sum_j a_j k(x, x_j) for one point, in differentiable operations."""
    d = centers.shape[1]
    matrix = torch.tensor(oracles_kernels.full_metric(None if metric is None else metric.numpy(), d))
    root = torch.tensor(oracles_kernels.symmetric_root(matrix.numpy()))

    def value(x):
        differences = x - centers
        if isinstance(kernel, ProductLaplace):
            return ((differences @ root).abs().sum(1) / -kernel.bandwidth).exp() @ coefficients
        squares = ((differences @ matrix) * differences).sum(1)
        if isinstance(kernel, Gaussian):
            return (squares / (-2 * kernel.bandwidth**2)).exp() @ coefficients
        r = squared_to_zero_safe_root(squares) / kernel.bandwidth
        if isinstance(kernel, Laplace):
            return (-r).exp() @ coefficients
        powers = torch.where(r > 0, torch.where(r > 0, r, 1.0) ** kernel.exponent, 0.0)
        return (-powers).exp() @ coefficients

    return value


def jacobians(function, points):
    """(n, C, d) by reverse-mode differentiation."""
    return vmap(jacrev(function))(points)


def mean_product(rows, weights=None):
    """(Weighted) mean of J^T J."""
    weights = torch.ones(len(rows), dtype=torch.float64) if weights is None else weights
    return torch.einsum("n,ncd,nce->de", weights, rows, rows) / weights.sum()


def plans(kernel):
    yield None
    yield AGOPPlan("per-output", torch.float64, 0.0)
    if not isinstance(kernel, ProductLaplace):
        yield AGOPPlan("elementwise", torch.float64, 0.0)


def assert_same(got, expected, limit=1e-10):
    assert got.dtype == torch.float64
    error = ((got - expected).abs().max() / expected.abs().max()).item()
    assert error < limit


@every_kernel
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("points", ["centers", "others"])
def test_against_automatic_differentiation(kernel, metric, points):
    x = random(24, D)
    x[20:] = x[:4]  # duplicates
    coefficients, matrix = random(24, 3, seed=1), METRICS[metric]
    z = x if points == "centers" else torch.cat([random(13, D, seed=2), x[:3]])
    rows = jacobians(predictor(kernel, x, coefficients, matrix), z)
    learned = None if matrix is None else Metric(matrix)
    for weights in (None, torch.tensor(np.random.default_rng(3).uniform(0, 2, len(z)))):
        expected = mean_product(rows, weights)
        for plan in plans(kernel):
            got = kernel_agop(KernelMachine(kernel, x, coefficients, learned), z, weights=weights, plan=plan).matrix
            assert_same(got, expected)
            copied = kernel_agop(
                KernelMachine(kernel, x, coefficients, learned), z.clone(), weights=weights, plan=plan
            ).matrix
            assert_same(copied, expected)


@every_kernel
def test_oracle_agrees_with_automatic_differentiation(kernel):
    x, coefficients = random(10, D), random(10, 2, seed=1)
    matrix = METRICS["full"]
    expected = oracles_kernels.agop(type(kernel).__name__, x, x, coefficients, matrix.numpy(), **kernel.get_params())
    assert_same(mean_product(jacobians(predictor(kernel, x, coefficients, matrix), x)), torch.tensor(expected))


@pytest.mark.parametrize("kernel", [Laplace(1.0), ProductLaplace(2.0)], ids=str)
@pytest.mark.parametrize("points", ["centers", "others"])
def test_more_rows_than_one_block(kernel, points):
    x = random(BLOCK + 3, 2)
    x[BLOCK + 1] = x[3]
    coefficients = random(len(x), 2, seed=1) / len(x)
    z = x if points == "centers" else random(BLOCK + 1, 2, seed=2)[::10]
    weights = torch.tensor(np.random.default_rng(3).uniform(0, 2, len(z)))
    expected = mean_product(jacobians(predictor(kernel, x, coefficients), z), weights)
    for plan in plans(kernel):
        found = kernel_agop(KernelMachine(kernel, x, coefficients), z, weights=weights, plan=plan).matrix
        assert_same(found, expected, 1e-9)  # of hundreds of points in a plane some nearly meet


@every_kernel
def test_weights_are_repetitions_of_points(kernel):
    x, z, coefficients = random(9, D), random(4, D, seed=2), random(9, 2, seed=1)
    counts = torch.tensor([1, 3, 0, 2])
    repeated = kernel_agop(KernelMachine(kernel, x, coefficients), z.repeat_interleave(counts, 0)).matrix
    assert_same(kernel_agop(KernelMachine(kernel, x, coefficients), z, weights=counts.double()).matrix, repeated)
    assert_same(kernel_agop(KernelMachine(kernel, x, coefficients), z, weights=counts.float()).matrix, repeated)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 7, 3, 2), (7, 1, 3, 2), (3, 4, 1, 5)])
@every_kernel
def test_small_problems(kernel, shape):
    n, m, d, outputs = shape
    z, x, coefficients = random(n, d, seed=2), random(m, d), random(m, outputs, seed=1)
    expected = mean_product(jacobians(predictor(kernel, x, coefficients), z))
    for plan in plans(kernel):
        assert_same(kernel_agop(KernelMachine(kernel, x, coefficients), z, plan=plan).matrix, expected)


@pytest.mark.parametrize("kernel", RADIAL, ids=str)
def test_singular_metric_ignores_pairs_that_differ_in_its_null_space(kernel):
    basis = random(D, 3, seed=5)
    matrix = basis @ basis.mT
    null = torch.linalg.svd(basis.mT)[2][-1]
    x = random(9, D)
    x = torch.cat([x, x[:5] + torch.linspace(1, 3, 5, dtype=torch.float64)[:, None] * null])
    coefficients = random(14, 2, seed=1)
    name, parameters = type(kernel).__name__, kernel.get_params()
    expected = oracles_kernels.agop(name, x, x, coefficients, matrix.numpy(), coincident=1e-6, **parameters)
    for plan in plans(kernel):
        got = kernel_agop(KernelMachine(kernel, x, coefficients, Metric(matrix)), plan=plan).matrix
        assert_same(got, torch.tensor(expected))


@every_kernel
def test_offset_in_float32(kernel):
    x, coefficients = random(20, D).float() + 100, random(20, 3, seed=1).float()
    expected = oracles_kernels.agop(type(kernel).__name__, x, x, coefficients, **kernel.get_params())
    assert_same(kernel_agop(KernelMachine(kernel, x, coefficients)).matrix, torch.tensor(expected), limit=1e-4)


@every_kernel
def test_positive_semi_definite_and_symmetric(kernel):
    x = random(30, D)
    agop = kernel_agop(KernelMachine(kernel, x, random(30, 4, seed=1), Metric(METRICS["full"]))).matrix
    torch.testing.assert_close(agop, agop.mT, rtol=0, atol=1e-12 * agop.max().item())
    assert torch.linalg.eigvalsh(agop).min().item() > -1e-12 * agop.trace().item()


@every_kernel
def test_inputs_are_left_as_they_were(kernel):
    x, z, coefficients = random(9, D), random(4, D, seed=2), random(9, 2, seed=1)
    weights = torch.ones(4, dtype=torch.float64) * 0.3
    given = (x, z, coefficients, weights)
    before = [t.clone() for t in given]
    for plan in plans(kernel):
        kernel_agop(KernelMachine(kernel, x, coefficients), z, weights=weights, plan=plan)
    assert all(torch.equal(a, b) for a, b in zip(before, given, strict=True))


def test_constant_predictor_has_a_zero_agop_which_no_recursion_can_scale():
    x = random(6, D)
    agop = kernel_agop(KernelMachine(Laplace(1.0), x, torch.zeros(6, 2, dtype=torch.float64))).matrix
    assert (agop == 0).all()
    with pytest.raises(InputError, match="depends on its inputs"):
        normalized_agop(agop)


def test_normalized_agop_has_largest_entry_one():
    agop = torch.tensor([[2.0, -4.0], [-4.0, 8.0]])
    torch.testing.assert_close(normalized_agop(agop), agop / 8)
    torch.testing.assert_close(normalized_agop(agop.diagonal()), torch.tensor([0.25, 1.0]))


X, A = random(6, D), random(6, 2, seed=1)
NAN = float("nan")


WEIGHTS = {
    "negative": -torch.ones(6),
    "zero": torch.zeros(6),
    "too few": torch.ones(1),
    "too many": torch.ones(7),
    "column": torch.ones(6, 1),
    "NaN": torch.tensor([1, 1, 1, 1, 1, NAN]),
    "inf": torch.tensor([1, 1, 1, 1, 1, torch.inf]),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_unusable_weights_are_refused(case):
    with pytest.raises(InputError, match="non-negative weights"):
        kernel_agop(KernelMachine(Laplace(1.0), X, A), weights=WEIGHTS[case])


MATRICES = {
    "points without rows": (X[:0], X, A),
    "points with NaN": (X * NAN, X, A),
    "points in one axis": (X[0], X, A),
    "points of another width": (X[:, :3], X, A),
    "centers with inf": (X, X / 0, A),
    "centers without rows": (X, X[:0], A[:0]),
    "coefficients with NaN": (X, X, A * NAN),
    "coefficients in one axis": (X, X, A[:, 0]),
    "coefficients of another length": (X, X, A[:4]),
}


@pytest.mark.parametrize("case", MATRICES)
def test_unusable_matrices_are_refused(case):
    points, centers, coefficients = MATRICES[case]
    with pytest.raises(InputError, match=case.split()[0]):
        kernel_agop(KernelMachine(Laplace(1.0), centers, coefficients), points)


def test_elementwise_form_is_for_kernels_with_gradient_weights_only():
    with pytest.raises(InputError, match="a kernel with gradient weights, got ProductLaplace"):
        kernel_agop(KernelMachine(ProductLaplace(1.0), X, A), plan=AGOPPlan("elementwise", torch.float64, 0.0))


def test_metric_of_other_features_is_refused():
    with pytest.raises(InputError, match="metric"):
        kernel_agop(KernelMachine(Laplace(1.0), X, A, Metric(torch.eye(D + 1))))
