"""The classifier of images: what it learns, what it takes, what it keeps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from agop import ConvRFMClassifier
from agop.conv_rfm import ConvNNGP, IterateSettings, conv_rfm, patch_agop
from agop.errors import InputError, TimeBudgetWarning
from agop.rfm import Samples

EDGES = np.array([[[1, 1, 1], [-1, -1, -1], [0, 0, 0]], [[1, -1, 0], [1, -1, 0], [1, -1, 0]]]) * 2.0


def local_signals(n, seed, side=8):
    """Images of noise with one of two edges at a random place; labels say which."""
    rng = np.random.default_rng(seed)
    images, labels = rng.standard_normal((n, 1, side, side)), rng.integers(0, 2, n)
    for image, label, (row, column) in zip(images, labels, rng.integers(0, side - 3, (n, 2)), strict=True):
        image[0, row : row + 3, column : column + 3] += EDGES[label]
    return images.astype(np.float32), labels


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=4, return_X_y=True)
    return X.reshape(-1, 1, 8, 8), y


def test_it_finds_local_signals_that_the_kernel_alone_does_not():
    """Leading filters lie in the span of the two edges, and the accuracy rises."""
    X, y = local_signals(500, 0, side=12)
    new, truth = local_signals(1000, 1, side=12)
    model = ConvRFMClassifier().fit(X, y)
    plain = ConvRFMClassifier(n_iterations=0).fit(X, y)
    assert model.score(new, truth) > plain.score(new, truth) + 0.02
    edges = torch.linalg.qr(torch.from_numpy(EDGES).flatten(1).mT).Q
    leading = model.filters_[:2].flatten(1)
    assert (leading @ edges).square().sum() / 2 > 0.5  # two random directions of nine: 0.22
    assert model.filter_shares_[:2].sum() > 0.5


def test_labels_of_noise_are_not_predicted():
    X, _ = local_signals(200, 2)
    y = np.random.default_rng(3).integers(0, 2, 200)
    model = ConvRFMClassifier(validation_fraction=0.5, random_state=0).fit(X, y)
    assert abs(np.mean(model.validation_scores_) - 0.5) < 4 * 0.05


def test_rows_images_and_tensors_are_one(digits):
    X, y = digits
    models = [
        ConvRFMClassifier(n_iterations=1).fit(X[:60], y[:60]),
        ConvRFMClassifier(n_iterations=1, image_shape=(1, 8, 8)).fit(X[:60].reshape(60, 64), y[:60]),
        ConvRFMClassifier(n_iterations=1).fit(torch.from_numpy(X[:60]), torch.from_numpy(y[:60])),
    ]
    scores = [
        models[0].decision_function(X[60:90]),
        models[1].decision_function(X[60:90].reshape(30, 64)),
        models[2].decision_function(torch.from_numpy(X[60:90])).numpy(),
        models[0].decision_function(X[60:90].reshape(30, 64)),
    ]
    for each in scores[1:]:
        np.testing.assert_array_equal(each, scores[0])
    assert {model.image_shape_ for model in models} == {(1, 8, 8)}
    signals = ConvRFMClassifier(n_iterations=1).fit(X[:60].reshape(60, 64), y[:60])
    assert signals.image_shape_ == (1, 1, 64)
    assert signals.filters_.shape == (9, 1, 3, 3)


def test_it_is_the_recursion_on_standardized_images(digits):
    X, y = digits[0][:50], digits[1][:50]
    model = ConvRFMClassifier(ConvNNGP(2), ridge=0.1, n_iterations=1, power=0.5).fit(X, y)
    images = torch.from_numpy((X - X.mean()) / X.std())
    targets = torch.from_numpy(2.0 * np.eye(4)[y] - 1)
    *_, step = conv_rfm(Samples.of(images.flatten(1), targets), (1, 8, 8), IterateSettings(model.kernel_, 0.1, 0.5), 1)
    torch.testing.assert_close(model.metric_, step.machine.metric)
    torch.testing.assert_close(torch.from_numpy(model.decision_function(X)), step.machine(images))
    assert patch_agop(model.machine_, images).mean().shape == (9, 9)


def test_the_best_iterate_on_other_images_is_kept(digits):
    X, y = digits
    model = ConvRFMClassifier("nngp", n_iterations=2).fit(X[:60], y[:60], validation=(X[60:160], y[60:160]))
    scores = model.validation_scores_
    assert len(scores) == len(model.records_) == 3
    assert model.best_iteration_ == int(np.argmax(scores))
    assert model.score(X[60:160], y[60:160]) == max(scores)
    unknown = ConvRFMClassifier(n_iterations=0).fit(X[:60], y[:60], validation=(X[60:70], np.full(10, 77)))
    assert unknown.validation_scores_ == [0.0]


def test_equal_images_are_held_out_together(digits):
    X, y = np.repeat(digits[0][:40], 2, axis=0), np.repeat(digits[1][:40], 2)
    model = ConvRFMClassifier(n_iterations=0, validation_fraction=0.25, random_state=0).fit(X, y)
    assert len(model.machine_.centers) == 30


def test_a_callback_stops_and_a_budget_warns(digits):
    X, y = digits[0][:40], digits[1][:40]
    seen = []
    model = ConvRFMClassifier(callback=lambda step: seen.append(step.iteration) or step.iteration == 1).fit(X, y)
    assert (seen, len(model.records_), model.best_iteration_) == ([0, 1], 2, 1)
    with pytest.warns(TimeBudgetWarning, match="ended the fit after 0 updates"):
        hasty = ConvRFMClassifier(time_budget=1e-9).fit(X, y)
    assert hasty.metric_ is None
    with pytest.raises(AttributeError, match="learned no filters"):
        _ = hasty.filters_


def test_channels_have_one_scale_each():
    X, y = local_signals(30, 0)
    both = np.concatenate([X, 100 + 7 * X, 0 * X + 3], 1)
    model = ConvRFMClassifier(n_iterations=1).fit(both, y)
    assert torch.equal(model.scale_[2], torch.tensor([torch.inf], dtype=torch.float64))
    images = model._images(both)
    torch.testing.assert_close(images[:, 0], images[:, 1])
    assert not images[:, 2].any()


@pytest.mark.parametrize(
    ("shape", "image_shape", "message"),
    [
        ((30, 1, 8, 8), (1, 4, 16), r"images of \(1, 4, 16\) as .*, got images of shape \(1, 8, 8\)"),
        ((30, 64), (2, 8, 8), r"images of \(2, 8, 8\) as .*, got 64 columns"),
        ((30, 64), (8, 8), r"images of \(8, 8\) as"),
        ((30, 8, 8), None, "dim 3"),
    ],
)
def test_unusable_shapes(shape, image_shape, message):
    X, y = local_signals(30, 0)
    with pytest.raises(ValueError, match=message):
        ConvRFMClassifier(image_shape=image_shape).fit(X.reshape(shape), y)


def test_other_images_than_those_of_the_fit(digits):
    X, y = digits[0][:40], digits[1][:40]
    model = ConvRFMClassifier(n_iterations=0).fit(X, y)
    with pytest.raises(InputError, match=r"got images of shape \(1, 4, 16\)"):
        model.predict(X.reshape(40, 1, 4, 16))
