"""Cholesky by panels on 1, 2 and 4 ranks: the solutions and errors of numpy and of one process, on all ranks alike."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
import torch

from agop.errors import InputError, MemoryBudgetError, NotPositiveDefiniteError
from agop.kernels import KernelMatrix, Laplace
from agop.ranks import Panels, Ranks
from agop.solvers import Cholesky, PanelCholesky
from oracles import kernels as oracles_kernels
from ranks.pretended import Rank
from ranks.together import fixture_of, saved
from solvers.gloo_panels import CASES, ENTRIES, FAILURES, NEARLY, POINTS, SHIFT, TARGETS, left_out, solve_cases, solved

SYSTEMS = {
    "equal panels": ENTRIES[40],
    "a short last panel": ENTRIES[31] + np.diag(SHIFT.numpy()),
    "one panel": ENTRIES[31],
    "fewer rows than ranks": ENTRIES[3],
    "single precision": ENTRIES[31] + np.eye(31),
    "single precision does not do": NEARLY,
    "points": oracles_kernels.gram("Laplace", POINTS, POINTS, bandwidth=2.0) + 0.1 * np.eye(40),
}


group = fixture_of(solve_cases, 1, 2, 4)


@pytest.fixture(scope="module")
def found(group):
    return saved(group)


def assert_solved(solution, name):
    system = SYSTEMS[name]
    single = name == "single precision"
    assert solution["dtype"] == (torch.float32 if single else torch.float64)
    rtol = 1e-4 if single else 1e-8 if name == "single precision does not do" else 1e-11
    expected = np.linalg.solve(system, TARGETS[len(system)])
    np.testing.assert_allclose(solution["values"], expected, rtol=0, atol=rtol * abs(expected).max())
    residuals = (expected / np.diag(np.linalg.inv(system))[:, None])[left_out(len(system)).numpy()]
    np.testing.assert_allclose(solution["left_out"], residuals, rtol=0, atol=10 * rtol * abs(residuals).max())
    assert solution["jitter"] == 0


@pytest.mark.parametrize("name", CASES)
def test_solutions_against_numpy(found, name):
    for solutions, *_ in found:
        assert_solved(solutions[name], name)
        assert torch.equal(solutions[name]["values"], found[0][0][name]["values"])


@pytest.mark.parametrize("name", CASES)
def test_one_process(name):
    assert_solved(vars(solved(name, Ranks())), name)


def test_systems_without_a_solution(found):
    """All ranks come to the same end."""
    for rank, (_, failures, _) in enumerate(found):
        assert set(failures) == set(FAILURES)
        message, warnings = failures["singular"]
        assert message == "jitter True"
        assert len(warnings) == 1
        assert "the kernel matrix is singular; added" in warnings[0]
        assert failures["indefinite"][0].startswith("NotPositiveDefiniteError: expected a positive definite kernel")
        owner = 6 // 4 % len(found)
        expected = "InputError: expected a fin" if rank == owner else "RankError: expected all ranks to do their part"
        assert failures["not a number"][0].startswith(expected)
        assert "finite kernel matrix, got NaN" in failures["not a number"][0]


def test_half_of_the_matrix_travels(found):
    """Each panel from its diagonal on, the pivots, then two messages a panel for the solution, of its rows each."""
    for *_, sent in found:
        assert sent["broadcast"][:10] == [4 * (40 - start) for start in range(0, 40, 4)]
        assert sent["all_reduce"] == [40, *sent["broadcast"][10:]] == [40] + 10 * [4 * 2]


def test_errors_of_one_process():
    ones = torch.ones(40, 1, dtype=torch.float64)
    with pytest.raises(NotPositiveDefiniteError, match="stays indefinite"):
        PanelCholesky(Panels.of(40)).solve(FAILURES["indefinite"], ones)
    with pytest.raises(InputError, match="a finite kernel matrix"):
        PanelCholesky(Panels.of(40)).solve(FAILURES["not a number"], ones)


def test_memory_of_a_rank_falls_with_their_number():
    one, four = (PanelCholesky(Panels(10_000, 250, ranks)) for ranks in (Ranks(), Rank(3, 4)))
    half = 8 * 10_000**2 / 2
    assert half < one.least_memory(10_000, torch.float64) < 1.03 * half
    assert half / 4 < four.least_memory(10_000, torch.float64) < 1.15 * half / 4 + 8 * 2 * 250 * 10_000
    small = PanelCholesky(Panels(40, 4))
    with pytest.raises(MemoryBudgetError, match="Allow more memory"):
        small.solve(matrix_within(small.least_memory(40, torch.float64) - 1), torch.ones(40, 1))


def test_panels_on_disk_need_no_memory_for_all():
    n, budget = 3000, 9 * 2**20  # of 69 MiB
    points = torch.tensor(np.random.default_rng(1).standard_normal((n, 3)))
    kernel_matrix = KernelMatrix(Laplace(2.0), points, 0.1, max_memory=budget)
    targets = points[:, :1].sin()
    solver = PanelCholesky.within(n, budget)
    assert solver.on_disk
    with mock.patch.object(torch, "from_numpy", wraps=torch.from_numpy) as mapped:
        solution = solver.solve(kernel_matrix, targets)
    assert mapped.call_count == len(solver.panels.slices) > 20
    assert all(isinstance(call.args[0], np.memmap) for call in mapped.call_args_list)
    expected = Cholesky().solve(replace(kernel_matrix, max_memory=None), targets)
    torch.testing.assert_close(solution.values, expected.values, rtol=0, atol=1e-10)


def matrix_within(max_memory):
    return KernelMatrix(Laplace(2.0), torch.tensor(POINTS), 0.1, max_memory=max_memory)


def test_gradient_weights_are_kept_by_rows():
    points = torch.tensor(POINTS)
    kernel_matrix = KernelMatrix(Laplace(2.0), points, keep_gradient_weights=True)
    panels = Panels(40, 12)
    rows = list(kernel_matrix.rows(panels, torch.float64))
    gram = oracles_kernels.gram("Laplace", POINTS, POINTS, bandwidth=2.0)
    for part, found in zip(panels.slices, rows, strict=True):
        np.testing.assert_allclose(found.triu(), np.triu(gram[part, part.start :]), rtol=0, atol=1e-13)
    weights = kernel_matrix.gradient_weights
    torch.testing.assert_close(weights, Laplace(2.0).gradient_weights(points), rtol=1e-12, atol=0)
    assert torch.equal(weights, weights.mT)
    assert kernel_matrix.products == torch.float64
