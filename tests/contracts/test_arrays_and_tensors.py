"""Labels of any kind; arrays in, arrays out; tensors in, tensors out on the same device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop import ConvRFMClassifier, DeepRFMClassifier, RFMClassifier, RFMRegressor
from agop.deep_rfm import ReLUFeatures

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]
CLASSIFIERS = [
    pytest.param(RFMClassifier(n_iterations=1), id="rfm"),
    pytest.param(DeepRFMClassifier(depth=2, features=ReLUFeatures(32), random_state=0), id="deep"),
    pytest.param(ConvRFMClassifier(ridge=0.1, n_iterations=1), id="conv"),
]
NAMES = {
    "text": np.array(["setosa", "virginica", "a much longer name"]),
    "objects": np.array(["x", "yy", "zzz"], dtype=object),
    "gaps": np.array([-7, 3, 1_000_000]),
    "small integers": np.array([4, 8, 250], dtype=np.uint8),
    "floats": np.array([0.0, 1.0, 5.0]),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_labels_of_any_kind(blobs, classifier, names):
    X, y, new, truth = blobs
    codes = classifier.fit(X, y).predict(new)
    scores = classifier.decision_function(new)
    order = np.argsort(names)  # classes are numbered in sorted order
    model = classifier.fit(X, names[order][y])
    predicted = model.predict(new)
    np.testing.assert_array_equal(model.classes_, names[order])
    np.testing.assert_array_equal(predicted, names[order][codes])
    assert predicted.dtype == names.dtype
    np.testing.assert_array_equal(model.decision_function(new), scores)
    assert model.score(new, names[order][truth]) == np.mean(codes == truth)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_labels_in_other_containers(blobs, classifier):
    pandas = pytest.importorskip("pandas")
    X, y, new, _ = blobs
    names = np.array(["a", "b", "c"])[y]
    expected = classifier.fit(X, names).predict(new)
    for same in (names.tolist(), pandas.Series(names, index=range(500, 590)), pandas.Categorical(names)):
        np.testing.assert_array_equal(classifier.fit(X, same).predict(new), expected)
    flags = classifier.fit(X, y > 0).predict(new)
    assert flags.dtype == bool
    np.testing.assert_array_equal(classifier.fit(X, (y > 0).tolist()).predict(new), flags)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_tensors_in_tensors_out(blobs, classifier, dtype, device):
    X, y, new, truth = blobs
    expected = classifier.fit(X, y).decision_function(new)
    on_device = {"dtype": dtype, "device": device}
    inputs, labels = torch.tensor(X, **on_device), torch.tensor(y, device=device)
    points = torch.tensor(new, **on_device)
    model = classifier.fit(inputs, labels)
    tolerance = 1e-3 if dtype == torch.float32 else 1e-8
    for method in ("decision_function", "predict_proba", "predict"):
        result = getattr(model, method)(points)
        assert isinstance(result, torch.Tensor)
        assert result.device == points.device
        assert result.dtype == (labels.dtype if method == "predict" else dtype)
    torch.testing.assert_close(
        model.decision_function(points).cpu().double(), torch.tensor(expected), rtol=0, atol=tolerance
    )
    assert isinstance(model.classes_, torch.Tensor)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.score(points, torch.tensor(truth, device=device)) == pytest.approx(
        np.mean(expected.argmax(1) == truth), abs=0.03
    )


@pytest.mark.parametrize("device", DEVICES)
def test_regression_on_tensors(surface, device):
    X, y, new, truth = surface
    expected = RFMRegressor(n_iterations=1).fit(X, y).predict(new)
    inputs, targets = torch.tensor(X, device=device), torch.tensor(y, device=device)
    model = RFMRegressor(n_iterations=1).fit(inputs, targets)
    predicted = model.predict(torch.tensor(new, device=device))
    assert predicted.shape == (40,)
    assert predicted.device == inputs.device
    np.testing.assert_allclose(predicted.cpu(), expected, rtol=0, atol=1e-9)
    alone = RFMRegressor(n_iterations=1).fit(X, y).feature_importances_
    np.testing.assert_allclose(model.feature_importances_, alone, rtol=0, atol=1e-6)
    score = model.score(torch.tensor(new, device=device), torch.tensor(truth, device=device))
    assert score == pytest.approx(RFMRegressor(n_iterations=1).fit(X, y).score(new, truth), abs=1e-9)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_the_result_follows_the_rows_that_are_predicted(blobs, classifier):
    X, y, new, _ = blobs
    expected = classifier.fit(X, y).predict(new)
    assert isinstance(classifier.predict(torch.tensor(new)), torch.Tensor)
    from_tensors = classifier.fit(torch.tensor(X), torch.tensor(y))
    assert isinstance(from_tensors.predict(new), np.ndarray)
    np.testing.assert_array_equal(from_tensors.predict(new), expected)
    named = classifier.fit(torch.tensor(X), np.array(["a", "b", "c"])[y])
    np.testing.assert_array_equal(named.predict(torch.tensor(new)), np.array(["a", "b", "c"])[expected])
    assert isinstance(named.decision_function(torch.tensor(new)), torch.Tensor)


def test_flags_as_tensors(blobs):
    X, y, new, _ = blobs
    model = RFMClassifier(n_iterations=1).fit(torch.tensor(X), torch.tensor(y > 0))
    predicted = model.predict(torch.tensor(new))
    assert predicted.dtype == torch.bool
    np.testing.assert_array_equal(predicted, RFMClassifier(n_iterations=1).fit(X, y > 0).predict(new))


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_scores_never_lean_on_implicit_conversion(blobs, classifier, monkeypatch):
    X, y, new, truth = (torch.tensor(values) for values in blobs)
    expected = classifier.fit(X, y).score(new, truth)

    def refuse(self, dtype=None):
        raise TypeError("a tensor on another device does not become an array by itself")

    monkeypatch.setattr(torch.Tensor, "__array__", refuse)
    weights = torch.ones(len(new))
    assert classifier.fit(X, y, torch.ones(len(X))).score(new, truth, weights) == expected
    values = X[:, 0].sin()
    RFMRegressor(n_iterations=1, validation_fraction=0.2).fit(X, values).score(new, new[:, 0], weights)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_arrays_keep_their_precision(blobs, classifier, dtype):
    X, y, new, _ = blobs
    model = classifier.fit(X.astype(dtype), y)
    for result in (model.decision_function(new.astype(dtype)), model.predict_proba(new.astype(dtype))):
        assert isinstance(result, np.ndarray)
        assert result.dtype == dtype
    assert model.machine_.centers.dtype == {np.float32: torch.float32, np.float64: torch.float64}[dtype]


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_rows_of_other_types_become_float64(blobs, classifier):
    X, y, new, _ = blobs
    X, new = (10 * X).round(), (10 * new).round()
    expected = classifier.fit(X, y).decision_function(new)
    kinds = [
        (X.astype(int), new.astype(int)),
        (X.astype(object), new.astype(object)),
        (X.tolist(), new.tolist()),
        (X.astype(np.int8), new.astype(np.int8)),
        (X.astype(">f8"), new.astype(">f8")),
        (np.asfortranarray(X), new[::-1][::-1]),
    ]
    for rows, points in kinds:
        np.testing.assert_array_equal(classifier.fit(rows, y).decision_function(points), expected)
    for dtype in (torch.int64, torch.float16):
        result = classifier.fit(torch.tensor(X).to(dtype), y).decision_function(torch.tensor(new).to(dtype))
        assert result.dtype == torch.float64
        np.testing.assert_array_equal(result, expected)


def test_rows_that_must_not_be_written(blobs):
    X, y, new, _ = blobs
    expected = RFMClassifier(n_iterations=1).fit(X, y).predict(new)
    X.flags.writeable = new.flags.writeable = y.flags.writeable = False
    np.testing.assert_array_equal(RFMClassifier(n_iterations=1).fit(X, y).predict(new), expected)


def test_tensors_with_gradients(blobs):
    X, y, new, _ = blobs
    inputs = torch.tensor(X, requires_grad=True)
    model = RFMClassifier(n_iterations=1).fit(inputs, torch.tensor(y))
    assert not model.decision_function(torch.tensor(new, requires_grad=True)).requires_grad
    regressor = RFMRegressor(n_iterations=0).fit(inputs, inputs[:, 0].exp())
    assert not regressor.predict(torch.tensor(new)).requires_grad


def test_frames_and_the_names_of_features(blobs):
    pandas = pytest.importorskip("pandas")
    X, y, new, _ = blobs
    frame, points = (pandas.DataFrame(rows, columns=list("abcde")) for rows in (X, new))
    model = RFMClassifier(n_iterations=1).fit(frame, pandas.Series(y))
    assert list(model.feature_names_in_) == list("abcde")
    assert isinstance(model.predict(points), np.ndarray)
    np.testing.assert_array_equal(
        model.decision_function(points), RFMClassifier(n_iterations=1).fit(X, y).decision_function(new)
    )
    with pytest.raises(ValueError, match="feature names"):
        model.predict(points[list("edcba")])
    model.fit(torch.tensor(X), y)  # forgets the names
    assert not hasattr(model, "feature_names_in_")
    model.predict(new)


def test_regression_targets_in_a_frame(surface):
    pandas = pytest.importorskip("pandas")
    X, y, new, _ = surface
    targets = pandas.DataFrame({"a": y, "b": -y}, index=range(200, 280))
    predicted = RFMRegressor(n_iterations=1).fit(X, targets).predict(new)
    np.testing.assert_allclose(predicted[:, 1], -predicted[:, 0], rtol=0, atol=1e-12)
    flat = RFMRegressor(n_iterations=1).fit(X, targets["a"])
    assert flat.predict(new).shape == (40,)
