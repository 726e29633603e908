"""Solutions solve: in the order of the rows, with a small residual, and with weights as so many rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from agop.kernels import KernelMatrix, Laplace
from agop.ranks import Panels
from agop.solvers import Cholesky, ConjugateGradient, DenseMatrix, Nystrom, PanelCholesky
from laws.draws import SEEDS, law, powers_of_two

N = st.integers(2, 30)
EPS = np.finfo(float).eps
DIRECT = {"Cholesky": lambda n: Cholesky(), "PanelCholesky": lambda n: PanelCholesky(Panels(n, 7))}
ITERATIVE = {"ConjugateGradient": lambda n: ConjugateGradient(rank=max(1, n // 4), tolerance=1e-10)}
RESTRICTED = {"Nystrom": lambda n: Nystrom(n_centers=n)}
every_solver = pytest.mark.parametrize("name", [*DIRECT, *ITERATIVE, *RESTRICTED])


def solver(name, n):
    """The solver of a name for n rows."""
    return {**DIRECT, **ITERATIVE, **RESTRICTED}[name](n)


def system(seed, n, ridge):
    """A kernel matrix of points, a shift of each row, and targets."""
    rng = np.random.default_rng(seed)
    shift, targets = ridge * rng.uniform(0.5, 2, n), torch.tensor(rng.standard_normal((n, 2)))
    return KernelMatrix(Laplace(1.0), torch.tensor(rng.standard_normal((n, 2))), torch.tensor(shift)), targets


def solved(name, matrix, targets):
    """Coefficients of all rows."""
    return solver(name, len(targets)).solve(matrix, targets).values.double()


@pytest.mark.parametrize("name", DIRECT)
@law(seed=SEEDS, n=N, condition=st.floats(0, 13), scale=powers_of_two(-400, 400))
def test_backward_error_of_a_factorization(name, seed, n, condition, scale):
    """||b - A x|| is n eps (||A|| ||x|| + ||b||) at most, whatever the condition and the unit."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.standard_normal((n, n)))[0]
    entries = turn * np.logspace(0, -condition, n) @ turn.T
    a, b = scale * torch.tensor((entries + entries.T) / 2), torch.tensor(rng.standard_normal((n, 2)))
    x = solved(name, DenseMatrix(a), b)
    norm = torch.linalg.matrix_norm
    assert norm((b - a @ x) / n) <= 4 * EPS * (norm(a / scale) * norm(scale * x) + norm(b))


@pytest.mark.parametrize("name", ITERATIVE)
@law(seed=SEEDS, n=N, ridge=st.floats(0.01, 10))
def test_residual_of_an_iteration(name, seed, n, ridge):
    """||b - A x|| is what the solver says, and that is below its tolerance; kernel values are those of float32."""
    matrix, b = system(seed, n, ridge)
    solution = solver(name, n).solve(matrix, b)
    x = solution.values.double()
    residuals = b - matrix @ x - matrix.shift[:, None] * x
    assert solution.residual <= 1e-10
    assert (torch.linalg.vector_norm(residuals, dim=0) <= 1e-5 * torch.linalg.vector_norm(b, dim=0)).all()


@every_solver
@law(seed=SEEDS, n=N, ridge=st.floats(0.01, 10), data=st.data())
def test_rows_in_another_order(name, seed, n, ridge, data):
    """A permutation of the rows permutes the coefficients."""
    matrix, b = system(seed, n, ridge)
    order = torch.tensor(data.draw(st.permutations(range(n))))
    permuted = KernelMatrix(matrix.kernel, matrix.points[order], matrix.shift[order])
    torch.testing.assert_close(solved(name, permuted, b[order]), solved(name, matrix, b)[order], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [*DIRECT, *ITERATIVE])
@law(seed=SEEDS, n=N, ridge=st.floats(0.01, 10), copies=st.integers(2, 4))
def test_weights_are_copies(name, seed, n, ridge, copies):
    """A shift lambda / w is w rows with a shift lambda, whose coefficients add up."""
    matrix, b = system(seed, n, ridge)
    index = torch.tensor([0] * copies + list(range(1, n)))
    shift = torch.full((n,), ridge, dtype=torch.float64)
    many = solved(name, KernelMatrix(matrix.kernel, matrix.points[index], shift[index]), b[index])
    shift[0] /= copies
    once = solved(name, KernelMatrix(matrix.kernel, matrix.points, shift), b)
    summed = torch.cat([many[:copies].sum(0, keepdim=True), many[copies:]])
    torch.testing.assert_close(summed, once, rtol=1e-4, atol=1e-4)


@every_solver
@law(seed=SEEDS, n=N, ridge=st.floats(0.01, 10), factor=powers_of_two(-60, 60))
def test_solutions_are_linear(name, seed, n, ridge, factor):
    """Targets that are a times as large, or added up, have such solutions."""
    matrix, b = system(seed, n, ridge)
    x = solved(name, matrix, b)
    torch.testing.assert_close(solved(name, matrix, factor * b) / factor, x, rtol=1e-5, atol=1e-5)
    summed = solved(name, matrix, b.sum(1, keepdim=True))
    torch.testing.assert_close(summed, x.sum(1, keepdim=True), rtol=1e-4, atol=1e-4)
