"""Bandwidth, ridge and iterate chosen without a validation set, against refits by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.model_selection import GridSearchCV

import agop
from agop import Gaussian, Laplace, ProductLaplace
from agop.errors import MemoryBudgetError
from agop.kernels import LeaveOneOutBandwidth, MedianDistance
from agop.rfm.calibration import Calibration
from agop.rfm.tuning import RIDGES
from rfm.plain import RFMClassifier, RFMRegressor
from sampling import margin, share_error


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


def log_loss_of(left_out, labels):
    """Mean log loss of left-out values (n, C), times the scale with the smallest of many; C = 1 for two classes."""
    logits = np.concatenate([-left_out, left_out], 1) if left_out.shape[1] == 1 else left_out

    def loss(scale):
        logs = log_softmax(scale * logits, axis=1)
        return -logs[np.arange(len(labels)), labels].mean()

    return min(map(loss, np.exp(np.linspace(-5, 8, 2000))))


@pytest.mark.parametrize("classes", [2, 3])
def test_without_updates_scores_are_leave_one_out(blobs, classes):
    """Kernel and ridge are given and no metric is learned: every row is left out alone, whatever its fold."""
    X, labels, *_ = blobs
    X, labels = X[labels < classes], labels[labels < classes]
    signed = 2.0 * (labels[:, None] == np.arange(classes)) - 1
    signed = signed[:, 1:] if classes == 2 else signed
    model = RFMClassifier(Laplace(4.0), n_iterations=0, selection="loo").fit(X, labels)
    left_out = refit_without(model, X, signed)
    right = (left_out[:, 0] > 0 if classes == 2 else left_out.argmax(1)) == labels
    np.testing.assert_allclose(model.validation_scores_, [right.mean()], rtol=1e-12)
    np.testing.assert_allclose(model.validation_standard_errors_, share_error(right), rtol=1e-9)


def test_the_intercept_is_left_out_with_its_sample():
    rng = np.random.default_rng(0)
    X, y, weights = rng.standard_normal((24, 3)), 5 + rng.standard_normal(24), rng.uniform(0.3, 3, 24)
    settings = {"ridge": 1.0, "n_iterations": 0, "selection": None}
    model = agop.RFMRegressor(Laplace(4.0), **{**settings, "selection": "loo"}).fit(X, y, weights)
    errors = []
    for i in range(24):
        kept = np.arange(24) != i
        refit = agop.RFMRegressor(Laplace(4.0), **settings).fit(X[kept], y[kept], weights[kept])
        errors.append((y[i] - refit.predict(X[[i]])[0]) ** 2)
    np.testing.assert_allclose(model.validation_scores_, [-np.average(errors, weights=weights)], rtol=1e-9)


@pytest.mark.parametrize("class_weight", [None, {0: 50.0}])
def test_equal_rows_are_left_out_together(blobs, class_weight):
    X, y, *_ = blobs
    rows = np.r_[np.arange(90), np.arange(30)]
    labels = np.r_[y, (y[:30] + 1) % 3]  # equal rows with other labels
    settings = {"ridge": 0.3, "n_iterations": 0, "class_weight": class_weight}
    model = RFMClassifier(Laplace(4.0), selection="loo", **settings).fit(X[rows], labels)
    weights = np.where(labels == 0, 50.0 if class_weight else 1.0, 1.0)
    right = np.empty(120)
    for j in range(120):
        kept = rows != rows[j]
        refit = RFMClassifier(Laplace(4.0), **settings).fit(X[rows][kept], labels[kept])
        right[j] = refit.predict(X[rows[[j]]])[0] == labels[j]
    np.testing.assert_allclose(model.validation_scores_, [np.average(right, weights=weights)], rtol=1e-12)


@pytest.mark.parametrize("kind", ["regressor", "classifier"])
def test_scores_are_those_of_fits_with_fewer_updates(blobs, kind):
    X, y, *_ = blobs
    estimator = {"regressor": agop.RFMRegressor, "classifier": agop.RFMClassifier}[kind]
    model = estimator(Laplace(LeaveOneOutBandwidth()), n_iterations=3).fit(X, y)
    for k in (0, 1, 3):
        fewer = estimator(Laplace(LeaveOneOutBandwidth()), n_iterations=k).fit(X, y)
        np.testing.assert_allclose(fewer.validation_scores_, model.validation_scores_[: k + 1], rtol=1e-12)
    assert len(model.validation_scores_) == len(model.validation_standard_errors_) == 4
    assert 0 <= model.best_iteration_ <= model.n_iter_ <= 3


def test_labels_of_noise_state_chance():
    """A metric that has seen the labels finds .8 of them here, and as good a kernel among several finds .56."""
    stated = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((60, 12)), rng.integers(0, 2, 60)
        model = agop.RFMClassifier(Laplace(LeaveOneOutBandwidth()), n_iterations=1).fit(X, y)
        stated.append(model.validation_scores_[model.best_iteration_])
    assert abs(np.mean(stated) - 0.5) < margin(stated) < 0.06


def test_targets_of_noise_state_their_variance():
    stated = []
    for seed in range(32):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((60, 12)), rng.standard_normal(60)
        model = agop.RFMRegressor(Laplace(LeaveOneOutBandwidth()), n_iterations=2).fit(X, y)
        stated.append(-model.validation_scores_[model.best_iteration_] / y.var())
    assert np.mean(stated) > 1 - margin(stated) > 0.9


def test_the_unit_of_weights_is_of_no_account(surface):
    """To the last bit for powers of two: else rounding may decide between ridges that are as good."""
    X, y, new, _ = surface
    y = y + np.random.default_rng(0).standard_normal(80)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, 80)
    fits = [
        agop.RFMRegressor(Laplace(LeaveOneOutBandwidth()), n_iterations=2).fit(X, y, unit * weights)
        for unit in (1.0, 2.0, 2.0**-7)
    ]
    for other, unit in zip(fits[1:], (2.0, 2.0**-7), strict=True):
        assert other.ridge_ == unit * fits[0].ridge_
        np.testing.assert_array_equal(other.validation_scores_, fits[0].validation_scores_)
        np.testing.assert_array_equal(other.predict(new), fits[0].predict(new))


def test_a_weight_is_no_number_of_copies(surface):
    """Weights of two: a sample that is left out is left out whole, so the noise is stated as it is."""
    X, y, *_ = surface
    stated = []
    for seed in range(32):
        noisy = y + np.random.default_rng(seed).standard_normal(80)
        model = agop.RFMRegressor(Laplace(LeaveOneOutBandwidth()), n_iterations=1).fit(X, noisy, np.full(80, 2.0))
        stated.append(-model.validation_scores_[model.best_iteration_])
    assert np.mean(stated) > max(0.5, 1 - margin(stated))


def test_weights_are_repetitions_in_the_choice_too(blobs):
    X, y, *_ = blobs
    rng = np.random.default_rng(0)
    copies = rng.integers(1, 4, len(X))
    settings = {"ridge": "loo", "n_iterations": 2, "selection": "loo"}
    rows = rng.permutation(np.repeat(np.arange(len(X)), copies))
    repeated = RFMClassifier(Laplace(MedianDistance()), **settings).fit(X[rows], y[rows])
    weighted = RFMClassifier(Laplace(MedianDistance()), **settings).fit(X, y, copies)
    np.testing.assert_allclose(repeated.validation_scores_, weighted.validation_scores_, rtol=0, atol=1e-12)
    assert (repeated.ridge_, repeated.bandwidth_) == (weighted.ridge_, weighted.bandwidth_)


@pytest.mark.parametrize("selection", [None, "loo"])
def test_the_metric_from_some_samples_and_the_fit_to_all(surface, selection):
    X, y, new, _ = surface
    settings = {"ridge": 0.1, "n_iterations": 2, "power": 1, "random_state": 3}
    steps = []
    model = RFMRegressor(Laplace(3.0), metric_samples=50, callback=steps.append, selection=selection, **settings)
    model.fit(X, y)
    learned = {row.tobytes() for row in steps[-1].machine.centers.numpy()}
    some = np.array([row.tobytes() in learned for row in X])
    assert len(steps[-1].machine.centers) == 50 == some.sum()
    best = model.best_iteration_
    part = RFMRegressor(Laplace(3.0), **{**settings, "n_iterations": best}).fit(X[some], y[some])
    metric = np.eye(5) if model.metric_ is None else model.metric_.numpy()
    if best:
        np.testing.assert_allclose(metric, part.metric_, rtol=1e-9)
    values, vectors = np.linalg.eigh(metric)
    Z, W = (rows @ vectors * np.sqrt(values.clip(0)) for rows in (X, new))
    gram, cross = (np.exp(-np.sqrt(((A[:, None] - Z) ** 2).sum(2)) / 3) for A in (Z, W))
    expected = cross @ np.linalg.solve(gram + 0.1 * np.eye(80), y)
    np.testing.assert_allclose(model.predict(new), expected, rtol=0, atol=1e-8)
    assert (model.validation_scores_ is None) == (selection is None)


def test_rows_that_no_metric_has_seen_state_the_score(surface):
    """With more samples than ``metric_samples``, leave-one-out of the last fit on some of the others."""
    X, y, *_ = surface
    y = y + np.random.default_rng(0).standard_normal(80)
    settings = {"ridge": 0.3, "n_iterations": 2, "metric_samples": 50, "selection": "loo", "random_state": 3}
    model = RFMRegressor(Laplace(3.0), **settings).fit(X, y)
    steps = []
    model.set_params(callback=steps.append).fit(X, y)
    learned = {row.tobytes() for row in steps[-1].machine.centers.numpy()}
    others = np.array([row.tobytes() not in learned for row in X])
    squares = (y - refit_without(model, X, y))[others] ** 2
    sums = [sum(some) for some in combinations(squares, 6)]  # a third of a quarter of 80
    assert np.abs(np.array(sums) / 6 + model.validation_scores_[-1]).min() < 1e-9


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


def test_probabilities_are_calibrated_on_left_out_values(blobs):
    X, y, *_ = blobs
    model = RFMClassifier(Laplace(4.0), ridge=0.1, n_iterations=0, selection="loo").fit(X, y)
    left_out = refit_without(model, X, 2.0 * (y[:, None] == np.arange(3)) - 1)
    shares = torch.nn.functional.one_hot(torch.tensor(y))
    expected = Calibration.of(torch.tensor(left_out), shares)
    assert model.calibration_.scale == pytest.approx(expected.scale, rel=1e-6)
    loss = expected.loss(torch.tensor(left_out), shares)
    best = log_loss_of(left_out, y)
    assert best - 1e-6 < loss < best + 0.01  # the prior costs a little, most where all are right


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_ridge_with_the_smallest_left_out_error(noise):
    X, y = wave(60, noise)
    seen = ridges_seen(X, y)
    errors = []
    for ridge in RIDGES:
        model = RFMRegressor(Laplace(4.0), ridge=ridge, n_iterations=0).fit(X, y)
        errors.append(np.mean((y - refit_without(model, X, y)) ** 2))
    assert errors[RIDGES.index(seen[0])] <= 1.001 * min(errors)


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_ridge_is_chosen_at_every_metric(noise):
    """Noise asks for a large one, and so many rows tell it."""
    assert [ridge > 0.01 for ridge in ridges_seen(*wave(400, noise))] == [noise > 0] * 2


def wave(n, noise):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 3))
    return X, np.sin(X[:, 0]) + noise * rng.standard_normal(n)


def ridges_seen(X, y):
    """Ridge of each iterate."""
    seen = []
    RFMRegressor(Laplace(4.0), ridge="loo", n_iterations=1, callback=lambda s: seen.append(s.ridge)).fit(X, y)
    return seen


def test_a_single_ridge_stays_and_validation_data_decide(surface):
    X, y, new, truth = surface
    model = RFMRegressor(ridge=0.25, n_iterations=2, power=1, selection="loo").fit(X, y, validation=(new, truth))
    plain = RFMRegressor(ridge=0.25, n_iterations=2).fit(X, y, validation=(new, truth))
    assert model.ridge_ == 0.25
    np.testing.assert_array_equal(model.validation_scores_, plain.validation_scores_)


@pytest.mark.parametrize(
    "kernel", [Laplace(MedianDistance()), Gaussian(MedianDistance()), ProductLaplace(MedianDistance())], ids=str
)
def test_median_bandwidth(blobs, kernel):
    X, y, new, _ = blobs
    order = 1 if isinstance(kernel, ProductLaplace) else 2
    expected = np.median([np.linalg.norm(X[i] - X[j], order) for i in range(90) for j in range(i)])
    model = RFMClassifier(kernel, n_iterations=1).fit(X, y)
    assert model.bandwidth_ == model.kernel_.bandwidth == pytest.approx(expected, rel=1e-12)
    assert kernel.bandwidth == MedianDistance()
    number = RFMClassifier(type(kernel)(model.bandwidth_), n_iterations=1).fit(X, y)
    np.testing.assert_array_equal(model.predict(new), number.predict(new))


def test_median_bandwidth_of_many_rows_follows_the_random_state():
    X = np.random.default_rng(0).standard_normal((1200, 2))
    fits = [RFMRegressor(Laplace(MedianDistance()), n_iterations=0, random_state=s).fit(X, X[:, 0]) for s in (0, 0, 1)]
    first, again, other = (model.bandwidth_ for model in fits)
    assert first == again != other
    assert first == pytest.approx(other, rel=0.2)  # five standard errors of medians over 300 rows


def test_median_bandwidth_in_a_search(blobs):
    X, y, *_ = blobs
    search = GridSearchCV(
        RFMClassifier(Laplace(), n_iterations=0), {"kernel__bandwidth": [MedianDistance(), 1e-3]}, cv=3
    )
    assert search.fit(X, y).best_params_ == {"kernel__bandwidth": MedianDistance()}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"selection": "gcv"}, "'selection' .*'loo'.* or None. Got 'gcv'"),
        ({"ridge": "gcv"}, "'ridge' .*'loo'.* Got 'gcv'"),
        ({"power": 0}, r"'power' .*\(0.0, inf\).* Got 0"),
        ({"power": "published"}, "'power' .*'loo'.* Got 'published'"),
        ({"metric_samples": 1}, r"'metric_samples' .*\[2, inf\) or None. Got 1"),
        ({"agop_samples": 1}, r"'agop_samples' .*\[2, inf\) or None. Got 1"),
        ({"kernel": Laplace("mean")}, "a positive finite bandwidth"),
    ],
)
@pytest.mark.parametrize("estimator", [RFMRegressor, RFMClassifier])
def test_unusable_settings(blobs, estimator, settings, message):
    X, y, *_ = blobs
    with pytest.raises(ValueError, match=message):
        estimator(**settings).fit(X, y)


@pytest.mark.parametrize(("name", "kernel"), [("gaussian", Gaussian), ("product-laplace", ProductLaplace)])
def test_a_kernel_by_name_has_the_bandwidth_that_leave_one_out_chooses(surface, name, kernel):
    X, y, new, _ = surface
    named, given = (
        agop.RFMRegressor(each, n_iterations=1).fit(X, y) for each in (name, kernel(LeaveOneOutBandwidth()))
    )
    assert type(named.kernel_) is kernel
    assert named.kernel == name
    np.testing.assert_array_equal(named.predict(new), given.predict(new))


def test_median_bandwidth_needs_two_distinct_rows():
    with pytest.raises(ValueError, match="two distinct samples"):
        RFMRegressor(Laplace(MedianDistance())).fit(np.ones((3, 2)), np.arange(3.0))


def test_tensors_in_float32(surface):
    X, y, *_ = surface
    exact = RFMRegressor(Laplace(MedianDistance()), ridge="loo", selection="loo", n_iterations=2).fit(X, y)
    rounded = RFMRegressor(Laplace(MedianDistance()), ridge="loo", selection="loo", n_iterations=2)
    rounded.fit(torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32))
    np.testing.assert_allclose(rounded.validation_scores_, exact.validation_scores_, rtol=1e-2)


@pytest.mark.parametrize("n", [2, 3, 6, 13])
def test_few_samples(n):
    """Where too few can be left out nothing is stated."""
    X = np.random.default_rng(0).standard_normal((n, 3))
    for metric_samples in (None, 2):
        model = agop.RFMRegressor(n_iterations=1, metric_samples=metric_samples).fit(X, X[:, 0])
        assert (model.validation_scores_ is None) == (n < 6)
        assert np.isfinite(model.predict(X)).all()


def test_scores_that_tell_nothing_leave_the_scale_at_one():
    """And those that tell all make it large, never without bound."""
    shares = torch.nn.functional.one_hot(torch.arange(12) % 3).double()
    assert Calibration.of(torch.zeros(12, 3), shares).scale == pytest.approx(1, abs=1e-3)
    assert 1 < Calibration.of(shares, shares).scale < 1000
