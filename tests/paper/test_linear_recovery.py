"""Linear RFM is reweighted least squares, and what it is compared with solves its problem."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.kernels import Polynomial
from agop.paper import FIGURES
from agop.paper.figures.linear_rfm import RecoverySettings, problem
from agop.paper.linear_recovery import (
    LOW_RANK,
    SPARSE,
    _least_squares,
    deep_linear,
    least_l1_norm,
    least_nuclear_norm,
    linear_rfm_completion,
    linear_rfm_regression,
)
from agop.rfm import Samples, Setting, rfm
from oracles.recovery import least_l1, reweighted_row, soft_impute

SPARSE_PROBLEM = RecoverySettings("sparse", 30, 3, (), ())
MATRIX_PROBLEM = RecoverySettings("low-rank", 12, 2, (), ())


def test_problems():
    inputs, targets, truth = problem(SPARSE_PROBLEM, 15, 4)
    assert inputs.shape == (15, 30)
    assert int((truth != 0).sum()) == 3
    torch.testing.assert_close(inputs @ truth, targets)
    _, known, matrix = problem(MATRIX_PROBLEM, 80, 4)
    assert int(known.sum()) == 80
    assert torch.linalg.matrix_rank(matrix) == 2
    assert (problem(MATRIX_PROBLEM, 100, 4)[1] | ~known).all()  # the known entries stay known
    assert not torch.equal(problem(MATRIX_PROBLEM, 80, 5)[1], known)


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_rows_are_reweighted_least_squares(power):
    """A step of the kernel machine is the minimizer of the weighted norm, in primal form."""
    entries, known, _ = problem(MATRIX_PROBLEM, 80, 1)
    root = torch.from_numpy(np.random.default_rng(0).standard_normal((12, 12)))
    metric = root @ root.mT / 12
    found = _least_squares(entries, known, metric)
    for row, values, which in zip(found, entries.numpy(), known.numpy(), strict=True):
        np.testing.assert_allclose(row, reweighted_row(metric.numpy(), values[which], which, 1e-9), atol=1e-5)


def test_diagonal_recursion_is_reweighted_least_squares():
    """The kernel machine of the first two iterates against the primal form with weights |w|^(2s)."""
    inputs, targets, _ = problem(SPARSE_PROBLEM, 15, 1)
    metric = np.ones(30)
    steps = rfm(Samples.of(inputs, targets[:, None]), Setting(Polynomial(degree=1), 0.1, power=0.5), 2, diagonal=True)
    for step in steps:
        scatter = inputs.numpy().T @ inputs.numpy() + 0.1 * np.diag(1 / metric)
        expected = np.linalg.solve(scatter, inputs.numpy().T @ targets.numpy())
        np.testing.assert_allclose(step.machine(torch.eye(30).double())[:, 0], expected, atol=1e-9)
        metric = np.abs(expected) / np.abs(expected).max()


def test_sparse_vectors_are_recovered():
    inputs, targets, truth = problem(SPARSE_PROBLEM, 15, 2)
    assert (linear_rfm_regression(inputs, targets, 1.0) - truth).norm() < 1e-3 * truth.norm()
    least = torch.linalg.pinv(inputs) @ targets
    assert (least - truth).norm() > 0.3 * truth.norm()


@pytest.mark.parametrize("observed", [8, 14])
def test_least_one_norm(observed):
    """Against a linear program; the recursion of power 1/2 comes to the same norm, also where it recovers nothing."""
    inputs, targets, _ = problem(SPARSE_PROBLEM, observed, 3)
    expected = least_l1(inputs.numpy(), targets.numpy())
    found = least_l1_norm(inputs, targets)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    ours = linear_rfm_regression(inputs, targets, 0.5)
    assert float(ours.abs().sum()) == pytest.approx(np.abs(expected).sum(), rel=0.01)


@pytest.mark.parametrize("observed", [60, 110])
def test_least_nuclear_norm(observed):
    entries, known, _ = problem(MATRIX_PROBLEM, observed, 3)
    found = least_nuclear_norm(entries, known)
    torch.testing.assert_close(found[known], entries[known])
    penalties = np.geomspace(3, 1e-3, 12)
    expected = soft_impute(entries.numpy(), known.numpy(), penalties, 300)
    least = np.linalg.norm(expected, "nuc")
    assert float(torch.linalg.matrix_norm(found, "nuc")) == pytest.approx(least, rel=3e-3)
    ours = linear_rfm_completion(entries, known, 0.5)
    assert float(torch.linalg.matrix_norm(ours, "nuc")) == pytest.approx(least, rel=0.02)


def test_matrices_are_completed_from_fewer_entries_than_the_nuclear_norm_needs():
    """Of sixteen, which have 85 known entries of 144, it completes at least four more."""
    completed = torch.zeros(2)
    for seed in range(16):
        entries, known, truth = problem(MATRIX_PROBLEM, 85, seed)
        errors = [(method(entries, known, *p) - truth).norm() / truth.norm() for method, p in COMPLETIONS]
        completed += torch.tensor(errors) < 0.01
    assert completed[0] >= completed[1] + 4


COMPLETIONS = [(linear_rfm_completion, (1.0,)), (least_nuclear_norm, ())]


@pytest.mark.parametrize("name", LOW_RANK)
def test_unknown_entries_are_not_looked_at(name):
    entries, known, _ = problem(RecoverySettings("low-rank", 5, 1, (), ()), 15, 0)
    hidden = torch.where(known, entries, 7.0)
    torch.testing.assert_close(LOW_RANK[name](hidden, known), LOW_RANK[name](entries, known))


def test_a_deep_network_fits():
    target = torch.tensor([1.0, -2.0])
    (found,) = deep_linear(lambda factors: (factors[0] - target).square().sum(), [torch.zeros(2)], 0.1, 300)
    torch.testing.assert_close(found, target)
    inputs, targets, _ = problem(RecoverySettings("sparse", 6, 1, (), ()), 4, 0)
    torch.testing.assert_close(inputs @ SPARSE["deep linear network"](inputs, targets), targets, atol=0.02, rtol=0)


@pytest.mark.parametrize(("task", "methods"), [("sparse", "SPARSE"), ("low-rank", "LOW_RANK")])
def test_errors_are_relative_to_the_truth_and_norms_those_of_what_was_found(task, methods, tmp_path, monkeypatch):
    settings = RecoverySettings(task, 6, 2, (10,), (3,))
    truth = problem(settings, 10, 3)[2]
    made_up = {"nothing": lambda *_: 0 * truth, "three times": lambda *_: 3 * truth}
    monkeypatch.setattr(f"agop.paper.figures.linear_rfm.{methods}", made_up)
    part = next(part for part in FIGURES["linear-rfm"].parts("quick", (), "cpu") if part.settings.task == task)
    nothing, three = part.run(settings, None, tmp_path / "run", lambda _: None).metrics()
    norm = np.linalg.norm(truth, "nuc") if task == "low-rank" else np.abs(truth.numpy()).sum()
    assert (nothing["observed"], nothing["seed"], three["method"]) == (10, 3, "three times")
    assert [nothing["error"], nothing["norm"]] == pytest.approx([1, 0])
    assert [three["error"], three["norm"]] == pytest.approx([2, 3 * norm])
