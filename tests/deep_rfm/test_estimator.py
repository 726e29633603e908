"""DeepRFMClassifier: the recursion behind it, its records, the transformer and the control."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError

from agop import DeepRFMClassifier, Gaussian, Laplace
from agop.datasets import standardize
from agop.deep_rfm import CosineFeatures, GaussianCosineFeatures, LayerSettings, ReLUFeatures, deep_rfm, normalize_rows
from agop.errors import InputError, MemoryBudgetError
from agop.rfm import Samples

SMALL = {"features": ReLUFeatures(32), "random_state": 3}


def layers_by_hand(X, y, new, kernel, depth, **settings):
    """Layers of the recursion, and the inputs of each layer for new rows."""
    rows, points = (torch.from_numpy(values) for values in standardize(X, new))
    signed = 2.0 * torch.nn.functional.one_hot(torch.tensor(y)).double() - 1
    settings = LayerSettings(kernel, ReLUFeatures(32), **settings)
    layers = list(deep_rfm(Samples.of(rows, signed), settings, depth, seed=3))
    inputs = [normalize_rows(points)]
    for layer in layers:
        inputs.append(layer.map(inputs[-1]))
    return layers, inputs


@pytest.mark.parametrize("kernel", [None, Gaussian(1.0)])
@pytest.mark.parametrize("agop", [True, False])
def test_same_as_the_recursion(blobs, kernel, agop):
    X, y, new, _ = blobs
    X[:, 4] = 0.1  # a constant feature
    settings = {"depth": 3, "ridge": 0.01, "agop": agop}
    model = DeepRFMClassifier(kernel, **SMALL, **settings).fit(X, y)
    layers, inputs = layers_by_hand(X, y, new, kernel=kernel or Laplace(2.0), **settings)
    np.testing.assert_allclose(model.decision_function(new), layers[-1].fit.machine(inputs[2]), rtol=0, atol=1e-10)
    np.testing.assert_array_equal(model.predict(new), model.decision_function(new).argmax(1))
    for layer, fitted in zip(layers, model.maps_, strict=True):
        if not agop:
            assert fitted.root is None
        else:
            torch.testing.assert_close(fitted.root, layer.map.root, rtol=0, atol=1e-10)
    assert np.linalg.norm(model.transform(new), axis=1).min() > 0
    np.testing.assert_allclose(model.transform(X), layers[-1].stages["features"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_one_mean_and_deviation_a_channel(blobs, n_channels):
    X, y, new, _ = blobs
    X, new = X[:, :3] * [1, 5, 25], new[:, :3] * [1, 5, 25]
    model = DeepRFMClassifier(**SMALL, depth=2, n_channels=n_channels).fit(X, y)
    for values, expected in zip((X, new), standardize(X, new, n_channels=n_channels), strict=True):
        np.testing.assert_allclose((values - model.mean_.numpy()) / model.scale_.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("n_channels", "message"),
    [
        (2, "3 features in equal blocks, got n_channels=2"),
        (0, r"'n_channels' .*\[1, inf\) or None. Got 0"),
        (1.5, "'n_channels' .* Got 1.5"),
    ],
)
def test_features_that_are_no_channels(blobs, n_channels, message):
    with pytest.raises(ValueError, match=message):
        DeepRFMClassifier(n_channels=n_channels).fit(blobs[0][:, :3], blobs[1])


@pytest.mark.parametrize(("name", "kernel"), [("laplace", Laplace(2.0)), ("gaussian", Gaussian(2.0))])
def test_kernels_by_name(blobs, name, kernel):
    X, y, new, _ = blobs
    named, given = (DeepRFMClassifier(each, depth=2, **SMALL).fit(X, y) for each in (name, kernel))
    np.testing.assert_array_equal(named.decision_function(new), given.decision_function(new))


@pytest.mark.parametrize(("layer", "position"), [(1, 0), (2, 1), (3, 2), (-1, 2), (-2, 1), (-3, 0)])
def test_transform_gives_the_features_of_a_layer(blobs, layer, position):
    X, y, new, _ = blobs
    model = DeepRFMClassifier(depth=3, transform_layer=layer, **SMALL).fit(X, y)
    layers, inputs = layers_by_hand(X, y, new, kernel=Laplace(2.0), depth=3)
    expected = layers[position].map.features_stage(layers[position].map.agop_stage(inputs[position]))
    np.testing.assert_allclose(model.transform(new), expected, rtol=0, atol=1e-10)
    assert model.transform(torch.tensor(new)).shape == (40, 32)


@pytest.mark.parametrize("layer", [0, 4, -4])
def test_transform_of_a_layer_that_is_not_there(blobs, layer):
    X, y, new, _ = blobs
    model = DeepRFMClassifier(depth=3, transform_layer=layer, **SMALL).fit(X, y)
    with pytest.raises(InputError, match=r"transform_layer in 1\.\.3 or -3\.\.-1, got"):
        model.transform(new)


def test_fit_transform(blobs):
    X, y, *_ = blobs
    model = DeepRFMClassifier(depth=2, **SMALL)
    features = model.fit_transform(X, y)
    np.testing.assert_array_equal(features, model.transform(X))


def test_records_are_those_of_the_layers(blobs):
    X, y, new, _ = blobs
    model = DeepRFMClassifier(depth=3, **SMALL).fit(X, y)
    assert [record.layer for record in model.records_] == [1, 2, 3]
    layers, _ = layers_by_hand(X, y, new, kernel=Laplace(2.0), depth=3)
    for layer, record in zip(layers, model.records_, strict=True):
        assert list(record.stages) == ["input", "agop", "features"]
        for name, features in layer.stages.items():
            means = torch.stack([features[y == c].mean(0) for c in range(3)])
            within = (features - means[torch.tensor(y)]).square().sum(1).mean()
            between = (means - means.mean(0)).square().sum(1).mean()
            found = record.stages[name].collapse.nc1_trace_ratio
            assert found == pytest.approx((within / between).item(), rel=1e-8)
        assert record.train_accuracy == 1
        assert record.test_accuracy is None


def test_the_agop_collapses_digits_and_the_control_does_not():
    X, y = load_digits(n_class=4, return_X_y=True)
    X, y, new, truth = X[:200], y[:200], X[200:400], y[200:400]

    def falls(agop):
        model = DeepRFMClassifier(depth=5, agop=agop, features=ReLUFeatures(64), random_state=0).fit(X, y)
        assert model.score(new, truth) > 0.6
        return [record.stages["input"].collapse.nc1_trace_ratio for record in model.records_]

    learned, control = falls(True), falls(False)
    assert all(later < 0.7 * earlier for earlier, later in pairwise(learned))
    assert control[0] == pytest.approx(learned[0], rel=1e-12)
    assert min(control) > 0.9 * control[0]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("targets", ["signed", "one-hot"])
def test_codings_of_the_targets(blobs, targets, n_classes):
    X, y, new, _ = blobs
    y = y % n_classes
    model = DeepRFMClassifier(depth=2, targets=targets, **SMALL).fit(X, y)
    decision, proba = model.decision_function(X), model.predict_proba(X)
    low, high = (-1, 1) if targets == "signed" else (0, 1)
    expected = np.where(np.eye(n_classes)[y], high, low)
    if n_classes == 2:
        expected = (expected[:, 1] - expected[:, 0]) / 2
    np.testing.assert_allclose(decision, expected, rtol=0, atol=1e-8)  # ridge 0 interpolates
    np.testing.assert_allclose(proba, np.eye(n_classes)[y], rtol=0, atol=1e-5)
    new_proba = model.predict_proba(new)
    assert new_proba.shape == (40, n_classes)
    scores = model.decision_function(new)
    np.testing.assert_allclose(new_proba.sum(1), 1, rtol=1e-12)
    assert new_proba.min() > 0
    assert new_proba.max() < 1
    np.testing.assert_array_equal(new_proba.argmax(1), model.predict(new))
    if n_classes == 2:
        np.testing.assert_array_equal(model.predict(new), scores > 0)
    else:
        clipped = np.clip((scores - low) / (high - low), 1e-6, 1 - 1e-6)
        np.testing.assert_allclose(new_proba, clipped / clipped.sum(1, keepdims=True), rtol=1e-9)
        np.testing.assert_array_equal(model.predict(new), scores.argmax(1))


def test_constant_features_never_count(blobs):
    X, y, new, _ = blobs
    X[:, 2] = 0.1
    model = DeepRFMClassifier(depth=2, **SMALL).fit(X, y)
    expected = model.decision_function(new)
    new[:, 2] = 1e6
    np.testing.assert_array_equal(model.decision_function(new), expected)
    assert np.isfinite(expected).all()


def test_features_that_hardly_vary_are_no_division_by_zero(blobs):
    X, y, new, _ = blobs
    X[:, 2] = 1e-200 * y
    model = DeepRFMClassifier(depth=1, **SMALL).fit(X, y)
    assert np.isfinite(model.decision_function(new)).all()


def test_scale_and_offset_of_the_features_do_not_matter(blobs):
    X, y, new, _ = blobs
    expected = DeepRFMClassifier(depth=2, **SMALL).fit(X, y).decision_function(new)
    scale, offset = 2.0 ** np.arange(-2, 3), 100.0
    model = DeepRFMClassifier(depth=2, **SMALL).fit(X * scale + offset, y)
    np.testing.assert_allclose(model.decision_function(new * scale + offset), expected, rtol=0, atol=1e-9)


def test_random_state(blobs):
    X, y, new, _ = blobs

    def decision(random_state):
        return DeepRFMClassifier(depth=2, features=ReLUFeatures(32), random_state=random_state).fit(X, y).transform(new)

    np.testing.assert_array_equal(decision(7), decision(7))
    np.testing.assert_array_equal(decision(np.int64(7)), decision(7))
    np.testing.assert_array_equal(decision(np.random.RandomState(7)), decision(np.random.RandomState(7)))
    assert not np.array_equal(decision(7), decision(8))
    assert not np.array_equal(decision(None), decision(None))


def test_float32_follows_float64(blobs):
    X, y, new, _ = blobs
    wide = DeepRFMClassifier(depth=3, **SMALL).fit(X, y)
    narrow = DeepRFMClassifier(depth=3, **SMALL).fit(X.astype(np.float32), y)
    np.testing.assert_allclose(
        narrow.decision_function(new.astype(np.float32)), wide.decision_function(new), rtol=0, atol=2e-3
    )
    assert narrow.transform(new.astype(np.float32)).dtype == np.float32


def test_scale_of_the_agop(blobs):
    """The largest entry is 1, or the mean norm of the rows that it maps."""
    X, y, *_ = blobs
    rows = normalize_rows(torch.as_tensor((X - X.mean(0)) / X.std(0)))
    published, unit = (
        DeepRFMClassifier(
            features=GaussianCosineFeatures(64, 0.7), depth=2, ridge=1e-3, agop_scale=scale, random_state=0
        )
        .fit(X, y)
        .maps_[0]
        .root
        for scale in ("max-entry", "row-norm")
    )
    assert (published @ published).max().item() == pytest.approx(1)
    assert (rows @ unit).norm(dim=1).mean().item() == pytest.approx(1)
    torch.testing.assert_close(unit, published / (rows @ published).norm(dim=1).mean())


def test_other_random_features(blobs):
    X, y, new, truth = blobs
    model = DeepRFMClassifier(features=CosineFeatures(64, gamma=0.05), depth=2, ridge=1e-3, random_state=0).fit(X, y)
    assert model.transform(new).shape == (40, 64)
    assert model.score(new, truth) > LinearDiscriminantAnalysis().fit(X, y).score(new, truth) - 0.2


def test_a_last_batch_of_one(blobs):
    X, y, new, _ = blobs
    model = DeepRFMClassifier(depth=2, **SMALL).fit(X, y)
    for method in (model.decision_function, model.transform):
        batches = np.concatenate([method(new[:39]), method(new[39:])])
        np.testing.assert_allclose(batches, method(new), rtol=0, atol=1e-10)


def test_memory_for_four_rows_is_needed_at_least(blobs):
    X, y, *_ = blobs
    with pytest.raises(MemoryBudgetError, match="kernel matrix within"):
        DeepRFMClassifier(depth=1, max_memory=4 * 8 * len(X) - 1, **SMALL).fit(X, y)


@pytest.mark.parametrize("share", [1, 1 / 2, 1 / 5], ids=["whole matrix", "half of it", "on disk"])
def test_memory_is_kept_and_blocks_change_nothing(blobs, share):
    X, y, new, _ = blobs
    budget = int(share * 1.1 * len(X) ** 2 * 8)
    model = DeepRFMClassifier(depth=2, max_memory=budget, **SMALL).fit(X, y)
    whole = DeepRFMClassifier(depth=2, **SMALL).fit(X, y)
    expected = whole.decision_function(new)
    np.testing.assert_allclose(model.decision_function(new), expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(whole.set_params(max_memory=1).decision_function(new), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "transform"])
def test_not_fitted(method):
    with pytest.raises(NotFittedError):
        getattr(DeepRFMClassifier(), method)(np.eye(3))


def test_feature_names_out(blobs):
    X, y, *_ = blobs
    model = DeepRFMClassifier(depth=2, **SMALL).fit(X, y)
    names = model.get_feature_names_out()
    assert len(names) == model.transform(X).shape[1]
    assert names[1] == "deeprfmclassifier1"


def test_what_is_shown_where_nc1_has_no_value(blobs, capsys):
    """One sample a class does not scatter."""
    X, *_ = blobs
    DeepRFMClassifier(**SMALL, depth=2, verbose=2).fit(X[:4], np.arange(4))
    assert "layer 2: NC1 undefined, accuracy 1" in capsys.readouterr().out


@pytest.mark.parametrize("verbose", [False, True, 2])
def test_what_is_shown(blobs, capsys, verbose):
    X, y, *_ = blobs
    model = DeepRFMClassifier(**SMALL, depth=2, verbose=verbose).fit(X, y)
    shown = capsys.readouterr().out
    assert ("Deep RFM" in shown) == bool(verbose)
    lines = re.findall(r"^layer (\d): NC1 (\S+), accuracy (\S+), \d+\.\d\d s$", shown, re.MULTILINE)
    expected = [
        (
            str(record.layer),
            f"{record.stages['input'].collapse.nc1_trace_ratio:.3g}",
            f"{record.train_accuracy:.4g}",
        )
        for record in model.records_
    ]
    assert lines == (expected if verbose == 2 else [])
