"""What every solver must do, run on all of them, with a matrix of entries and with one of points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from agop.errors import MemoryBudgetError
from agop.kernels import KernelMatrix, Laplace, Metric
from agop.ranks import Panels
from agop.solvers import Cholesky, ConjugateGradient, DenseMatrix, Nystrom, PanelCholesky
from oracles import kernels as oracles_kernels

RNG = np.random.default_rng(0)
N = 300
SOLVERS = {
    "Cholesky": Cholesky(),
    "ConjugateGradient": ConjugateGradient(rank=30, tolerance=1e-11),
    "Nystrom with all rows as centers": Nystrom(n_centers=N),
    "PanelCholesky": PanelCholesky(Panels(N, 70)),
    "PanelCholesky on disk": PanelCholesky(Panels(N, 70), on_disk=True),
}
every_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
X, B, SHIFT = RNG.standard_normal((N, 3)), RNG.standard_normal((N, 2)), RNG.uniform(0.05, 0.2, N)
M = np.cov(RNG.standard_normal((3, 9)))
K = oracles_kernels.gram("Laplace", X, X, M, bandwidth=2.0)
POINTS = KernelMatrix(Laplace(2.0), torch.tensor(X), torch.tensor(SHIFT), Metric(torch.tensor(M)))
MATRICES = {"entries": DenseMatrix(torch.tensor(K), torch.tensor(SHIFT)), "points": POINTS}


@pytest.fixture(params=["entries", "points"])
def matrix(request):
    return MATRICES[request.param]


@every_solver
def test_solutions_against_numpy(solver, matrix):
    targets = np.c_[B, np.zeros(N)]
    solution = solver.solve(matrix, torch.tensor(targets))
    atol = 1e-9 if solution.dtype == torch.float64 else 1e-3
    atol = atol if solution.centers is None else 1e-7  # normal equations square the condition of K
    np.testing.assert_allclose(solution.values, np.linalg.solve(K + np.diag(SHIFT), targets), rtol=0, atol=atol)
    assert (solution.values[:, 2] == 0).all()
    assert solution.jitter == 0
    assert solution.residual <= 1e-11
    assert solution.left_out is None


@every_solver
@pytest.mark.parametrize("unit", [1e-15, 1e15])
def test_the_unit_of_the_targets_does_not_matter(solver, unit):
    whole, other = (solver.solve(MATRICES["entries"], torch.tensor(b)).values for b in (B, unit * B))
    torch.testing.assert_close(other / unit, whole, rtol=1e-6, atol=1e-9)


@every_solver
def test_one_shift_for_all_rows(solver, matrix):
    one = solver.solve(replace(matrix, shift=0.1), torch.tensor(B)).values
    each = solver.solve(replace(matrix, shift=torch.full((N,), 0.1)), torch.tensor(B)).values
    torch.testing.assert_close(one, each, rtol=1e-3, atol=1e-4)


@every_solver
def test_left_out_residuals_are_near_those_of_refits(solver, matrix):
    """Exactly for a factorization; an iteration has the mean of the inverse diagonal only, relative to the shift."""
    rows = np.random.default_rng(1).permutation(N)[:200]
    solution = solver.solve(matrix, torch.tensor(B), left_out=torch.tensor(rows))
    assert solution.values.shape == (N, 2)
    inverse = np.linalg.inv(K + np.diag(SHIFT))
    expected = (inverse @ B / np.diag(inverse)[:, None])[rows]
    got = solution.left_out.numpy()
    if solution.iterations == 0:
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)
    else:
        mean = (np.diag(inverse) * SHIFT).mean()
        np.testing.assert_allclose(got / solution.values.numpy()[rows] / SHIFT[rows, None], 1 / mean, rtol=0.1)
    assert np.square(got).mean() == pytest.approx(np.square(expected).mean(), rel=0.2)


@every_solver
def test_too_little_memory_is_refused_before_any_work(solver, matrix):
    with pytest.raises(MemoryBudgetError, match="Allow more memory"):
        solver.solve(replace(matrix, max_memory=solver.least_memory(N, torch.float64) - 1), torch.tensor(B))
    solver.solve(replace(matrix, max_memory=solver.least_memory(N, torch.float64)), torch.tensor(B))


@every_solver
def test_the_matrix_and_the_targets_are_left_as_they_were(solver):
    entries, targets = torch.tensor(K), torch.tensor(B)
    solver.solve(DenseMatrix(entries, 0.1), targets, left_out=torch.arange(N))
    np.testing.assert_array_equal(entries, K)
    np.testing.assert_array_equal(targets, B)
