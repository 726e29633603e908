"""What every kernel must do, run on all of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone

from agop.chunks import BLOCK
from agop.errors import InputError
from agop.kernel_machine import KernelMachine, fit_kernel_machine
from agop.kernels import KERNELS as KERNELS_BY_NAME
from agop.kernels import (
    Exponential,
    Gaussian,
    GeneralizedGaussian,
    KernelMatrix,
    Laplace,
    Metric,
    Polynomial,
    ProductLaplace,
    named,
)
from agop.outer_product import kernel_agop
from oracles import kernels as oracles_kernels

KERNELS = [
    Laplace(bandwidth=1.5),
    Gaussian(bandwidth=1.2),
    GeneralizedGaussian(bandwidth=1.7, exponent=0.6),
    GeneralizedGaussian(bandwidth=1.7, exponent=1.0),
    GeneralizedGaussian(bandwidth=1.7, exponent=1.6),
    GeneralizedGaussian(bandwidth=1.7, exponent=2.0),
    ProductLaplace(bandwidth=2.5),
    Polynomial(bandwidth=1.6),
    Polynomial(bandwidth=2.0, degree=3, offset=0.7),
    Exponential(bandwidth=2.5),
]
STATIONARY = [kernel for kernel in KERNELS if kernel.stationary]
IDS = [str(kernel) for kernel in KERNELS]
DTYPES = [torch.float32, torch.float64]
LIMITS = {torch.float32: 1e-5, torch.float64: 1e-11}

every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=IDS)
of_a_distance = pytest.mark.parametrize("kernel", STATIONARY, ids=str)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def rows(n, d=4, *, seed=0, dtype=torch.float64):
    return torch.tensor(np.random.default_rng(seed).standard_normal((n, d)), dtype=dtype)


@every_kernel
@every_dtype
def test_values_against_the_oracle(kernel, dtype):
    x, z = rows(12, dtype=dtype), rows(9, seed=1, dtype=dtype)
    name, parameters = type(kernel).__name__, kernel.get_params()
    truth = oracles_kernels.gram(name, x.numpy(), z.numpy(), **parameters)
    got = kernel(x, z)
    assert got.dtype == dtype
    assert got.shape == (12, 9)
    np.testing.assert_allclose(got, truth, rtol=0, atol=LIMITS[dtype] * max(1, abs(truth).max()))
    truth = oracles_kernels.gram(name, x.numpy(), x.numpy(), **parameters)
    np.testing.assert_allclose(kernel(x), truth, rtol=0, atol=LIMITS[dtype] * max(1, abs(truth).max()))


@of_a_distance
@every_dtype
@pytest.mark.parametrize("n", [25, BLOCK + 4])
def test_gram_matrix_is_symmetric_with_a_unit_diagonal(kernel, dtype, n):
    x = rows(n, 3, dtype=dtype)
    x[1] = x[0]
    gram = kernel(x)
    assert (gram - gram.mT).abs().max().item() == 0
    assert (gram.diagonal() == 1).all()
    assert gram[0, 1] == 1
    assert (gram >= 0).all()
    assert (gram <= 1).all()


@every_kernel
@every_dtype
def test_the_diagonal_is_that_of_the_gram_matrix_at_any_metric(kernel, dtype):
    x = rows(BLOCK + 4, 3, dtype=dtype)
    gram = kernel(x)
    assert (gram - gram.mT).abs().max().item() == 0
    torch.testing.assert_close(kernel.diagonal(x), gram.diagonal())
    matrix = KernelMatrix(kernel, x.double(), metric=Metric(torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)))
    torch.testing.assert_close(matrix.diagonal.double(), matrix.dense(torch.float64).diagonal(), rtol=1e-5, atol=1e-5)


@every_kernel
def test_a_kernel_takes_its_points_about_an_origin_of_no_account(kernel):
    """Points that are off center change nothing of what a machine predicts, nor of its AGOP."""
    x, z, coefficients = rows(9) + 3, rows(6, seed=1) + 2, rows(9, 2, seed=2)
    metric = Metric(torch.diag(torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)))
    name, parameters = type(kernel).__name__, kernel.get_params()
    machine = KernelMachine(kernel, x, coefficients, metric)
    truth = oracles_kernels.gram(name, z, x, metric.matrix.numpy(), **parameters) @ coefficients.numpy()
    np.testing.assert_allclose(machine(z), truth, rtol=1e-9)
    matrix = oracles_kernels.gram(name, x, x, metric.matrix.numpy(), **parameters)
    np.testing.assert_allclose(KernelMatrix(kernel, x, metric=metric).dense(torch.float64), matrix, rtol=1e-9)
    for points in (None, z):
        at = x if points is None else z
        truth = oracles_kernels.agop(name, at, x, coefficients, metric.matrix.numpy(), coincident=1e-9, **parameters)
        np.testing.assert_allclose(kernel_agop(machine, points).matrix, truth, rtol=1e-6, atol=1e-9 * truth.max())


@pytest.mark.parametrize("kernel", [kernel for kernel in KERNELS if not kernel.stationary], ids=str)
def test_a_kernel_without_a_distance_says_so(kernel):
    for use in (kernel.distances, kernel.profile_, kernel.median_distance):
        with pytest.raises(InputError, match="kernel of a distance"):
            use(rows(5))


@pytest.mark.parametrize("wrong", [{"degree": 0}, {"degree": 2.5}, {"offset": -0.1}, {"offset": float("nan")}])
def test_a_bad_polynomial_is_refused_on_use(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Polynomial(**wrong)(rows(3))


@every_kernel
def test_gram_matrix_is_positive_semi_definite(kernel):
    assert torch.linalg.eigvalsh(kernel(rows(60, 2))).min().item() > -1e-12


@every_kernel
def test_with_and_without_centers_agree(kernel):
    x = rows(30)
    torch.testing.assert_close(kernel(x), kernel(x, x.clone()), rtol=0, atol=1e-12)


@every_kernel
def test_gradients_against_finite_differences(kernel):
    x, z, coefficients = rows(6), rows(8, seed=1), rows(8, 3, seed=2)
    got = kernel.output_gradients(x, z, coefficients)
    assert got.shape == (3, 6, 4)
    step = 1e-6
    for axis in range(4):
        shift = step * torch.eye(4, dtype=torch.float64)[axis]
        slope = (kernel(x + shift, z) - kernel(x - shift, z)) @ coefficients / (2 * step)
        torch.testing.assert_close(got[:, :, axis].mT, slope, rtol=1e-6, atol=1e-7)


@every_kernel
@every_dtype
def test_gradients_against_the_oracle_with_points_among_the_centers(kernel, dtype):
    z, coefficients = rows(10, dtype=dtype), rows(10, 2, seed=2, dtype=dtype)
    z[3] = z[7]
    x = torch.cat([rows(4, seed=1, dtype=dtype), z[[0, 3]]])
    truth = oracles_kernels.gradients(type(kernel).__name__, x, z, coefficients, **kernel.get_params())
    got = kernel.output_gradients(x, z, coefficients).permute(1, 0, 2)
    np.testing.assert_allclose(got, truth, rtol=0, atol=20 * LIMITS[dtype])


@every_kernel
def test_hyper_parameters_follow_scikit_learn(kernel):
    copy = clone(kernel)
    assert copy is not kernel
    assert copy.get_params() == kernel.get_params()
    assert copy.set_params(bandwidth=3.25) is copy
    assert copy.bandwidth == 3.25
    assert kernel.bandwidth != 3.25
    assert repr(copy).startswith(type(kernel).__name__ + "(")


@every_kernel
@pytest.mark.parametrize("bandwidth", [0, -1.0, float("nan"), float("inf"), "wide", None])
def test_a_bad_bandwidth_is_refused_on_use_only(kernel, bandwidth):
    bad = clone(kernel).set_params(bandwidth=bandwidth)
    x, y = rows(5), rows(5, 1, seed=1)
    for use in (
        bad.check,
        lambda: bad(x),
        lambda: fit_kernel_machine(KernelMatrix(bad, x), y),
        lambda: kernel_agop(KernelMachine(bad, x, y)),
        lambda: KernelMachine(bad, x, y)(x),
    ):
        with pytest.raises(InputError, match="bandwidth"):
            use()


@every_kernel
def test_empty_sides_give_empty_matrices(kernel):
    x = rows(3)
    assert kernel(x[:0], x).shape == (0, 3)
    assert kernel(x, x[:0]).shape == (3, 0)
    assert kernel(x[:0]).shape == (0, 0)


@every_kernel
def test_inputs_are_left_as_they_were(kernel):
    x, z, coefficients = rows(6), rows(8, seed=1), rows(8, 3, seed=2)
    before = [t.clone() for t in (x, z, coefficients)]
    kernel(x)
    kernel(x, z)
    kernel.output_gradients(x, z, coefficients)
    assert all(torch.equal(a, b) for a, b in zip(before, (x, z, coefficients), strict=True))


@of_a_distance
def test_the_median_distance_is_in_units_of_the_bandwidth(kernel):
    """Half a median distance with half a bandwidth changes nothing, and equal points do not count."""
    x = rows(22)
    half = clone(kernel).set_params(bandwidth=kernel.bandwidth / 2)
    torch.testing.assert_close(half(x / 2), kernel(x))
    assert kernel.median_distance(x / 2) == pytest.approx(kernel.median_distance(x) / 2)
    order = 1 if kernel.default_diagonal else 2
    expected = np.median([np.linalg.norm(x[i] - x[j], order) for i in range(22) for j in range(i)])
    assert kernel.median_distance(torch.cat([x[:1], x])) == pytest.approx(expected, rel=0.1)
    assert kernel.median_distance(x) == pytest.approx(expected)
    with pytest.raises(InputError, match="two distinct samples"):
        kernel.median_distance(x[:1])


@every_kernel
def test_gradient_weights_give_the_gradients_where_a_kernel_has_them(kernel):
    x, z, coefficients = rows(6), rows(8, seed=1), rows(8, 3, seed=2)
    weights = kernel.gradient_weights(x, z)
    assert (kernel.default_diagonal or not kernel.stationary) == (weights is None)
    if weights is not None:
        expected = torch.einsum("nm,mc,nmd->cnd", weights, coefficients, x[:, None] - z)
        torch.testing.assert_close(kernel.output_gradients(x, z, coefficients), expected)


@pytest.mark.parametrize("name", KERNELS_BY_NAME)
def test_kernels_have_names(name):
    kernel = named(name, bandwidth=3.0)
    assert type(kernel).__name__.lower() == name.replace("-", "")
    assert kernel.bandwidth == 3.0


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"laplace, gaussian, .*'rbf'"):
        named("rbf")
