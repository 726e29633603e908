"""Bandwidth, ridge and iterate chosen without a validation set, against refits by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV

from agop import Gaussian, Laplace, ProductLaplace
from agop.errors import MemoryBudgetError
from agop.estimators.calibration import Calibration
from agop.kernels import Kernel
from agop.recursions import RIDGES
from plain_rfm import RFMClassifier, RFMRegressor


def refit_without(model, X, y, weights=None):
    """Raw predictions at each sample by the machines refitted without it, kernel and metric held."""
    machine, weights = model.machine_, np.ones(len(X)) if weights is None else weights
    root = np.eye(X.shape[1])
    if machine.metric is not None:
        values, vectors = np.linalg.eigh(machine.metric.matrix.numpy())
        root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    Z = X @ root
    gram = np.exp(-np.sqrt(((Z[:, None] - Z[None]) ** 2).sum(2)) / model.bandwidth_)
    predictions = np.empty(y.shape)
    for i in range(len(X)):
        kept = np.arange(len(X)) != i
        system = gram[np.ix_(kept, kept)] + model.ridge_ * np.diag(1 / weights[kept])
        predictions[i] = gram[i, kept] @ np.linalg.solve(system, y[kept])
    return predictions


@pytest.mark.parametrize("seed", [0, 1])
def test_regressor_keeps_the_iterate_with_the_smallest_left_out_error(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((60, 4))
    y = np.sin(2 * X[:, 0]) + 0.3 * rng.standard_normal(60)
    weights = rng.uniform(0.2, 1, 60)  # each one sample, which is left out as a whole
    expected = []
    for k in range(4):
        model = RFMRegressor(Laplace(3.0), ridge=0.1, n_iterations=k).fit(X, y, weights)
        expected.append(-np.average((y - refit_without(model, X, y, weights)) ** 2, weights=weights))
    chosen = RFMRegressor(Laplace(3.0), ridge=0.1, n_iterations=3, selection="loo").fit(X, y, weights)
    np.testing.assert_allclose(chosen.validation_scores_, expected, rtol=0, atol=1e-7)
    assert chosen.best_iteration_ == np.argmax(expected)
    assert chosen.n_iter_ == 3
    best = RFMRegressor(Laplace(3.0), ridge=0.1, n_iterations=np.argmax(expected).item()).fit(X, y, weights)
    np.testing.assert_array_equal(chosen.predict(X), best.predict(X))


@pytest.mark.parametrize("class_weight", [None, {0: 50.0}])
@pytest.mark.parametrize("classes", [2, 3])
def test_classifier_keeps_the_iterate_with_the_largest_left_out_accuracy(blobs, classes, class_weight):
    """A class weight makes its samples matter more; each is left out as a whole nevertheless."""
    X, labels, *_ = blobs
    X, labels = X[labels < classes], labels[labels < classes]
    signed = 2.0 * (labels[:, None] == np.arange(classes)) - 1
    signed = signed[:, 1:] if classes == 2 else signed
    weights = np.where(labels == 0, 50.0 if class_weight else 1.0, 1.0)
    accuracies, keys = [], []
    for k in range(4):
        model = RFMClassifier(Laplace(4.0), n_iterations=k, class_weight=class_weight).fit(X, labels)
        left_out = refit_without(model, X, signed, weights)
        decided = left_out[:, 0] > 0 if classes == 2 else left_out.argmax(1)
        accuracies.append(np.average(decided == labels, weights=weights))
        keys.append((accuracies[-1], -np.average(np.mean((signed - left_out) ** 2, axis=1), weights=weights)))
    chosen = RFMClassifier(Laplace(4.0), n_iterations=3, class_weight=class_weight, selection="loo").fit(X, labels)
    np.testing.assert_allclose(chosen.validation_scores_, accuracies, rtol=0, atol=1e-12)
    assert chosen.best_iteration_ == max(range(4), key=keys.__getitem__)


def test_squared_error_breaks_ties_of_accuracy():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = np.concatenate([6.0 * (2 * y[:, None] - 1), rng.standard_normal((60, 3))], 1)
    model = RFMClassifier(Laplace(4.0), n_iterations=2, selection="loo").fit(X, y)
    assert set(model.validation_scores_) == {1.0}
    errors = [
        np.mean((2 * y - 1 - refit_without(m, X, 2.0 * y[:, None] - 1)[:, 0]) ** 2)
        for m in (RFMClassifier(Laplace(4.0), n_iterations=k).fit(X, y) for k in range(3))
    ]
    assert model.best_iteration_ == np.argmin(errors) > 0


def test_generalised_cross_validation_scores(surface):
    X, y, *_ = surface
    model = RFMRegressor(Laplace(4.0), ridge=0.1, n_iterations=2, selection="gcv").fit(X, y)
    gram = np.exp(-np.sqrt(((X[:, None] - X[None]) ** 2).sum(2)) / 4)
    hat = gram @ np.linalg.inv(gram + 0.1 * np.eye(80))
    expected = -np.mean((y - hat @ y) ** 2) / (1 - np.trace(hat) / 80) ** 2
    assert model.validation_scores_[0] == pytest.approx(expected, rel=1e-9)
    assert model.best_iteration_ == np.argmax(model.validation_scores_)


@pytest.mark.parametrize("selection", ["loo", "gcv"])
def test_weights_are_repetitions_in_the_choice_too(blobs, selection):
    X, y, *_ = blobs
    copies = np.random.default_rng(0).integers(1, 4, len(X))
    settings = {"ridge": "loo", "n_iterations": 2, "selection": selection}
    repeated = RFMClassifier(Laplace("median"), **settings).fit(np.repeat(X, copies, 0), np.repeat(y, copies))
    weighted = RFMClassifier(Laplace("median"), **settings).fit(X, y, copies)
    np.testing.assert_allclose(repeated.validation_scores_, weighted.validation_scores_, rtol=0, atol=1e-12)
    assert (repeated.ridge_, repeated.bandwidth_) == (weighted.ridge_, weighted.bandwidth_)


@pytest.mark.parametrize("selection", [None, "loo"])
def test_the_metric_from_some_samples_and_the_fit_to_all(surface, selection):
    X, y, new, _ = surface
    settings = {"ridge": 0.1, "n_iterations": 2, "selection": selection, "random_state": 3}
    steps = []
    model = RFMRegressor(Laplace(3.0), metric_samples=50, callback=steps.append, **settings).fit(X, y)
    learned = {row.tobytes() for row in steps[-1].machine.centers.numpy()}
    some = np.array([row.tobytes() in learned for row in X])
    part = RFMRegressor(Laplace(3.0), **settings).fit(X[some], y[some])
    assert len(steps[-1].machine.centers) == 50 == some.sum()
    torch.testing.assert_close(model.metric_, part.metric_, rtol=1e-12, atol=0)
    assert model.best_iteration_ == part.best_iteration_
    assert (model.validation_scores_ is None) == (selection is None)
    values, vectors = np.linalg.eigh(model.metric_.numpy())
    Z, W = (rows @ vectors * np.sqrt(values.clip(0)) for rows in (X, new))
    gram, cross = (np.exp(-np.sqrt(((A[:, None] - Z) ** 2).sum(2)) / 3) for A in (Z, W))
    expected = cross @ np.linalg.solve(gram + 0.1 * np.eye(80), y)
    np.testing.assert_allclose(model.predict(new), expected, rtol=0, atol=1e-9)
    whole = RFMRegressor(Laplace(3.0), metric_samples=80, **settings).fit(X, y)
    np.testing.assert_array_equal(whole.predict(new), RFMRegressor(Laplace(3.0), **settings).fit(X, y).predict(new))


def test_memory_for_the_last_fit_is_checked_before_the_first(surface):
    X, y, *_ = surface
    steps = []
    settings = {"solver": "auto", "metric_samples": 20, "callback": steps.append}
    model = RFMRegressor(Laplace(3.0), ridge=0.1, max_memory=20_000, **settings)
    with pytest.raises(MemoryBudgetError, match="kernel matrix within"):
        model.fit(X, y)
    assert not steps
    model.set_params(max_memory=80 * 80 * 8).fit(X, y)
    assert len(model.machine_.centers) == 80


def test_probabilities_are_calibrated_on_all_samples(blobs):
    X, y, *_ = blobs
    rows = np.r_[np.arange(90), np.arange(30)]
    labels = np.r_[y, (y[:30] + 1) % 3]  # equal samples with other labels
    settings = {"n_iterations": 1, "selection": "loo", "random_state": 0}
    model = RFMClassifier(Laplace(4.0), ridge=0.1, metric_samples=40, **settings).fit(X[rows], labels)
    assert len(model.machine_.centers) == 90
    left_out = np.empty((120, 3))
    Z = X[rows] @ (np.linalg.cholesky(model.metric_.numpy()) if model.best_iteration_ else np.eye(5))
    for i in range(120):
        kept = np.arange(120) != i
        refit = RFMClassifier(Laplace(4.0), ridge=0.1, n_iterations=0).fit(Z[kept], labels[kept])
        left_out[i] = refit.decision_function(Z[i : i + 1])[0]
    expected = Calibration.of(torch.tensor(left_out), torch.tensor(labels))
    assert model.calibration_.scale == pytest.approx(expected.scale, rel=1e-4)


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_ridge_is_chosen_at_every_metric(noise):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 3))
    y = np.sin(X[:, 0]) + noise * rng.standard_normal(60)
    seen = []
    RFMRegressor(Laplace(4.0), ridge="loo", n_iterations=1, callback=lambda s: seen.append(s.fit)).fit(X, y)
    errors = []
    for ridge in RIDGES:
        model = RFMRegressor(Laplace(4.0), ridge=ridge, n_iterations=0).fit(X, y)
        errors.append(np.mean((y - refit_without(model, X, y)) ** 2))
    assert seen[0].ridge == RIDGES[np.argmin(errors)]
    start = RFMRegressor(Laplace(4.0), ridge=seen[0].ridge, n_iterations=1).fit(X, y)
    errors = []
    for ridge in RIDGES:
        start.ridge_ = ridge
        errors.append(np.mean((y - refit_without(start, X, y)) ** 2))
    assert seen[1].ridge == RIDGES[np.argmin(errors)]
    assert (seen[0].ridge > 0.01) == (noise > 0)


def test_a_single_ridge_stays_and_validation_data_decide(surface):
    X, y, new, truth = surface
    model = RFMRegressor(ridge=0.25, n_iterations=2, selection="loo").fit(X, y, validation=(new, truth))
    plain = RFMRegressor(ridge=0.25, n_iterations=2).fit(X, y, validation=(new, truth))
    assert model.ridge_ == 0.25
    np.testing.assert_array_equal(model.validation_scores_, plain.validation_scores_)


@pytest.mark.parametrize("kernel", [Laplace("median"), Gaussian("median"), ProductLaplace("median")], ids=str)
def test_median_bandwidth(blobs, kernel):
    X, y, new, _ = blobs
    order = 1 if isinstance(kernel, ProductLaplace) else 2
    expected = np.median([np.linalg.norm(X[i] - X[j], order) for i in range(90) for j in range(i)])
    model = RFMClassifier(kernel, n_iterations=1).fit(X, y)
    assert model.bandwidth_ == model.kernel_.bandwidth == pytest.approx(expected, rel=1e-12)
    assert kernel.bandwidth == "median"
    number = RFMClassifier(type(kernel)(model.bandwidth_), n_iterations=1).fit(X, y)
    np.testing.assert_array_equal(model.predict(new), number.predict(new))


def test_median_bandwidth_of_many_rows_follows_the_random_state():
    X = np.random.default_rng(0).standard_normal((1200, 2))
    fits = [RFMRegressor(Laplace("median"), n_iterations=0, random_state=s).fit(X, X[:, 0]) for s in (0, 0, 1)]
    first, again, other = (model.bandwidth_ for model in fits)
    assert first == again != other
    assert first == pytest.approx(other, rel=0.05)


def test_median_bandwidth_in_a_search(blobs):
    X, y, *_ = blobs
    search = GridSearchCV(RFMClassifier(Laplace(), n_iterations=0), {"kernel__bandwidth": ["median", 1e-3]}, cv=3)
    assert search.fit(X, y).best_params_ == {"kernel__bandwidth": "median"}


class Other(Kernel):
    """A kernel of no known distance."""

    def __init__(self, bandwidth="median"):
        self.bandwidth = bandwidth

    def gram(self, points, centers=None):
        raise AssertionError("the check comes before any work")

    output_gradients = gram

    def check(self):
        pass


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"selection": "cv"}, "selection=None, 'loo' or 'gcv'"),
        ({"ridge": "gcv"}, "a finite ridge >= 0 or 'loo'"),
        ({"metric_samples": 1}, "metric_samples >= 2, or None"),
        ({"ridge": -1.0}, "a finite ridge >= 0 or 'loo'"),
        ({"kernel": Laplace("mean")}, "a positive finite bandwidth"),
        ({"kernel": Other()}, "a kernel of agop"),
    ],
)
@pytest.mark.parametrize("estimator", [RFMRegressor, RFMClassifier])
def test_unusable_settings(blobs, estimator, settings, message):
    X, y, *_ = blobs
    with pytest.raises(ValueError, match=message):
        estimator(**settings).fit(X, y)


def test_median_bandwidth_needs_two_distinct_rows():
    with pytest.raises(ValueError, match="two distinct samples"):
        RFMRegressor(Laplace("median")).fit(np.ones((3, 2)), np.arange(3.0))


def test_tensors_in_float32(surface):
    X, y, *_ = surface
    exact = RFMRegressor(Laplace("median"), ridge="loo", selection="loo", n_iterations=2).fit(X, y)
    rounded = RFMRegressor(Laplace("median"), ridge="loo", selection="loo", n_iterations=2)
    rounded.fit(torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32))
    np.testing.assert_allclose(rounded.validation_scores_, exact.validation_scores_, rtol=1e-2)
