"""Which iterate is kept, and who may stop the recursion."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split

from agop import DeepRFMClassifier, Laplace
from agop.deep_rfm import ReLUFeatures
from agop.errors import TimeBudgetWarning
from agop.rfm.calibration import Calibration
from rfm.plain import RFMClassifier, RFMRegressor
from sampling import share_error


@pytest.mark.parametrize("best", [0, 1, 3])
def test_regressor_keeps_the_best_iterate(surface, best):
    X, y, new, _ = surface
    models = [RFMRegressor(Laplace(4.0), n_iterations=k).fit(X, y) for k in range(5)]
    truth = models[best].predict(new)  # no other iterate can be better
    model = RFMRegressor(Laplace(4.0), n_iterations=4).fit(X, y, validation=(new, truth))
    assert (model.best_iteration_, model.n_iter_) == (best, 4)
    np.testing.assert_array_equal(model.predict(new), truth)
    np.testing.assert_allclose(
        model.validation_scores_, [r2_score(truth, other.predict(new)) for other in models], rtol=0, atol=1e-12
    )
    if best:
        np.testing.assert_array_equal(model.metric_, models[best].metric_)
    else:
        assert model.metric_ is None


def test_without_validation_the_last_iterate_is_kept(surface):
    X, y, *_ = surface
    model = RFMRegressor(n_iterations=3).fit(X, y)
    assert (model.best_iteration_, model.n_iter_, model.validation_scores_) == (3, 3, None)


def test_classifier_keeps_the_first_of_equally_good_iterates(blobs):
    X, y, new, truth = blobs
    models = [RFMClassifier(Laplace(4.0), n_iterations=k).fit(X, y) for k in range(4)]
    expected = [accuracy_score(truth, other.predict(new)) for other in models]
    model = RFMClassifier(Laplace(4.0), n_iterations=3).fit(X, y, validation=(new, truth))
    np.testing.assert_allclose(model.validation_scores_, expected)
    assert model.best_iteration_ == np.argmax(expected)
    np.testing.assert_array_equal(model.decision_function(new), models[np.argmax(expected)].decision_function(new))
    first = RFMClassifier(Laplace(4.0), n_iterations=3).fit(X, y, validation=(new, models[0].predict(new)))
    assert first.best_iteration_ == 0
    assert first.validation_scores_[0] == 1


def test_validation_scores_come_with_their_standard_error(blobs, surface):
    X, y, new, truth = blobs
    model = RFMClassifier(Laplace(4.0), n_iterations=1).fit(X, y, validation=(new, truth))
    right = model.predict(new) == truth
    np.testing.assert_allclose(model.validation_standard_errors_, share_error(right), rtol=1e-9)
    X, y, new, truth = surface
    model = RFMRegressor(Laplace(4.0), n_iterations=1).fit(X, y, validation=(new, truth))
    squares = (model.predict(new) - truth) ** 2 / truth.var()
    np.testing.assert_allclose(model.validation_standard_errors_, squares.std(ddof=1) / 40**0.5, rtol=1e-9)
    assert RFMRegressor(Laplace(4.0)).fit(X, y).validation_standard_errors_ is None


def test_probabilities_are_calibrated_on_the_machine_that_is_kept(blobs):
    """The metric comes from some samples, the last fit is to all: its values, not those of the part, are calibrated."""
    X, y, new, truth = blobs
    model = RFMClassifier(Laplace(4.0), ridge=0.1, n_iterations=1, metric_samples=30).fit(X, y, validation=(new, truth))
    values, shares = torch.tensor(model.decision_function(new)), torch.tensor(np.eye(3)[truth])
    assert len(model.machine_.centers) == 90
    assert model.calibration_.scale == pytest.approx(Calibration.of(values, shares).scale, rel=1e-9)
    right = model.predict(new) == truth
    np.testing.assert_allclose(model.validation_standard_errors_, share_error(right), rtol=1e-9)


def test_labels_that_only_the_validation_part_has_count_as_errors(blobs):
    X, y, new, _ = blobs
    model = RFMClassifier(n_iterations=1).fit(X, y, validation=(new, np.full(40, 7)))
    np.testing.assert_array_equal(model.validation_scores_, [0, 0])


def test_validation_by_columns_and_tensors(blobs):
    X, y, new, truth = blobs
    plain = RFMClassifier(n_iterations=1).fit(X, y, validation=(new, truth))
    column = RFMClassifier(n_iterations=1).fit(X, y, validation=(new, truth[:, None]))
    tensors = RFMClassifier(n_iterations=1).fit(
        torch.tensor(X), torch.tensor(y), validation=(torch.tensor(new), torch.tensor(truth))
    )
    for other in (column, tensors):
        np.testing.assert_array_equal(other.validation_scores_, plain.validation_scores_)


def test_constant_validation_targets_have_a_score(surface):
    X, y, new, _ = surface
    model = RFMRegressor(n_iterations=2).fit(X, y, validation=(new, np.ones(40)))
    assert np.isfinite(model.validation_scores_).all()


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (lambda X, y: (X[:1], y[:1]), "2 or more validation samples"),
        (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
        (lambda X, y: (X[:, :3], y), "X has 3 features"),
        (lambda X, y: (np.full_like(X, np.nan), y), "contains NaN"),
    ],
)
@pytest.mark.parametrize("estimator", [RFMRegressor(), RFMClassifier()])
def test_unusable_validation(blobs, estimator, validation, message, monkeypatch):
    X, y, new, truth = blobs

    def never(*arguments, **settings):
        raise AssertionError("the check comes before any work")

    monkeypatch.setattr("agop.rfm.rfm", never)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y, validation=validation(new, truth))


def test_validation_of_other_outputs(surface):
    X, y, new, truth = surface
    with pytest.raises(ValueError, match="expected 2 outputs, got 1 in the validation data"):
        RFMRegressor(n_iterations=0).fit(X, np.stack([y, y], 1), validation=(new, truth))


def test_fraction_is_a_split_by_the_random_state(surface):
    X, y, new, _ = surface
    model = RFMRegressor(n_iterations=2, validation_fraction=0.25, random_state=5).fit(X, y)
    train_X, test_X, train_y, test_y = train_test_split(X, y, test_size=0.25, random_state=5)
    by_hand = RFMRegressor(n_iterations=2).fit(train_X, train_y, validation=(test_X, test_y))
    np.testing.assert_allclose(model.validation_scores_, by_hand.validation_scores_, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(new), by_hand.predict(new))
    other = RFMRegressor(n_iterations=2, validation_fraction=0.25, random_state=6).fit(X, y)
    assert not np.array_equal(model.predict(new), other.predict(new))


def test_fraction_of_a_classifier_is_stratified(blobs):
    X, y, new, _ = blobs
    y = np.array(["a", "b", "c"])[y]
    model = RFMClassifier(n_iterations=2, validation_fraction=0.3, random_state=5).fit(X, y)
    train_X, test_X, train_y, test_y = train_test_split(X, y, test_size=0.3, random_state=5, stratify=y)
    by_hand = RFMClassifier(n_iterations=2).fit(train_X, train_y, validation=(test_X, test_y))
    np.testing.assert_allclose(model.validation_scores_, by_hand.validation_scores_, rtol=1e-12)
    np.testing.assert_array_equal(model.decision_function(new), by_hand.decision_function(new))


def test_weights_travel_with_the_fraction(surface):
    X, y, new, _ = surface
    weights = np.random.default_rng(0).integers(0, 4, len(X)).astype(float)
    kept = weights > 0
    model = RFMRegressor(n_iterations=2, validation_fraction=0.25, random_state=5).fit(X, y, weights)
    rows, held_out = train_test_split(np.flatnonzero(kept), test_size=0.25, random_state=5)
    last = [RFMRegressor(n_iterations=k).fit(X[rows], y[rows], weights[rows]) for k in range(3)]
    expected = [r2_score(y[held_out], m.predict(X[held_out]), sample_weight=weights[held_out]) for m in last]
    np.testing.assert_allclose(model.validation_scores_, expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.predict(new), last[np.argmax(expected)].predict(new))


def test_time_budget_stops_after_the_first_step(blobs):
    X, y, new, _ = blobs
    with pytest.warns(TimeBudgetWarning, match="1e-09 s ran out: iterate 0 is the last one computed, of up to 50"):
        model = RFMClassifier(n_iterations=50, time_budget=1e-9).fit(X, y)
    assert model.n_iter_ == 0
    np.testing.assert_array_equal(
        model.decision_function(new), RFMClassifier(n_iterations=0).fit(X, y).decision_function(new)
    )
    deep = DeepRFMClassifier(depth=50, features=ReLUFeatures(16), time_budget=1e-9, random_state=0).fit(X, y)
    assert len(deep.maps_) == len(deep.records_) == 1
    assert deep.transform(new).shape == (40, 16)
    shallow = DeepRFMClassifier(depth=1, features=ReLUFeatures(16), random_state=0).fit(X, y)
    np.testing.assert_array_equal(deep.decision_function(new), shallow.decision_function(new))


def test_callback_sees_every_step_and_may_stop(blobs):
    X, y, *_ = blobs
    seen = []
    model = RFMClassifier(n_iterations=3, callback=lambda step: seen.append(step.iteration)).fit(X, y)
    assert seen == [0, 1, 2, 3]
    model = RFMClassifier(n_iterations=3, callback=lambda step: step.iteration == 1).fit(X, y)
    assert (model.n_iter_, model.best_iteration_) == (1, 1)
    seen.clear()
    settings = {"depth": 3, "features": ReLUFeatures(16), "random_state": 0}
    DeepRFMClassifier(**settings, callback=lambda record: seen.append(record.layer)).fit(X, y)
    assert seen == [1, 2, 3]
    deep = DeepRFMClassifier(**settings, callback=lambda record: record.layer == 2).fit(X, y)
    assert [record.layer for record in deep.records_] == [1, 2]


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (RFMClassifier(n_iterations=1), "RFM"),
        (RFMRegressor(n_iterations=1), "RFM"),
        (DeepRFMClassifier(depth=2, features=ReLUFeatures(16), random_state=0), "Deep RFM"),
    ],
)
def test_progress_only_when_asked(blobs, capsys, estimator, name):
    X, y, *_ = blobs
    estimator.set_params(verbose=False).fit(X, y)
    assert capsys.readouterr() == ("", "")
    estimator.set_params(verbose=True).fit(X, y)
    out, err = capsys.readouterr()
    assert name in out
    assert "100%" in out
    assert not err


def test_what_validation_rows_state_is_shown_as_the_score_that_it_is(surface, capsys):
    X, y, new, truth = surface
    model = RFMRegressor(Laplace(4.0), n_iterations=1, verbose=2).fit(X, y, validation=(new, truth))
    shown = capsys.readouterr().out
    for score in model.validation_scores_:
        assert f"validation score {score:.4g}" in shown
    assert "loss" not in shown
