"""A weight of k is the same as k equal rows, a weight of zero the same as none, in any order of the rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop import ConvRFMClassifier, DeepRFMClassifier, Laplace, RFMClassifier, RFMRegressor
from agop.deep_rfm import ReLUFeatures

SMALL = {"features": ReLUFeatures(32), "random_state": 0}
ESTIMATORS = [
    pytest.param(RFMRegressor(Laplace(4.0), ridge=0.01, n_iterations=2, selection=None), id="regressor"),
    pytest.param(RFMRegressor(Laplace(4.0), ridge=0.01, n_iterations=2, selection=None, diagonal=True), id="diagonal"),
    pytest.param(RFMClassifier(Laplace(4.0), ridge=0.01, n_iterations=2, selection=None), id="classifier"),
    pytest.param(DeepRFMClassifier(depth=3, ridge=0.01, **SMALL), id="deep"),
    pytest.param(DeepRFMClassifier(depth=2, ridge=0.01, targets="one-hot", **SMALL), id="deep-one-hot"),
    pytest.param(DeepRFMClassifier(depth=2, ridge=0.01, agop=False, **SMALL), id="deep-control"),
    pytest.param(ConvRFMClassifier(ridge=0.01, n_iterations=2), id="conv"),
]


def rounding(estimator):
    """Difference that the order of rows may make; small angles between patches have half the digits."""
    return 1e-7 if isinstance(estimator, ConvRFMClassifier) else 1e-10


def outcome(estimator, new):
    return getattr(estimator, "decision_function", estimator.predict)(new)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_weights_are_repetitions(blobs, estimator):
    X, y, new, _ = blobs
    rng = np.random.default_rng(2)
    weights = rng.integers(0, 4, len(X))
    rows = rng.permutation(np.repeat(np.arange(len(X)), weights))
    weighted = outcome(estimator.fit(X, y, weights), new)
    plain = outcome(estimator.fit(X, y), new)
    repeated = outcome(estimator.fit(X[rows], y[rows]), new)
    np.testing.assert_allclose(weighted, repeated, rtol=0, atol=rounding(estimator))
    assert abs(weighted - plain).max() > 1e-3


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_weights_of_zero_remove_rows(blobs, estimator):
    X, y, new, _ = blobs
    weights = np.random.default_rng(3).uniform(0.5, 2, len(X))
    weights[::3] = 0
    kept = weights > 0
    X[~kept] = 1e6  # of no consequence, not even to the standardization
    weighted = outcome(estimator.fit(X, y, weights), new)
    np.testing.assert_array_equal(weighted, outcome(estimator.fit(X[kept], y[kept], weights[kept]), new))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_equal_weights_with_the_ridge_in_their_unit(blobs, estimator):
    X, y, new, _ = blobs
    plain = outcome(estimator.set_params(ridge=0.01).fit(X, y), new)
    np.testing.assert_allclose(outcome(estimator.fit(X, y, np.ones(len(X))), new), plain, rtol=0, atol=1e-11)
    scaled = outcome(estimator.set_params(ridge=0.05).fit(X, y, 5 * np.ones(len(X))), new)
    estimator.set_params(ridge=0.01)
    np.testing.assert_allclose(scaled, plain, rtol=0, atol=1e-10)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_duplicates_in_any_order(blobs, estimator):
    X, y, new, _ = blobs
    rng = np.random.default_rng(4)
    rows = np.r_[np.arange(len(X)), rng.integers(0, len(X), 40)]
    expected = outcome(estimator.fit(X[rows], y[rows]), new)
    rows = rng.permutation(rows)
    again = outcome(estimator.fit(X[rows], y[rows]), new)
    np.testing.assert_allclose(again, expected, rtol=0, atol=rounding(estimator))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_without_a_ridge_equal_rows_stay_one_center_in_every_layer(blobs, dtype):
    X, y, new, _ = (values.astype(dtype) for values in blobs)
    rng = np.random.default_rng(6)
    rows = rng.permutation(np.r_[np.arange(90), rng.integers(0, 90, 60)])
    y = np.where(rng.random(150) < 0.3, (y[rows] + 1) % 3, y[rows])  # with conflicting labels
    model = DeepRFMClassifier(depth=4, **SMALL).fit(X[rows], y)
    assert len(model.machine_.centers) == 90
    assert all(record.precision["jitter"] == 0 for record in model.records_)
    assert abs(model.machine_.coefficients).max() < 1000
    assert abs(model.decision_function(new)).max() < 5


@pytest.mark.parametrize("estimator", [RFMClassifier(n_iterations=1), DeepRFMClassifier(depth=1, **SMALL)])
def test_a_class_without_weight_is_no_class(blobs, estimator):
    X, y, new, _ = blobs
    model = estimator.fit(X, y, (y != 1).astype(float))
    np.testing.assert_array_equal(model.classes_, [0, 2])
    assert model.decision_function(new).shape == (40,)
    with pytest.raises(ValueError, match="2 or more classes"):
        estimator.fit(X, y, (y == 1).astype(float))


def test_weights_of_any_kind(blobs):
    X, y, new, _ = blobs
    weights = np.random.default_rng(5).integers(1, 4, len(X))
    expected = RFMClassifier(n_iterations=1).fit(X, y, weights).decision_function(new)
    for same in (weights.tolist(), weights.astype(np.float32), torch.tensor(weights)):
        model = RFMClassifier(n_iterations=1).fit(X, y, same)
        np.testing.assert_array_equal(model.decision_function(new), expected)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(90), "non-zero|positive"),
        (np.r_[-1.0, np.ones(89)], "Negative values"),
        (np.r_[np.nan, np.ones(89)], "contains NaN"),
        (np.r_[np.inf, np.ones(89)], "infinity"),
        (np.ones(89), r"expected \(90,\)"),
        (np.ones((90, 2)), "must be 1D"),
    ],
)
@pytest.mark.parametrize("estimator", [RFMRegressor(), RFMClassifier(), DeepRFMClassifier()])
def test_unusable_weights(blobs, estimator, weights, message):
    X, y, *_ = blobs
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y, weights)
    with pytest.raises(ValueError, match=message):
        estimator.fit(torch.tensor(X), torch.tensor(y), torch.tensor(weights))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_weights_may_be_a_column_of_a_frame(blobs, estimator):
    X, y, new, _ = blobs
    frame = pytest.importorskip("pandas").DataFrame({"weight": np.linspace(0.5, 2, len(X))})
    expected = outcome(estimator.fit(X, y, frame.weight.to_list()), new)
    np.testing.assert_array_equal(outcome(estimator.fit(X, y, frame.weight), new), expected)
