"""Left-out predictions against refits by the oracles, and against targets that must not matter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.kernels import Laplace, LeaveOneOutBandwidth, ProductLaplace
from agop.rfm import Samples, Setting, cross_fit
from agop.rfm.choice import Search
from agop.rfm.course import Choice, Course
from agop.rfm.cross_fit import tuned
from agop.rfm.division import folds
from agop.rfm.powers import POWERS
from agop.rfm.recursion import in_turn
from agop.rfm.tuning import Candidate
from oracles import kernels as oracles_kernels

RNG = np.random.default_rng(0)
N = 30
X = RNG.standard_normal((N, 3))
Y = np.stack([np.sin(2 * X[:, 0]), X[:, 1] + 0.3 * RNG.standard_normal(N)], 1)


CHOSEN = LeaveOneOutBandwidth()


def samples_of(y, *, weights=None, intercept=True):
    weights = None if weights is None else torch.tensor(weights)
    return Samples.of(torch.tensor(X), torch.tensor(y), weights, intercept=intercept)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(("diagonal", "power"), [(False, 1.0), (True, 1.0), (False, 0.5), (True, 0.25)])
def test_iterates_against_refits_at_metrics_of_other_rows(diagonal, power, intercept):
    weights = RNG.uniform(0.3, 2, N)
    parts = folds(N, 3, seed=4)
    samples = samples_of(Y, weights=weights, intercept=intercept)
    settings = in_turn([Setting(Laplace(2.0), 0.1, power=power)])
    steps = list(cross_fit(samples, parts, settings, 2, diagonal=diagonal))
    for fold in parts:
        learn, judge = fold.learn.numpy(), fold.judge.numpy()
        mean = np.average(Y[learn], axis=0, weights=weights[learn]) * intercept
        recursion = oracles_kernels.rfm(
            "Laplace",
            X[learn],
            Y[learn] - mean,
            ridge=0.1,
            n_iterations=2,
            diagonal=diagonal,
            power=power,
            weights=weights[learn],
            bandwidth=2.0,
        )
        for step, (matrix, _) in zip(steps, recursion, strict=True):
            gram = oracles_kernels.gram("Laplace", X, X, matrix, bandwidth=2.0)
            for i in judge:
                kept = np.arange(N) != i
                mean = np.average(Y[kept], axis=0, weights=weights[kept]) * intercept
                system = gram[np.ix_(kept, kept)] + 0.1 * np.diag(1 / weights[kept])
                expected = mean + gram[i, kept] @ np.linalg.solve(system, Y[kept] - mean)
                np.testing.assert_allclose(step.predictions[i], expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("intercept", [False, True])
def test_a_left_out_prediction_does_not_depend_on_its_target_by_any_path(intercept):
    """Kernel, bandwidth, ridge, power, iterate, metric, intercept: a target of a row changes those of others only."""
    powers = {"powers": POWERS}
    candidates = [Candidate(Laplace(CHOSEN), **powers), Candidate(ProductLaplace(CHOSEN), diagonal=True, **powers)]

    def predictions(y):
        found = torch.empty(3, N, 2, dtype=torch.float64)
        for rows, values, _ in Search(candidates, 2).left_out_predictions(samples_of(y, intercept=intercept), 3):
            found[:, rows] = torch.stack(values)
        return found

    before = predictions(Y)
    for row in (0, 7, 21):
        changed = Y.copy()
        changed[row] += [4.0, -9.0]
        after = predictions(changed)
        torch.testing.assert_close(after[:, row], before[:, row], rtol=0, atol=1e-9)
        assert (after - before).abs().max() > 0.1


def test_folds_judge_every_row_once_and_learn_from_the_others():
    parts = folds(11, 4, seed=1)
    assert sorted(torch.cat([fold.judge for fold in parts]).tolist()) == list(range(11))
    for fold in parts:
        assert sorted(fold.rows.tolist()) == list(range(11))
    assert not torch.equal(parts[0].judge, folds(11, 4, seed=2)[0].judge)


def test_a_recursion_ends_where_nothing_depends_on_the_inputs():
    samples = samples_of(np.zeros((N, 1)), intercept=False)
    halves = folds(N, 2, seed=0)
    assert len(list(cross_fit(samples, halves, tuned(samples, halves, Candidate(Laplace(CHOSEN))), 3))) == 1


def test_features_are_learned_where_that_pays_and_only_there():
    rng = np.random.default_rng(3)
    x = torch.tensor(rng.standard_normal((300, 8)))
    candidate = Candidate(Laplace(CHOSEN))

    def best(y):
        samples = Samples.of(x, y[:, None], intercept=True)
        return Search([candidate], 3).choose(samples).best(3)[1]

    assert best((1.5 * x[:, 0]).sin() * x[:, 1]) > 0  # two of eight matter
    assert best(x.abs().sum(1)) == 0  # all matter alike


def test_the_smallest_loss_is_chosen_the_earliest_of_equals():
    candidate = Candidate(Laplace(CHOSEN))
    choice = Choice((Course(candidate, (), (0.5, 0.3, 0.3)), Course(candidate, (), (0.5, 0.4))))
    assert [choice.best(k) for k in range(4)] == [(0, 0), (0, 1), (0, 1), (0, 1)]
