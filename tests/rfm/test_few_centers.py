"""Feature machines of many rows whose predictors have few centers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop import RFMClassifier, RFMRegressor
from agop.errors import InputError
from agop.estimator import load, save
from agop.kernels import Laplace
from agop.outer_product import kernel_agop, normalized_agop
from agop.rfm import Samples, Setting, rfm
from agop.solvers import Nystrom

X = np.random.default_rng(0).uniform(-1, 1, (4500, 4))
Y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2
NEW = np.random.default_rng(1).uniform(-1, 1, (500, 4))
TRUTH = np.sin(3 * NEW[:, 0]) + NEW[:, 1] ** 2
PLAIN = {"ridge": 1e-2, "selection": None, "metric_samples": None, "agop_samples": None}


@pytest.mark.parametrize("agop_samples", [None, 100])
def test_with_all_rows_as_centers_the_recursion_is_that_of_a_factorization(agop_samples):
    settings = PLAIN | {"n_iterations": 2, "agop_samples": agop_samples}
    few, exact = (
        RFMRegressor(Laplace(3.0), solver=solver, **settings).fit(X[:300], Y[:300]) for solver in (Nystrom(300), "auto")
    )
    np.testing.assert_allclose(few.predict(NEW), exact.predict(NEW), rtol=0, atol=1e-6)
    torch.testing.assert_close(few.metric_, exact.metric_, rtol=1e-5, atol=1e-7)
    assert few.agop_error_ == pytest.approx(exact.agop_error_, rel=1e-4)


def test_the_agop_is_that_over_all_rows():
    """Weights of the rows, of which there are more than centers, count."""
    weights = torch.rand(600, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.1
    samples = Samples.of(torch.tensor(X[:600]), torch.tensor(Y[:600, None]), weights)
    first, second = rfm(samples, Setting(Laplace(3.0), 1e-2), 1, solver=Nystrom(50))
    assert len(first.machine.centers) == 50
    expected = normalized_agop(kernel_agop(first.machine, samples.inputs, weights=weights).matrix)
    torch.testing.assert_close(second.machine.metric.matrix, expected)
    at_centers = normalized_agop(kernel_agop(first.machine).matrix)
    assert (at_centers - expected).norm() > 0.01 * expected.norm()


def test_a_metric_of_some_rows_and_few_centers_of_all():
    model = RFMRegressor("laplace", n_iterations=2, solver=Nystrom(400), metric_samples=500).fit(X, Y)
    assert len(model.machine_.centers) == 400
    assert repr(model.solver_) == "Nystrom(n_centers=400, seed=0)"
    assert model.score(NEW, TRUTH) > 0.99
    lower, upper = model.predict_interval(NEW, coverage=0.8)
    assert ((lower <= TRUTH) & (upper >= TRUTH)).mean() == pytest.approx(0.8, abs=0.1)
    with pytest.raises(InputError, match="400 of them"):
        model.predict(NEW, return_std=True)
    error, spread = -model.validation_scores_[-1], model.validation_standard_errors_[-1]
    assert error == pytest.approx(np.square(model.predict(NEW) - TRUTH).mean(), abs=4 * spread + 1e-4)


def test_of_noise_the_score_states_chance():
    noise = np.random.default_rng(2).standard_normal(len(X))
    model = RFMRegressor("laplace", n_iterations=1, solver=Nystrom(300), metric_samples=500).fit(X, noise)
    error, spread = -model.validation_scores_[-1], model.validation_standard_errors_[-1]
    assert error > noise.var() - 5 * spread


def test_classes():
    model = RFMClassifier("laplace", n_iterations=1, solver=Nystrom(300), metric_samples=500).fit(X, Y > 0.3)
    assert len(model.machine_.centers) == 300
    assert model.score(NEW, TRUTH > 0.3) > 0.93
    assert np.log(model.predict_proba(NEW)[np.arange(500), (TRUTH > 0.3).astype(int)]).mean() > -0.25


def test_importances_are_those_of_rows_and_not_of_centers(tmp_path):
    """Centers spread over the inputs; effects are over the rows, a random part of which the model keeps."""
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (4500, 2))
    x[:200] *= 50
    model = RFMRegressor(Laplace(3.0), n_iterations=0, solver=Nystrom(300), **PLAIN).fit(x, x[:, 0] + x[:, 1])
    assert (model.machine_.centers.abs().amax(1) > 1).double().mean() > 2 * 200 / 4500
    rows, weights = model.rows_at_random(seed=0)
    assert len(rows) == len(weights) == 4000
    assert (abs(rows).max(1) > 1).mean() == pytest.approx(200 / 4500, abs=0.005)
    save(model, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    np.testing.assert_allclose(again.feature_importances_, model.feature_importances_)
    np.testing.assert_allclose(again.predict(x[:9]), model.predict(x[:9]))
