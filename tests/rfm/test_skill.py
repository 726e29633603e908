"""The skill of a fitted model, against refits by hand and on targets that are noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import agop
from agop import Laplace
from agop.kernels import LeaveOneOutBandwidth
from agop.rfm import Samples, Skill
from sampling import is_share, margin


def of(targets, predictions, weights=None):
    targets, predictions = (torch.as_tensor(each, dtype=torch.float64)[:, None] for each in (targets, predictions))
    weights = None if weights is None else torch.as_tensor(weights)
    return Skill.of(Samples.of(torch.arange(len(targets))[:, None].double(), targets, weights), predictions)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("signal", [0.0, 0.5, 3.0])
def test_two_errors_hold_what_is_true(signal, weighted):
    """Over 500 draws of 200 targets, whose share that is predicted is known."""
    rng, found = np.random.default_rng(1), []
    for _ in range(500):
        x, noise = rng.standard_normal((2, 200))
        weights = rng.uniform(0.5, 1.5, 200) if weighted else None
        found.append(of(signal * x + noise, signal * x, weights))
    truth = signal**2 / (signal**2 + 1)
    values, errors = np.array([(each.value, each.error) for each in found]).T
    assert abs(values.mean() - truth) < margin(values) + 0.01  # a ratio of means, whose bias falls as 1 / n
    np.testing.assert_allclose(errors.mean(), values.std(), rtol=0.2, atol=1e-3)


def test_it_is_r2_of_left_out_predictions(surface):
    X, y, *_ = surface
    model = agop.RFMRegressor(Laplace(4.0), ridge=0.1, n_iterations=1).fit(X, y)
    assert model.skill_.value == pytest.approx(1 + model.validation_scores_[-1] / y.var(), rel=1e-9)
    new = agop.RFMRegressor(Laplace(4.0), ridge=0.1, n_iterations=1).fit(X[:60], y[:60], validation=(X[60:], y[60:]))
    assert new.skill_.value == pytest.approx(new.score(X[60:], y[60:]), rel=1e-9)
    assert agop.RFMRegressor(Laplace(4.0), selection=None).fit(X, y).skill_ is None


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_noise_is_seldom_taken_for_skill_and_a_signal_always(classes):
    """Targets that hang on no column are said to be predicted in 1 of 40 fits at most."""
    positive = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((60, 4))
        y = rng.integers(0, classes, 60) if classes else rng.standard_normal(60)
        kind = agop.RFMClassifier if classes else agop.RFMRegressor
        skill = kind(Laplace(LeaveOneOutBandwidth()), n_iterations=1).fit(X, y).skill_
        positive += skill.is_positive
    assert positive <= 1 or is_share(positive, 40, 0.025)
    X = np.random.default_rng(0).standard_normal((150, 4))
    y = (X[:, 0] > 0).astype(int) + (classes == 3) * (X[:, 0] > 1) if classes else X[:, 0]
    assert kind(Laplace(LeaveOneOutBandwidth()), n_iterations=1).fit(X, y).skill_.is_positive


def test_what_cannot_be_known():
    assert of([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]) is None
    assert of([0.1] * 999, [0.3] * 999, np.random.default_rng(0).uniform(0.1, 9, 999)) is None  # means are rounded
    same = Samples.of(torch.ones(3, 1), torch.tensor([[1.0], [2.0], [3.0]])).merged()
    assert Skill.of(same, torch.tensor([[2.0]])) is None
    unknown = of([0.0, 1.0, 2.0, float("nan")], [0.0, 1.0, 2.0, 9.0])
    assert (unknown.value, unknown.error) == (1, pytest.approx(0))
