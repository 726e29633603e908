"""Kernel ridge regression with few centers against least squares without normal equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.kernel_machine import fit_kernel_machine
from agop.kernels import Gaussian, KernelMatrix, Laplace, Metric, ProductLaplace
from agop.solvers import Cholesky, Nystrom
from agop.solvers import nystrom as nystrom_module
from oracles import kernels as oracles_kernels

RNG = np.random.default_rng(0)
N, M = 150, 40
X, Y, Z = RNG.standard_normal((N, 3)), RNG.standard_normal((N, 2)), RNG.standard_normal((9, 3))
SHIFT = RNG.uniform(0.01, 0.3, N)
METRIC = np.cov(RNG.standard_normal((3, 9)))
KERNELS = [Laplace(2.0), Gaussian(1.0), ProductLaplace(4.0)]
every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=str)


def matrix_of(kernel, shift=SHIFT, points=X, metric=METRIC):
    shift = torch.tensor(shift) if np.ndim(shift) else shift
    return KernelMatrix(kernel, torch.tensor(points), shift, Metric(torch.tensor(metric)))


def expected(kernel, centers, shift, rows=slice(None)):
    """Coefficients of the fit to some rows, and what it predicts at all rows and at Z."""
    name, parameters = type(kernel).__name__, kernel.get_params()
    at_rows, at_centers, at_new = (
        oracles_kernels.gram(name, points, X[centers], METRIC, **parameters) for points in (X, X[centers], Z)
    )
    shift = np.broadcast_to(shift, N)[rows]
    coefficients = oracles_kernels.restricted_coefficients(at_rows[rows], at_centers, Y[rows], shift)
    return coefficients, at_rows @ coefficients, at_new @ coefficients


@every_kernel
@pytest.mark.parametrize("shift", [SHIFT, 1e-3], ids=["weighted", "one"])
@pytest.mark.parametrize("memory", [1, 10**9], ids=["row by row", "at once"])
def test_predictions_against_least_squares(kernel, shift, memory, monkeypatch):
    monkeypatch.setattr(nystrom_module, "_WORK_BYTES", memory)
    fit = fit_kernel_machine(matrix_of(kernel, shift), torch.tensor(Y), Nystrom(M, seed=3))
    centers = fit.solution.centers
    assert len(centers) == len(fit.machine.centers) == len(fit.machine.coefficients) == M
    np.testing.assert_array_equal(fit.machine.centers, X[centers])
    coefficients, _, predictions = expected(kernel, centers, shift)
    np.testing.assert_allclose(fit.machine(torch.tensor(Z)), predictions, rtol=0, atol=1e-7)
    if not isinstance(kernel, Gaussian):  # its coefficients are known to few digits
        np.testing.assert_allclose(fit.machine.coefficients, coefficients, rtol=0, atol=1e-6)
    assert (fit.solution.jitter, fit.solution.residual, fit.solution.iterations) == (0, 0, 0)


@every_kernel
@pytest.mark.parametrize("shift", [SHIFT, 1e-3], ids=["weighted", "one"])
def test_left_out_residuals_are_those_of_refits_with_the_same_centers(kernel, shift):
    """Rows that are centers stay centers."""
    first = fit_kernel_machine(matrix_of(kernel, shift), torch.tensor(Y), Nystrom(M)).solution.centers
    others = [row for row in range(N) if row not in first]
    rows = [int(first[5]), *others[:3], int(first[0])]
    solution = Nystrom(M).solve(matrix_of(kernel, shift), torch.tensor(Y), left_out=torch.tensor(rows))
    assert torch.equal(solution.centers, first)
    for row, residual in zip(rows, solution.left_out, strict=True):
        _, predictions, _ = expected(kernel, first, shift, np.arange(N) != row)
        np.testing.assert_allclose(residual, Y[row] - predictions[row], rtol=0, atol=1e-6)


def test_more_centers_come_closer_to_all_rows():
    """On the mean over five choices: ten times as many halve the error on most data, and three times as many again."""
    matrix, smooth = matrix_of(Laplace(3.0), 0.01), torch.tensor(np.sin(2 * X[:, :1]))
    exact = fit_kernel_machine(matrix, smooth).machine(torch.tensor(X))

    def error(n_centers, seed=0):
        fit = fit_kernel_machine(matrix, smooth, Nystrom(n_centers, seed))
        assert len(fit.machine.centers) == min(n_centers, N)
        return (fit.machine(torch.tensor(X)) - exact).norm().item()

    few, some, many = (np.mean([error(n_centers, seed) for seed in range(5)]) for n_centers in (4, 40, 120))
    assert few > some > many > 1e-3
    assert error(N) == error(2 * N) < 1e-6


def test_single_precision_data_where_single_precision_equations_would_fail():
    """A wide kernel is nearly constant: the square of the condition of its values is beyond float32."""
    rng = np.random.default_rng(5)
    x = rng.uniform(-2, 2, (4000, 3))
    y = np.sin(x[:, :1]) + x[:, 1:2] * x[:, 2:]
    wide, single = torch.tensor(x), torch.tensor(x).float()
    fits = [
        fit_kernel_machine(KernelMatrix(Laplace(70.0), points, 1e-4), torch.tensor(y).to(points), Nystrom(500))
        for points in (wide, single)
    ]
    assert fits[1].machine.coefficients.dtype == torch.float32
    new = torch.tensor(rng.uniform(-2, 2, (500, 3)))
    first, second = fits[0].machine(new), fits[1].machine(new.float())
    truth = torch.sin(new[:, :1]) + new[:, 1:2] * new[:, 2:]
    for found in (first, second):
        assert (found - truth).square().mean() < 0.02 * truth.var()
    if torch.equal(*(fit.solution.centers for fit in fits)):  # rounding decides between some
        np.testing.assert_allclose(second, first, rtol=0, atol=2e-3)
    columns = KernelMatrix(Laplace(70.0), single).between(slice(None), torch.arange(0, 4000, 8), torch.float32)
    assert torch.linalg.cholesky_ex(columns.mT @ columns).info > 0


def test_a_kernel_of_few_dimensions_needs_few_centers():
    plane = KernelMatrix(Gaussian(30.0), torch.tensor(X), 0.1)
    few = Nystrom(M).solve(plane, torch.tensor(Y))
    assert len(few.centers) < M
    exact = fit_kernel_machine(plane, torch.tensor(Y), Cholesky()).machine(torch.tensor(Z))
    found = fit_kernel_machine(plane, torch.tensor(Y), Nystrom(M)).machine(torch.tensor(Z))
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-3)


def test_centers_depend_on_the_seed_alone():
    one, again, other = (Nystrom(M, seed).solve(matrix_of(Laplace(2.0)), torch.tensor(Y)) for seed in (1, 1, 2))
    assert torch.equal(one.centers, again.centers)
    assert torch.equal(one.values, again.values)
    assert not torch.equal(one.centers, other.centers)
    assert torch.equal(one.centers.unique(), one.centers)


def test_centers_spread_where_points_cluster():
    """Of 990 rows in one place and 10 far from each other, randomly pivoted Cholesky takes those ten."""
    points = np.concatenate([0.01 * RNG.standard_normal((990, 2)), 50 * RNG.standard_normal((10, 2))])
    matrix = KernelMatrix(Laplace(1.0), torch.tensor(points), 0.1)
    centers = Nystrom(250).solve(matrix, torch.ones(1000, 1)).centers
    assert set(range(990, 1000)) <= set(centers.tolist())


@pytest.mark.parametrize("shift", [0.0, np.where(np.arange(N) == 7, 0, SHIFT)], ids=["one", "of a row"])
def test_a_ridge_is_needed(shift):
    with pytest.raises(InputError, match="a positive ridge"):
        Nystrom(M).solve(matrix_of(Laplace(2.0), shift), torch.tensor(Y))
