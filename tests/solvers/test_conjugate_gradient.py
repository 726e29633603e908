"""Conjugate gradients: residuals, the preconditioner, warnings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from agop.errors import InputError
from agop.solvers import ConjugateGradient, DenseMatrix

RNG = np.random.default_rng(0)


class Counted(DenseMatrix):
    """A matrix that counts the columns it is multiplied with."""

    columns_multiplied = 0

    def __matmul__(self, vectors):
        vars(self)["columns_multiplied"] = self.columns_multiplied + vectors.shape[1]
        return super().__matmul__(vectors)


def laplace_matrix(n=300, dtype=torch.float64):
    x = RNG.standard_normal((n, 3))
    distances = np.linalg.norm(x[:, None] - x[None], axis=2)
    return torch.tensor(np.exp(-distances / 2), dtype=dtype)


def test_the_stated_residual_is_the_true_one():
    matrix, targets = laplace_matrix(dtype=torch.float32), torch.tensor(RNG.standard_normal((300, 2)))
    solution = ConjugateGradient(rank=30, tolerance=1e-4).solve(DenseMatrix(matrix, 0.01), targets)
    remaining = targets - (matrix.double() @ solution.values + 0.01 * solution.values)
    true = (remaining.norm(dim=0) / targets.norm(dim=0)).max().item()
    assert true == pytest.approx(solution.residual, rel=0.3, abs=3e-5)


def test_the_preconditioner_saves_products():
    """A third are left, within 0.02 over draws of the data."""
    matrix, targets = laplace_matrix(), torch.tensor(RNG.standard_normal((300, 1)))
    few, many = Counted(matrix, 1e-3), Counted(matrix, 1e-3)
    ConjugateGradient(rank=100).solve(few, targets)
    ConjugateGradient(rank=1).solve(many, targets)
    assert few.columns_multiplied < many.columns_multiplied / 2


def test_it_says_when_it_gives_up():
    with pytest.warns(ConvergenceWarning, match=r"relative residual .* after 2 iterations"):
        solution = ConjugateGradient(rank=1, max_iterations=2).solve(
            DenseMatrix(laplace_matrix(), 1e-3), torch.ones(300, 1)
        )
    assert solution.iterations == 2


def test_a_shift_of_zero_is_refused():
    with pytest.raises(InputError, match="a positive ridge"):
        ConjugateGradient().solve(DenseMatrix(torch.eye(3)), torch.ones(3, 1))


def test_zeros_need_no_product():
    matrix = Counted(torch.eye(4), 1.0)
    solution = ConjugateGradient().solve(matrix, torch.zeros(4, 2))
    assert solution.iterations == matrix.columns_multiplied == 0
    assert torch.equal(solution.values, torch.zeros(4, 2, dtype=torch.float64))


@pytest.mark.parametrize(("n", "rank"), [(100, 100), (1000, 200), (20_000, 1000), (100_000, 2000)])
def test_rank_grows_with_the_samples(n, rank):
    assert ConjugateGradient().rank_for(n) == rank
