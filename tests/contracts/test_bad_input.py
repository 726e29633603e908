"""Unusable data: one clear error. Odd but usable data: the right answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning

from agop import ConvRFMClassifier, DeepRFMClassifier, Laplace
from agop.conv_rfm import ConvNTK
from agop.deep_rfm import ReLUFeatures
from agop.errors import InputError
from rfm.plain import RFMClassifier, RFMRegressor

REGRESSOR = RFMRegressor(n_iterations=1)
CLASSIFIERS = [
    pytest.param(RFMClassifier(n_iterations=1), id="rfm"),
    pytest.param(DeepRFMClassifier(depth=2, features=ReLUFeatures(32), random_state=0), id="deep"),
    pytest.param(ConvRFMClassifier(n_iterations=1), id="conv"),
]
ALL = [pytest.param(REGRESSOR, id="regressor"), *CLASSIFIERS]


def put(value):
    def change(X):
        X[3, 1] = value
        return X

    return change


@pytest.mark.parametrize(
    ("change", "message", "tensor_message"),
    [
        pytest.param(put(np.nan), "NaN", "finite real features", id="NaN"),
        pytest.param(put(np.inf), "infinity", "finite real features", id="inf"),
        pytest.param(lambda X: X[:0], r"0 sample\(s\)", r"non-empty .* \(0, 5\)", id="empty"),
        pytest.param(lambda X: X[:, :0], r"0 feature\(s\)", r"non-empty .* \(90, 0\)", id="no features"),
        pytest.param(lambda X: X[:1], "1 sample", "1 sample", id="one sample"),
        pytest.param(lambda X: X[:, 0], "Expected 2D array", r"\(n, d\) tensor", id="vector"),
        pytest.param(lambda X: X[None], r"Found array with dim 3|<= 2", r"\(n, d\) tensor", id="cube"),
        pytest.param(lambda X: X + 1j, "Complex data", "complex", id="complex"),
        pytest.param(lambda X: X * 0 + 2, "all features are constant", "all features are constant", id="constant"),
    ],
)
@pytest.mark.parametrize("estimator", ALL)
def test_unusable_features(blobs, estimator, change, message, tensor_message):
    X, y, *_ = blobs
    X = change(X)
    y = y[: len(X)]
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y)
    with pytest.raises(ValueError, match=tensor_message):
        estimator.fit(torch.tensor(X), torch.tensor(y))


@pytest.mark.parametrize("estimator", ALL)
def test_features_that_are_no_numbers(blobs, estimator):
    X, y, *_ = blobs
    with pytest.raises(ValueError, match="could not convert string"):
        estimator.fit(np.where(X > 0, "yes", "no").astype(object), y)
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(X)
    with pytest.raises(TypeError, match=r"(?i)sparse"):
        estimator.fit(sparse, y)


@pytest.mark.parametrize("estimator", ALL)
def test_unusable_rows_to_predict(blobs, estimator):
    X, y, new, _ = blobs
    model = estimator.fit(X, y)
    for rows in (new[:, :3], torch.tensor(new[:, :3])):
        with pytest.raises(ValueError, match=r"X has 3 features, but .* is expecting 5"):
            model.predict(rows)
    for rows in (put(np.nan)(new.copy()), torch.tensor(put(np.inf)(new.copy()))):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            model.predict(rows)
    for rows in (new[:0], torch.tensor(new[:0])):
        with pytest.raises(ValueError, match=r"0 sample|\(0, 5\)"):
            model.predict(rows)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        pytest.param(lambda y: None, "requires y to be passed", id="none"),
        pytest.param(lambda y: 0 * y, "2 or more classes, got 1 class", id="one class"),
        pytest.param(lambda y: y[:-1], "90 labels, got 89", id="short"),
        pytest.param(lambda y: np.r_[y, 0], "90 labels, got 91", id="long"),
        pytest.param(lambda y: np.eye(3)[y], "argmax", id="one-hot"),
        pytest.param(lambda y: np.eye(3)[y].tolist(), "1d array", id="one-hot lists"),
        pytest.param(lambda y: torch.eye(3)[y], "argmax", id="one-hot tensor"),
        pytest.param(lambda y: y + 0.5, "continuous", id="fractions"),
        pytest.param(lambda y: torch.tensor(y + 0.5), "continuous", id="fraction tensor"),
        pytest.param(lambda y: np.where(y == 0, np.nan, y), "finite labels", id="NaN"),
        pytest.param(lambda y: np.where(y == 0, np.inf, y), "finite labels", id="inf"),
        pytest.param(lambda y: np.array([1, "a"] * 45, dtype=object), "Unknown label type", id="mixed"),
    ],
)
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_unusable_labels(blobs, classifier, labels, message):
    X, y, *_ = blobs
    with pytest.raises(ValueError, match=message):
        classifier.fit(X, labels(y))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        pytest.param(lambda y: None, "requires y to be passed", id="none"),
        pytest.param(lambda y: y[:-1], r"90 targets, .* got shape \(89,\)", id="short"),
        pytest.param(lambda y: y[:, None, None], r"got shape \(90, 1, 1\)", id="cube"),
        pytest.param(lambda y: np.empty((90, 0)), r"got shape \(90, 0\)", id="no output"),
        pytest.param(lambda y: y * np.nan, "finite targets", id="NaN"),
        pytest.param(lambda y: torch.tensor(y / 0.0), "finite targets", id="inf tensor"),
        pytest.param(lambda y: y + 1j, "real targets, got complex", id="complex"),
        pytest.param(lambda y: torch.tensor(y + 1j), "real targets, got complex", id="complex tensor"),
        pytest.param(lambda y: np.array(["a"] * 90), "numeric targets", id="text"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.filterwarnings("ignore:invalid value")
def test_unusable_targets(blobs, targets, message):
    X, y, *_ = blobs
    with pytest.raises(InputError, match=message):
        REGRESSOR.fit(X, targets(y))


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_column_of_labels_is_taken_with_a_warning(blobs, classifier):
    X, y, new, _ = blobs
    expected = classifier.fit(X, y).predict(new)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        classifier.fit(X, y[:, None])
    np.testing.assert_array_equal(classifier.predict(new), expected)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_one_sample_a_class(classifier):
    X = np.random.default_rng(0).standard_normal((4, 6))
    model = classifier.fit(X, [5, 1, 8, 2])
    np.testing.assert_array_equal(model.predict(X), [5, 1, 8, 2])
    assert model.predict_proba(X).shape == (4, 4)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_labels_with_gaps_are_no_missing_class(blobs, classifier):
    X, y, new, _ = blobs
    model = classifier.fit(X, np.array([2, 3, 9])[y])
    np.testing.assert_array_equal(model.classes_, [2, 3, 9])
    assert model.decision_function(new).shape == (40, 3)


@pytest.mark.parametrize("estimator", ALL[:-1])  # a convolution sees each column beside its neighbors
def test_constant_features(blobs, estimator):
    X, y, new, _ = blobs
    X[:, 1] = new[:, 1] = 0.1
    model = estimator.fit(X, y)
    outcome = getattr(model, "decision_function", model.predict)
    expected = outcome(new)
    new[:, 1] = -40  # nothing was learned about it
    np.testing.assert_allclose(outcome(new), expected, rtol=0, atol=1e-10)


def test_duplicates_with_conflicting_targets_share_their_mean(surface):
    X, y, new, _ = surface
    shift = np.random.default_rng(0).standard_normal(len(X))
    model = RFMRegressor(Laplace(4.0), n_iterations=1, ridge=0.02).fit(np.r_[X, X], np.r_[y + shift, y - shift])
    mean = RFMRegressor(Laplace(4.0), n_iterations=1, ridge=0.01).fit(X, y)
    np.testing.assert_allclose(model.predict(new), mean.predict(new), rtol=0, atol=1e-10)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_duplicates_with_conflicting_labels(blobs, classifier):
    X, y, *_ = blobs
    rows = np.r_[np.arange(90), np.arange(90), np.arange(30)]
    labels = np.r_[y, y, (y[:30] + 1) % 3]
    np.testing.assert_array_equal(classifier.fit(X[rows], labels).predict(X), y)  # two against one
    with pytest.raises(ValueError, match="AGOP of zero"):
        classifier.fit(np.r_[X, X], np.repeat([0, 1], 90))


@pytest.mark.parametrize("ridge", [-1, np.nan, np.inf])
@pytest.mark.parametrize("estimator", [RFMRegressor(), RFMClassifier(), DeepRFMClassifier()])
def test_unusable_ridge(blobs, estimator, ridge):
    X, y, *_ = blobs
    with pytest.raises(ValueError, match=rf"'ridge' parameter .* must be a float in the range \[0.* Got {ridge}"):
        clone(estimator).set_params(ridge=ridge).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernel": "cosine"}, "'kernel' .*'laplace'.* Got 'cosine'"),
        ({"kernel": Laplace(-1.0)}, "positive finite bandwidth, got -1.0"),
        ({"time_budget": 0}, r"'time_budget' .*\(0.0, inf\] or None. Got 0"),
        ({"max_memory": 0.5}, "'max_memory' .*int.* Got 0.5"),
        ({"callback": 1}, "'callback' .* callable or None. Got 1"),
    ],
)
@pytest.mark.parametrize("estimator", [RFMRegressor, RFMClassifier, DeepRFMClassifier])
def test_unusable_parameters(blobs, estimator, parameters, message):
    X, y, *_ = blobs
    with pytest.raises(ValueError, match=message):
        estimator(**parameters).fit(X, y)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (RFMClassifier(n_iterations=-1), r"'n_iterations' .*\[0, inf\). Got -1"),
        (RFMClassifier(class_weight="even"), "'class_weight' .*'balanced'.* Got 'even'"),
        (RFMRegressor(diagonal="full"), "'diagonal' .* Got 'full'"),
        (RFMRegressor(solver="lu"), "'solver' .*'auto'.*Solver.* Got 'lu'"),
        (DeepRFMClassifier(depth=0), r"'depth' .*\[1, inf\). Got 0"),
        (DeepRFMClassifier(agop="identity"), "'agop' .* Got 'identity'"),
        (DeepRFMClassifier(agop_scale="trace"), "'agop_scale' .*'row-norm'.* Got 'trace'"),
        (DeepRFMClassifier(targets="plus"), "'targets' .*'one-hot'.* Got 'plus'"),
        (DeepRFMClassifier(features="relu"), "'features' .*RandomFeatures.* Got 'relu'"),
        (DeepRFMClassifier(features=ReLUFeatures(0)), "positive integer width, got 0"),
        (ConvRFMClassifier(kernel="conv"), "'kernel' .*'ntk'.* Got 'conv'"),
        (ConvRFMClassifier(power=0.0), r"'power' .*\(0.0, inf\). Got 0.0"),
        (ConvRFMClassifier(image_shape=(1, 2, 2)), r"images of \(1, 2, 2\) as .*, got 5 columns"),
        (ConvRFMClassifier(kernel=ConvNTK(depth=0)), "1 or more as depth, got 0"),
    ],
)
def test_unusable_own_parameters(blobs, estimator, message):
    X, y, *_ = blobs
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y)


@pytest.mark.parametrize("fraction", [0.0, 1.5, -0.2])
def test_unusable_validation_fraction(blobs, fraction):
    X, y, *_ = blobs
    with pytest.raises(ValueError, match=rf"'validation_fraction' .*\(0.0, 1.0\) or None. Got {fraction}"):
        RFMClassifier(validation_fraction=fraction).fit(X, y)


def test_validation_fraction_of_a_class_of_one(blobs):
    X, y, *_ = blobs
    y[0] = 9
    with pytest.raises(ValueError, match="least populated class"):
        RFMClassifier(validation_fraction=0.2).fit(X, y)
