"""RFMRegressor and RFMClassifier: predictions, shapes, memory and reproducibility."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.exceptions import NotFittedError
from sklearn.kernel_ridge import KernelRidge

import agop
from agop import Gaussian, Laplace
from agop.errors import MemoryBudgetError
from agop.rfm import Samples, Setting, rfm
from agop.rfm.tuning import RIDGES
from rfm.plain import RFMClassifier, RFMRegressor


def laplace(rows, centers, bandwidth):
    return np.exp(-cdist(rows, centers) / bandwidth)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [1, 3])
def test_no_iteration_is_kernel_ridge_regression(surface, outputs, weighted):
    X, y, new, _ = surface
    y = y if outputs == 1 else np.stack([y, y**2, X[:, 2]], 1)
    weights = np.random.default_rng(0).uniform(0.5, 3, len(X)) if weighted else None
    reference = KernelRidge(alpha=0.1, kernel="precomputed").fit(laplace(X, X, 3.0), y, weights)
    model = RFMRegressor(Laplace(3.0), ridge=0.1, n_iterations=0).fit(X, y, weights)
    np.testing.assert_allclose(model.predict(new), reference.predict(laplace(new, X, 3.0)), rtol=0, atol=1e-12)
    assert model.metric_ is None
    assert (model.best_iteration_, model.n_iter_) == (0, 0)


def test_what_is_not_given_is_chosen(surface):
    X, y, *_ = surface
    model = agop.RFMRegressor(n_iterations=1).fit(X, y)
    assert (model.kernel, model.ridge, model.diagonal) == (None, "loo", None)
    assert model.diagonal_ == isinstance(model.kernel_, agop.ProductLaplace)
    assert model.ridge_ in RIDGES
    assert model.bandwidth_ == model.kernel_.bandwidth > 0
    assert model.power is None
    assert len(model.validation_scores_) == 2


def test_the_power_is_chosen_unless_it_is_given():
    """Columns matter less and less: the published power is too sharp for the second update."""
    X = np.random.default_rng(1).standard_normal((200, 12))
    y = (abs(X) / np.arange(1, 13)).sum(1)
    every = {}, {"power": "loo"}, {"power": "loo", "selection": None}, {"power": 1}
    chosen, asked, last, given = (agop.RFMRegressor("laplace", n_iterations=2, **each).fit(X, y) for each in every)
    assert chosen.power_ == asked.power_ < given.power_ == 1
    np.testing.assert_array_equal(chosen.predict(X), asked.predict(X))
    assert last.power_ < 1
    assert agop.RFMRegressor("laplace", n_iterations=0).fit(X, y).power_ == 0


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize(("kernel", "power"), [(Laplace(4.0), None), (Gaussian(4.0), None), (Laplace(4.0), 0.5)])
def test_same_as_the_recursion(surface, kernel, power, diagonal):
    """That of the papers, with the first power, unless another one is given."""
    X, y, new, _ = surface
    model = RFMRegressor(kernel, ridge=0.01, n_iterations=3, diagonal=diagonal, power=power).fit(X, y)
    samples = Samples.of(torch.tensor(X), torch.tensor(y)[:, None])
    *_, last = rfm(samples, Setting(kernel, 0.01, power=power or 1.0), 3, diagonal=diagonal)
    assert model.power_ == (power or 1.0)
    np.testing.assert_allclose(model.predict(new), last.machine(torch.tensor(new))[:, 0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.metric_, last.machine.metric.matrix, rtol=0, atol=1e-12)
    assert model.metric_.shape == ((5,) if diagonal else (5, 5))
    assert model.kernel_ is not kernel


def test_the_metric_finds_the_features_that_matter(surface):
    X, y, new, truth = surface
    model = RFMRegressor(Laplace(5.0), ridge=0.01, n_iterations=3).fit(X, y)
    importance = model.metric_.diagonal()
    assert importance[:2].min() > 2 * importance[2:].max()
    plain = RFMRegressor(Laplace(5.0), ridge=0.01, n_iterations=0).fit(X, y)
    wrong, plainly_wrong = (np.median(abs(each.predict(new) - truth)) for each in (model, plain))
    assert wrong < 0.9 * plainly_wrong


def test_shapes_of_several_outputs(surface):
    X, y, new, _ = surface
    flat = RFMRegressor(n_iterations=1).fit(X, y)
    column = RFMRegressor(n_iterations=1).fit(X, y[:, None])
    several = RFMRegressor(n_iterations=1).fit(X, np.stack([y, X[:, 2]], 1))
    assert flat.predict(new).shape == (40,)
    assert column.predict(new).shape == (40, 1)
    assert several.predict(new).shape == (40, 2)
    np.testing.assert_array_equal(flat.predict(new), column.predict(new)[:, 0])


def test_score_of_several_outputs_is_the_mean_of_r2(surface):
    X, y, new, truth = surface
    truth = np.stack([truth, new[:, 2]], 1)
    model = RFMRegressor(n_iterations=1).fit(X, np.stack([y, X[:, 2]], 1))
    residual = ((model.predict(new) - truth) ** 2).sum(0) / ((truth - truth.mean(0)) ** 2).sum(0)
    assert model.score(new, truth) == pytest.approx(1 - residual.mean(), abs=1e-12)


def test_weighted_score(blobs, surface):
    X, y, new, truth = blobs
    weights = np.arange(len(new)) % 3
    model = RFMClassifier(n_iterations=1).fit(X, y)
    hits = model.predict(new) == truth
    assert model.score(new, truth, weights) == pytest.approx((weights * hits).sum() / weights.sum())
    X, y, new, truth = surface
    model = RFMRegressor(n_iterations=1).fit(X, y)
    repeated = np.repeat(np.arange(len(new)), weights)
    assert model.score(new, truth, weights) == pytest.approx(model.score(new[repeated], truth[repeated]))


def test_classifier_is_the_regressor_on_signed_targets(blobs):
    X, y, new, _ = blobs
    model = RFMClassifier(Laplace(4.0), n_iterations=2).fit(X, y)
    regressor = RFMRegressor(Laplace(4.0), n_iterations=2).fit(X, 2.0 * np.eye(3)[y] - 1)
    scores = regressor.predict(new)
    np.testing.assert_allclose(model.decision_function(new), scores, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.predict(new), scores.argmax(1))
    clipped = np.clip((scores + 1) / 2, 1e-6, 1 - 1e-6)
    np.testing.assert_allclose(model.predict_proba(new), clipped / clipped.sum(1, keepdims=True), rtol=1e-9)


def test_two_classes(blobs):
    X, y, new, _ = blobs
    model = RFMClassifier(Laplace(4.0), n_iterations=2).fit(X, y > 0)
    regressor = RFMRegressor(Laplace(4.0), n_iterations=2).fit(X, np.where(y > 0, 1.0, -1.0))
    decision, proba = model.decision_function(new), model.predict_proba(new)
    assert decision.shape == (40,)
    assert proba.shape == (40, 2)
    np.testing.assert_allclose(decision, regressor.predict(new), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.predict(new), decision > 0)
    np.testing.assert_allclose(proba[:, 1], np.clip((decision + 1) / 2, 1e-6, 1 - 1e-6), rtol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities(blobs, n_classes):
    X, y, new, _ = blobs
    model = RFMClassifier(ridge=1e-6, n_iterations=1).fit(X, y % n_classes)
    proba = model.predict_proba(new)
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-12)
    assert proba.min() > 0
    assert proba.max() < 1
    np.testing.assert_array_equal(proba.argmax(1), model.predict(new))
    far = model.predict_proba(1e4 * new)  # nothing is known there
    np.testing.assert_allclose(far, 1 / n_classes, rtol=1e-9)


def test_memory_is_kept_and_blocks_change_nothing(blobs):
    X, y, new, _ = blobs
    needed = len(X) ** 2 * 8
    with pytest.raises(MemoryBudgetError, match="kernel matrix within"):
        RFMClassifier(max_memory=needed - 1, n_iterations=0).fit(X, y)
    model = RFMClassifier(max_memory=needed, n_iterations=1).fit(X, y)
    whole = RFMClassifier(n_iterations=1).fit(X, y)
    np.testing.assert_allclose(model.decision_function(new), whole.decision_function(new), rtol=0, atol=1e-10)
    whole.set_params(max_memory=1)  # a row at a time
    np.testing.assert_allclose(model.decision_function(new), whole.decision_function(new), rtol=0, atol=1e-10)


@pytest.mark.parametrize("estimator", [RFMClassifier(n_iterations=2), RFMRegressor(n_iterations=2)])
def test_a_last_batch_of_one(blobs, estimator):
    X, y, new, _ = blobs
    model = estimator.fit(X, y)
    predict = getattr(model, "decision_function", model.predict)
    batches = np.concatenate([predict(new[:39]), predict(new[39:])])
    np.testing.assert_allclose(batches, predict(new), rtol=0, atol=1e-12)


def test_inputs_and_global_generators_are_left_alone(blobs):
    X, y, new, _ = blobs
    copies = X.copy(), y.copy(), new.copy()
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002 (to see that nobody used it)
    RFMClassifier(n_iterations=1, validation_fraction=0.2, random_state=0).fit(X, y).predict(new)
    for array, copy in zip((X, y, new), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])


def test_fitting_again_starts_anew(blobs, surface):
    X, y, new, _ = blobs
    model = RFMClassifier(n_iterations=2)
    first = model.fit(X, y).decision_function(new)
    model.fit(X[:, :3], y == 1, validation=(new[:, :3], np.zeros(40, bool)))
    np.testing.assert_array_equal(model.fit(X, y).decision_function(new), first)
    assert model.validation_scores_ is None
    assert model.n_features_in_ == 5


@pytest.mark.parametrize("constant", [0.0, 3.7, 1e9 / 7])
@pytest.mark.parametrize(
    "settings",
    [{}, {"n_iterations": 0}, {"validation_fraction": 0.3}, {"kernel": Laplace(4.0), "ridge": 0.1, "selection": None}],
    ids=["choices", "no iteration", "validation", "plain"],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_constant_targets_predict_the_constant(surface, settings, constant, weighted):
    X, _, new, _ = surface
    weights = np.random.default_rng(0).uniform(0.1, 3, 80) if weighted else None
    model = agop.RFMRegressor(**settings).fit(X, np.full((80, 2), [constant, -constant]), weights)
    np.testing.assert_array_equal(model.predict(new), np.full((40, 2), [constant, -constant]))
    assert model.best_iteration_ == 0
    assert not model.feature_importances_.any()


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_not_fitted(method):
    with pytest.raises(NotFittedError):
        getattr(RFMClassifier(), method)(np.eye(3))
    with pytest.raises(NotFittedError):
        RFMRegressor().predict(np.eye(3))
