"""The best kernel matrix: closed form against descent, a general optimizer and random rivals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from agop.collapse import nc1_trace_ratio
from agop.errors import InputError
from agop.moments import ClassMoments
from agop.theory import class_targets, collapsed_kernel, descend_kernel, kernel_learning_objective
from oracles import theory as oracles_theory

CODINGS = ("one-hot", "centered", "signed")


def labels_of(n_classes, per_class):
    return np.random.default_rng(0).permutation(np.repeat(np.arange(n_classes), per_class))


def random_gram(n, seed=0):
    rows = np.random.default_rng(seed).standard_normal((n, 2 * n))
    return rows @ rows.T


def correlation(gram):
    return gram / np.sqrt(np.outer(np.diag(gram), np.diag(gram)))


def test_objective_is_the_least_regularized_error():
    gram, targets = random_gram(8), np.random.default_rng(1).standard_normal((8, 3))
    found = kernel_learning_objective(gram, targets, 0.7)
    assert found == pytest.approx(oracles_theory.learning_objective(gram, targets, 0.7), rel=1e-12)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("n_classes", [2, 3, 5, 8])
@pytest.mark.parametrize("ridge", [0.05, 2.0])
def test_descent_ends_at_the_closed_form(n_classes, coding, ridge):
    labels = labels_of(n_classes, 4)
    targets = class_targets(labels, n_classes, coding)
    start = random_gram(len(labels))
    steps = list(descend_kernel(start, targets, ridge, steps=5000))
    expected = collapsed_kernel(labels, n_classes, ridge=ridge, targets=coding)
    least = kernel_learning_objective(expected, targets, ridge)
    np.testing.assert_allclose(steps[0].gram, correlation(start), atol=1e-10)
    assert [step.index for step in steps] == list(range(len(steps)))
    assert all(later.objective < sooner.objective for sooner, later in itertools.pairwise(steps))
    assert steps[-1].objective == pytest.approx(
        oracles_theory.learning_objective(steps[-1].gram.numpy(), targets.numpy(), ridge), rel=1e-9
    )
    assert steps[-1].objective == pytest.approx(least, rel=1e-9)
    np.testing.assert_allclose(steps[-1].gram, expected, atol=2e-4)
    np.testing.assert_allclose(steps[-1].gram.diagonal(), 1, rtol=1e-12)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_general_optimizer_finds_nothing_lower(coding):
    labels = labels_of(3, 2)
    targets, ridge = oracles_theory.coded(labels, 3, coding), 0.4

    def objective(entries):
        rows = entries.reshape(6, 6)
        return oracles_theory.learning_objective(correlation(rows @ rows.T), targets, ridge)

    starts = np.random.default_rng(0).standard_normal((3, 36))
    least = min(minimize(objective, start, tol=1e-12).fun for start in starts)
    found = collapsed_kernel(labels, 3, ridge=ridge, targets=coding)
    assert kernel_learning_objective(found, targets, ridge) == pytest.approx(least, rel=1e-7)


@pytest.mark.parametrize(
    ("n_classes", "ridge", "across"), [(2, 0.1, -1), (3, 0.1, -0.205), (4, 1.0, 0), (10, 0.5, 0.2596154), (40, 9, 1.0)]
)
def test_signed_targets(n_classes, ridge, across):
    kernel = collapsed_kernel(labels_of(n_classes, 4), n_classes, ridge=ridge, targets="signed")
    assert kernel.min() == pytest.approx(across, rel=1e-6)


def test_the_minimizer_is_collapsed_and_knows_no_data():
    labels = labels_of(4, 5)
    shuffled = np.random.default_rng(5).permutation(labels)
    found, other = (collapsed_kernel(each, 4, ridge=0.3) for each in (labels, shuffled))
    assert nc1_trace_ratio(ClassMoments.from_gram(found, labels)) == pytest.approx(0, abs=1e-15)
    least, same = (
        kernel_learning_objective(kernel, class_targets(each, 4), 0.3)
        for kernel, each in ((found, labels), (other, shuffled))
    )
    assert least == pytest.approx(same, rel=1e-13)
    assert least == pytest.approx(4 * 0.3 * 5 / (5 + 0.3), rel=1e-12)  # the bound of Cauchy and Schwarz


def test_descent_stops_at_a_minimizer():
    labels = labels_of(3, 3)
    kernel = collapsed_kernel(labels, 3, ridge=0.5)
    steps = list(descend_kernel(kernel, class_targets(labels, 3), 0.5, steps=50))
    np.testing.assert_allclose(steps[-1].gram, kernel, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: kernel_learning_objective(torch.eye(3), torch.eye(3), 0.0), "ridge > 0"),
        (lambda: kernel_learning_objective(torch.ones(3, 2), torch.eye(3), 1.0), "a Gram matrix"),
        (lambda: kernel_learning_objective(torch.eye(3), torch.eye(2), 1.0), "targets of shape"),
        (lambda: descend_kernel(torch.eye(3), torch.eye(3), 1.0, steps=0), "steps >= 1"),
        (lambda: descend_kernel(torch.zeros(3, 3), torch.eye(3), 1.0, steps=1), "positive diagonal"),
        (lambda: descend_kernel(-torch.eye(3), torch.eye(3), 1.0, steps=1), "positive diagonal"),
        (lambda: collapsed_kernel(torch.tensor([0, 0, 1]), 2, ridge=1.0), "classes of one size"),
        (lambda: collapsed_kernel(torch.tensor([0, 0]), 1, ridge=1.0), "two or more classes"),
        (lambda: collapsed_kernel(torch.tensor([0, 1]), 3, ridge=1.0), "classes of one size"),
        (lambda: collapsed_kernel(torch.tensor([0, 1]), 2, ridge=-1.0), "ridge > 0"),
        (lambda: collapsed_kernel(torch.tensor([0, 1]), 2, ridge=1.0, targets="binary"), "targets="),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input(call, expected):
    with pytest.raises(InputError, match=expected):
        call()
