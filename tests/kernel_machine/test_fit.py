"""Kernel ridge regression: solution, weights, metric, precision, blocks and memory."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from agop.errors import InputError, JitterWarning, MemoryBudgetError, NotPositiveDefiniteError
from agop.kernel_machine import (
    KernelMachine,
    cheapest_solver,
    fit_kernel_machine,
    multiply_adds_per_second,
    solve_plan,
)
from agop.kernels import Gaussian, GeneralizedGaussian, KernelMatrix, Laplace, Metric, ProductLaplace
from agop.solvers import Cholesky, ConjugateGradient, Nystrom
from oracles import kernels as oracles_kernels

KERNELS = [Laplace(2.0), Gaussian(1.5), GeneralizedGaussian(2.0, exponent=0.7), ProductLaplace(4.0)]
every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=str)
RNG = np.random.default_rng(0)
X, Y, Z = RNG.standard_normal((30, 4)), RNG.standard_normal((30, 2)), RNG.standard_normal((9, 4))
METRICS = {"identity": None, "diagonal": np.array([1.0, 0.2, 3.0, 0.0]), "full": np.cov(RNG.standard_normal((4, 9)))}


def oracle(kernel, ridge, metric=None, weights=None):
    """Coefficients, and predictions at Z."""
    name, parameters = type(kernel).__name__, kernel.get_params()
    gram = oracles_kernels.gram(name, X, X, metric, **parameters)
    coefficients = oracles_kernels.ridge_coefficients(gram, Y, ridge, weights)
    return coefficients, oracles_kernels.gram(name, Z, X, metric, **parameters) @ coefficients


def as_metric(matrix):
    return None if matrix is None else Metric(torch.tensor(matrix))


@every_kernel
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("solver", [Cholesky(), ConjugateGradient(rank=10, tolerance=1e-9)], ids=repr)
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_predictions_against_numpy(kernel, metric, weighted, solver, offset):
    weights = np.random.default_rng(1).uniform(0.3, 3, 30) if weighted else None
    coefficients, predictions = oracle(kernel, 0.05, METRICS[metric], weights)
    shift = 0.05 if weights is None else torch.tensor(0.05 / weights)
    matrix = KernelMatrix(kernel, torch.tensor(X + offset), shift, metric=as_metric(METRICS[metric]))
    fit = fit_kernel_machine(matrix, torch.tensor(Y), solver)
    atol, share = (1e-9, 1e-9) if fit.solution.iterations == 0 else (3e-5, 2e-5)
    np.testing.assert_allclose(fit.machine.coefficients, coefficients, rtol=0, atol=share * np.abs(coefficients).max())
    np.testing.assert_allclose(fit.machine(torch.tensor(Z + offset)), predictions, rtol=0, atol=atol)
    precision = torch.float64 if fit.solution.iterations == 0 else torch.float32
    assert fit.machine.coefficients.dtype == fit.solution.dtype == fit.distances == precision
    assert fit.solution.residual <= 1e-9
    assert fit.solution.jitter == 0


@every_kernel
@pytest.mark.parametrize("metric", METRICS)
def test_float32(kernel, metric):
    _, predictions = oracle(kernel, 0.05, METRICS[metric])
    x, y, z = (torch.tensor(a).float() for a in (X, Y, Z))
    fit = fit_kernel_machine(KernelMatrix(kernel, x, 0.05, metric=as_metric(METRICS[metric])), y)
    assert fit.solution.dtype == torch.float32
    got = fit.machine(z)
    assert got.dtype == torch.float32
    np.testing.assert_allclose(got, predictions, rtol=0, atol=1e-4)


@every_kernel
def test_without_a_ridge_the_targets_are_met(kernel):
    fit = fit_kernel_machine(KernelMatrix(kernel, torch.tensor(X)), torch.tensor(Y))
    np.testing.assert_allclose(fit.machine(torch.tensor(X)), Y, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kernel", [Laplace(5.0), Gaussian(5.0)], ids=str)
@pytest.mark.parametrize("gap", [1e-1, 1e-2, 1e-3, 1e-4])
def test_float32_without_a_ridge_meets_the_targets_or_says_that_it_does_not(kernel, gap):
    """Two close samples with opposite labels: of coefficients that cancel three digits leave one of the sum."""
    x = np.random.default_rng(1).standard_normal((300, 20))
    x[101] = x[100]
    x[101, 0] += gap
    y = np.sign(x[:, :1])
    y[101] = -y[100]
    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = fit_kernel_machine(KernelMatrix(kernel, x), y)
    residual = (fit.machine(x) - y).abs().max().item()
    assert residual < 0.1 or any(issubclass(w.category, JitterWarning) for w in caught)


def test_weights_are_repetitions_of_samples():
    counts = torch.tensor([1, 3, 2] * 10)
    x, y = torch.tensor(X), torch.tensor(Y)
    weighted = fit_kernel_machine(KernelMatrix(Laplace(2.0), x, 0.1 / counts.double()), y)
    repeated = fit_kernel_machine(
        KernelMatrix(Laplace(2.0), x.repeat_interleave(counts, 0), 0.1), y.repeat_interleave(counts, 0)
    )
    z = torch.tensor(Z)
    torch.testing.assert_close(weighted.machine(z), repeated.machine(z), rtol=0, atol=1e-11)


def test_weights_and_ridge_scale_together():
    x, y, z = torch.tensor(X), torch.tensor(Y), torch.tensor(Z)
    weights = torch.tensor(np.random.default_rng(1).uniform(0.5, 2, 30))
    one = fit_kernel_machine(KernelMatrix(Laplace(2.0), x, 0.1 / weights), y).machine(z)
    ten = fit_kernel_machine(KernelMatrix(Laplace(2.0), x, 1.0 / (10 * weights)), y).machine(z)
    torch.testing.assert_close(one, ten)


def test_solution_minimizes_the_weighted_objective():
    x, y, rng = torch.tensor(X), torch.tensor(Y), np.random.default_rng(1)
    weights = rng.uniform(0.5, 2, 30)
    gram = oracles_kernels.gram("Laplace", X, X, bandwidth=2.0)
    fit = fit_kernel_machine(KernelMatrix(Laplace(2.0), x, 0.3 / torch.tensor(weights)), y)

    def objective(a):
        return (weights[:, None] * (gram @ a - Y) ** 2).sum() + 0.3 * np.trace(a.T @ gram @ a)

    best = fit.machine.coefficients.numpy()
    assert all(objective(best + 1e-3 * rng.standard_normal(best.shape)) > objective(best) for _ in range(20))


@every_kernel
@pytest.mark.parametrize("max_memory", [0, 1000, 10_000, None])
def test_predictions_do_not_depend_on_the_blocks(kernel, max_memory):
    machine = KernelMachine(kernel, torch.tensor(X), torch.tensor(Y), as_metric(METRICS["full"]))
    whole = machine(torch.tensor(Z))
    torch.testing.assert_close(machine(torch.tensor(Z), max_memory=max_memory), whole, rtol=0, atol=1e-12)
    one_by_one = torch.cat([machine(row[None]) for row in torch.tensor(Z)])
    torch.testing.assert_close(one_by_one, whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.float64])
def test_points_of_another_dtype_are_converted(dtype):
    machine = KernelMachine(Laplace(2.0), torch.tensor(X), torch.tensor(Y))
    z = torch.tensor([[1, 0, -2, 3], [0, 0, 1, 1]])
    got, expected = machine(z.to(dtype)), machine(z.double())
    assert got.dtype == torch.float64
    torch.testing.assert_close(got, expected)


def test_no_points_give_no_predictions():
    assert KernelMachine(Laplace(2.0), torch.tensor(X), torch.tensor(Y))(torch.empty(0, 4)).shape == (0, 2)


def test_repeated_samples_with_other_targets_need_a_ridge():
    x, y = torch.tensor(np.concatenate([X, X])), torch.tensor(np.concatenate([Y, -Y]))
    with pytest.warns(JitterWarning):
        fit = fit_kernel_machine(KernelMatrix(Laplace(2.0), x), y)
    assert fit.solution.jitter > 0
    with pytest.raises(NotPositiveDefiniteError):
        fit_kernel_machine(KernelMatrix(Laplace(2.0), x), y, solver=Cholesky(max_jitter=0.0))
    ridge = fit_kernel_machine(KernelMatrix(Laplace(2.0), x, 1e-3), y)
    assert ridge.solution.jitter == 0
    assert ridge.machine(torch.tensor(X)).abs().max().item() < 1e-9  # y and -y average to 0


def test_memory_for_the_kernel_matrix_is_refused_before_any_work():
    x, y = torch.tensor(X), torch.tensor(Y)
    fit_kernel_machine(KernelMatrix(Laplace(2.0), x, max_memory=30 * 30 * 8), y)
    fit_kernel_machine(KernelMatrix(Laplace(2.0), x.float(), 0.1, max_memory=30 * 30 * 4), y.float())
    with pytest.raises(MemoryBudgetError, match="Allow more memory"):
        fit_kernel_machine(KernelMatrix(Laplace(2.0), x, max_memory=30 * 30 * 8 - 1), y)


def test_rescue_in_float64_keeps_the_memory_budget():
    x = torch.tensor(np.concatenate([X, X + 1e-5])).float()
    y = torch.tensor(np.concatenate([Y, Y])).float()
    assert fit_kernel_machine(KernelMatrix(Gaussian(2.0), x, max_memory=60 * 60 * 8), y).solution.dtype == torch.float64
    with pytest.raises(MemoryBudgetError):
        fit_kernel_machine(KernelMatrix(Gaussian(2.0), x, max_memory=60 * 60 * 4), y)


@pytest.mark.parametrize("metric", [None, Metric(torch.tensor(METRICS["full"]))], ids=["identity", "full"])
def test_gradient_weights_come_with_the_fit(metric):
    x, y = torch.tensor(X), torch.tensor(Y)
    matrix = KernelMatrix(Laplace(2.0), x, metric=metric, keep_gradient_weights=True)
    fit = fit_kernel_machine(matrix, y)
    points = x if metric is None else metric.map(x, x.mean(0))
    torch.testing.assert_close(matrix.gradient_weights, Laplace(2.0).gradient_weights(points), rtol=1e-13, atol=0)
    alone = fit_kernel_machine(KernelMatrix(Laplace(2.0), x, metric=metric), y)
    torch.testing.assert_close(fit.machine.coefficients, alone.machine.coefficients, rtol=1e-12, atol=0)


def test_gradient_weights_are_those_of_the_solve_that_was_kept():
    x = torch.tensor(np.concatenate([X, X + 1e-5])).float()
    matrix = KernelMatrix(Gaussian(2.0), x, keep_gradient_weights=True)
    fit = fit_kernel_machine(matrix, torch.tensor(np.concatenate([Y, Y])).float())
    assert fit.solution.dtype == matrix.gradient_weights.dtype == torch.float64
    torch.testing.assert_close(matrix.gradient_weights, Gaussian(2.0).gradient_weights(x.double()), rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("kernel", "max_memory", "kept"),
    [
        (ProductLaplace(2.0), None, False),
        (Laplace(2.0), 2 * 30 * 30 * 8 - 1, False),
        (Laplace(2.0), 2 * 30**2 * 8, True),
    ],
)
def test_gradient_weights_are_left_out_where_they_cannot_be(kernel, max_memory, kept):
    matrix = KernelMatrix(kernel, torch.tensor(X), max_memory=max_memory, keep_gradient_weights=True)
    fit_kernel_machine(matrix, torch.tensor(Y))
    assert (matrix.gradient_weights is not None) == kept


GOOD_X, GOOD_Y = torch.tensor(X), torch.tensor(Y)
NAN = float("nan")


UNUSABLE = {
    "inputs with NaN": {"points": GOOD_X * NAN},
    "inputs with inf": {"points": GOOD_X / 0},
    "inputs in one axis": {"points": GOOD_X[:, 0]},
    "inputs of integers": {"points": GOOD_X.long()},
    "inputs in float16": {"points": GOOD_X.half()},
    "inputs without rows": {"points": GOOD_X[:0], "targets": GOOD_Y[:0]},
    "targets with NaN": {"targets": GOOD_Y * NAN},
    "targets of another length": {"targets": GOOD_Y[:5]},
    "targets in one axis": {"targets": GOOD_Y[:, 0]},
    "shift below zero": {"shift": -0.01},
    "shift of NaN": {"shift": NAN},
    "shift of inf": {"shift": 0.1 / torch.zeros(30)},
    "shift below zero in some rows": {"shift": 0.1 / -torch.ones(30)},
    "shift of another length": {"shift": torch.ones(1)},
    "shift with NaN": {"shift": torch.full((30,), NAN)},
    "metric of another width": {"metric": Metric(torch.eye(5))},
    "metric, diagonal, of another width": {"metric": Metric(torch.ones(5))},
    "semi-definite": {"metric": Metric(-torch.eye(4))},
    "bandwidth below zero": {"kernel": Laplace(-1.0)},
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_arguments_are_refused(case):
    arguments = {"kernel": Laplace(2.0), "points": GOOD_X, "targets": GOOD_Y} | UNUSABLE[case]
    targets = arguments.pop("targets")
    with pytest.raises(InputError, match=re.split("[ ,]", case)[0]):
        fit_kernel_machine(KernelMatrix(**arguments), targets)


@pytest.mark.parametrize("points", [GOOD_X[:, :3], GOOD_X[0], GOOD_X[None]], ids=["narrow", "vector", "stack"])
def test_points_of_another_shape_are_refused(points):
    with pytest.raises(InputError, match=r"points of shape \(m, 4\)"):
        KernelMachine(Laplace(2.0), GOOD_X, GOOD_Y)(points)


def test_machine_is_frozen():
    machine = KernelMachine(Laplace(2.0), GOOD_X, GOOD_Y)
    with pytest.raises(AttributeError):
        machine.kernel = Gaussian(1.0)


PEAK = """
import torch
from agop.kernels import Laplace
from agop.rfm import Samples, Setting, rfm

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024

def fit(n):
    x = torch.randn(n, 20, generator=torch.Generator().manual_seed(0))
    return list(rfm(Samples.of(x, x[:, :2]), Setting(Laplace(5.0), 1e-3), 1))[-1].fit

fit(1100)
open("/proc/self/clear_refs", "w").write("5")
before = peak()
assert fit(3000).solution.dtype == torch.float32
print((peak() - before) / (4 * 3000**2))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from Linux's /proc")
def test_peak_memory_of_a_fit():
    """A solve, an AGOP and a solve, in matrices of n x n float32 numbers above a process that has fitted before."""
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 0.5 < float(done.stdout) <= 2.5


@pytest.mark.parametrize(
    ("n", "max_memory", "solver"),
    [
        (500, None, Cholesky),
        (500, 500**2 * 8 - 1, ConjugateGradient),
        (30_000, None, ConjugateGradient),
        (100_000, 2**32, Nystrom),
        (1_000_000, None, Nystrom),
        (20_000, 2**28, ConjugateGradient),
        (1_000_000, 2**29, Nystrom),
    ],
)
def test_the_plan_takes_the_faster_solver_that_fits(n, max_memory, solver):
    plan = cheapest_solver(n, 10, 1, max_memory=max_memory)
    assert isinstance(plan.solver, solver)
    assert max_memory is None or plan.bytes <= max_memory
    assert plan.seconds > 0


def test_the_plan_knows_what_cannot_fit():
    with pytest.raises(MemoryBudgetError, match="fit on fewer samples"):
        cheapest_solver(100_000, 10, 1, max_memory=2**20)


@pytest.mark.parametrize("solver", [Cholesky(), ConjugateGradient(rank=500), Nystrom(500)])
def test_the_plan_of_a_given_solver(solver):
    small, left_out, dear = (
        solve_plan(solver, 4000, 10, 1, **more) for more in ({}, {"leave_one_out": True}, {"pair": 3000.0})
    )
    assert small.solver is solver
    assert dear.multiply_adds > 1.2 * small.multiply_adds
    assert (left_out.multiply_adds > 1.2 * small.multiply_adds) == isinstance(solver, ConjugateGradient)
    assert solve_plan(solver, 8000, 10, 1).bytes >= (1 if isinstance(solver, Nystrom) else 2) * small.bytes
    assert solve_plan(solver, 8000, 10, 1).multiply_adds > 1.2 * small.multiply_adds


def test_time_is_predicted_for_cores_without_other_work(monkeypatch):
    """A product that waits nine times as long as it computes says how fast the cores are, not how busy."""
    moments = iter([0.0, 0.02, 0.02, 0.03, 0.03, 0.05])
    monkeypatch.setattr("agop.kernel_machine.cost.time.process_time", lambda: next(moments))
    rate = multiply_adds_per_second.__wrapped__(64)
    assert rate == pytest.approx(64**3 * torch.get_num_threads() / 0.01)


def test_centers_are_as_many_as_time_and_memory_allow():
    plans = [cheapest_solver(n, 10, 1) for n in (100_000, 200_000, 400_000, 4_000_000)]
    centers = [plan.solver.n_centers for plan in plans]
    assert 10_000 > centers[0] > centers[1] > centers[2] == centers[3] == 4000
    assert all(plan.multiply_adds < 1e13 for plan in plans[:2])
    small = cheapest_solver(400_000, 10, 1, max_memory=2**28)
    assert 1000 < small.solver.n_centers < 4000
    assert small.bytes <= 2**28


def test_less_memory_costs_time():
    solver = ConjugateGradient()
    times = [solve_plan(solver, 50_000, 10, 1, max_memory=gib * 2**30).multiply_adds for gib in (1, 2, 4, 8)]
    assert times == sorted(times, reverse=True)
