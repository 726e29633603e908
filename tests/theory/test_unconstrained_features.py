"""Unconstrained features: closed form against descent, collapse under several layers, indifference to the data."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from agop.collapse import nc1_trace_ratio, nc2_gram_mse
from agop.errors import InputError
from agop.moments import ClassMoments
from agop.theory import class_targets, descend_unconstrained_features, unconstrained_features_minimizer

LABELS = np.repeat(np.arange(4), 6)
SHUFFLED = np.random.default_rng(0).permutation(LABELS)


def objective(targets, features, weights, weight_decay, activation=lambda z: z):
    hidden = np.asarray(features[0])
    for weight in weights[:-1]:
        hidden = activation(hidden @ np.asarray(weight).T)
    error = hidden @ np.asarray(weights[-1]).T - np.asarray(targets)
    return np.sum(error**2) + weight_decay * sum(np.sum(np.asarray(each) ** 2) for each in (features[0], *weights))


def last_step(labels, **settings):
    arguments = {"depth": 1, "width": 8, "weight_decay": 0.5} | settings
    *_, last = descend_unconstrained_features(class_targets(labels, 4), **arguments)
    return last


@pytest.mark.parametrize("width", [2, 3, 5, 9])
@pytest.mark.parametrize("weight_decay", [0.1, 1.0, 2.5, 50.0])
def test_minimizer_against_descent_on_any_targets(width, weight_decay):
    targets = np.random.default_rng(0).standard_normal((12, 3))
    found = unconstrained_features_minimizer(targets, weight_decay, width)
    stated = objective(targets, [found.features], [found.weights], weight_decay)
    assert found.objective == pytest.approx(stated, rel=1e-12)
    *_, last = descend_unconstrained_features(targets, depth=1, width=width, weight_decay=weight_decay)
    assert last.objective == pytest.approx(found.objective, rel=1e-9)
    np.testing.assert_allclose(last.features[0] @ last.features[0].T, found.features @ found.features.T, atol=1e-4)


def test_balanced_one_hot_targets_give_an_orthogonal_frame():
    found = unconstrained_features_minimizer(class_targets(LABELS, 4), 0.5, 6)
    gram = found.features @ found.features.T
    expected = (6**0.5 - 0.5) / 6 * (LABELS[:, None] == LABELS)
    np.testing.assert_allclose(gram, expected, atol=1e-12)


def test_centered_targets_give_a_simplex():
    found = unconstrained_features_minimizer(class_targets(LABELS, 4, "centered"), 0.5, 6)
    gram = (found.features @ found.features.T).numpy()
    cosines = gram / np.sqrt(np.outer(np.diag(gram), np.diag(gram)))
    np.testing.assert_allclose(cosines, np.where(LABELS[:, None] == LABELS, 1, -1 / 3), atol=1e-12)


def test_unbalanced_classes_collapse_too_and_strong_decay_leaves_nothing():
    labels = np.array([0] * 9 + [1] * 4 + [2])
    targets = class_targets(labels, 3)
    found = unconstrained_features_minimizer(targets, 0.5, 3)
    assert nc1_trace_ratio(ClassMoments.from_gram(found.features @ found.features.T, labels)) == pytest.approx(
        0, abs=1e-14
    )
    assert unconstrained_features_minimizer(targets, 2.5, 3).features.norm(dim=1)[labels == 1].max() < 1e-7
    nothing = unconstrained_features_minimizer(targets, 3.0, 3)
    assert nothing.features.abs().max() < 1e-7
    assert nothing.objective == pytest.approx(14)


def test_several_linear_layers_collapse():
    last = last_step(LABELS, depth=3, weight_decay=0.1)
    assert len(last.features) == len(last.weights) == 3
    for features in last.features:
        gram = features @ features.T
        assert nc1_trace_ratio(ClassMoments.from_gram(gram, LABELS)) < 1e-10
        assert nc2_gram_mse(ClassMoments.from_gram(gram, LABELS)) < 1e-10


def test_several_relu_layers_collapse_within_classes_but_best_to_no_simplex():
    """Some starts end at a simplex, where the objective is higher than at classes of lower rank, or on their way."""
    labels = np.repeat(np.arange(10), 6)
    targets = class_targets(labels, 10)
    settings = {"depth": 4, "width": 30, "weight_decay": 0.02, "nonlinearity": "relu", "steps": 60}
    ends = [list(descend_unconstrained_features(targets, seed=seed, **settings))[-1] for seed in range(3)]
    for last in ends:
        stated = objective(targets, last.features, last.weights, 0.02, lambda z: np.maximum(z, 0))
        assert last.objective == pytest.approx(stated, rel=1e-12)
        np.testing.assert_allclose(last.features[2], (last.features[1] @ last.weights[1].T).clamp(min=0), atol=1e-12)
    best = min(ends, key=lambda last: last.objective).features[1]
    moments = ClassMoments.from_gram(best @ best.T, labels)
    assert nc1_trace_ratio(moments) < 1e-3
    assert nc2_gram_mse(moments) > 1e-3


@pytest.mark.parametrize("settings", [{"depth": 1}, {"depth": 2, "weight_decay": 0.1}], ids=str)
def test_shuffled_labels_give_the_same_end(settings):
    real, shuffled = last_step(LABELS, **settings), last_step(SHUFFLED, **settings)
    assert real.objective == pytest.approx(shuffled.objective, rel=1e-9)
    order, other = np.argsort(LABELS, kind="stable"), np.argsort(SHUFFLED, kind="stable")
    for mine, yours in zip(real.features, shuffled.features, strict=True):
        grams = (mine @ mine.T)[order][:, order], (yours @ yours.T)[other][:, other]
        np.testing.assert_allclose(*grams, atol=1e-5)


def test_shuffled_labels_permute_the_minimizer():
    order = np.random.default_rng(3).permutation(len(LABELS))
    real, shuffled = (
        unconstrained_features_minimizer(class_targets(each, 4), 0.5, 6) for each in (LABELS, LABELS[order])
    )
    gram = (real.features @ real.features.T)[order][:, order]
    np.testing.assert_allclose(shuffled.features @ shuffled.features.T, gram, atol=1e-13)
    assert shuffled.objective == pytest.approx(real.objective, rel=1e-13)


def test_steps_fall_repeat_by_seed_and_leave_gradients_alone():
    targets = class_targets(LABELS, 4)
    arguments = {"depth": 2, "width": 5, "weight_decay": 0.1, "steps": 8, "iterations": 3}
    first, again, other = (list(descend_unconstrained_features(targets, **arguments, seed=seed)) for seed in (0, 0, 1))
    assert [step.index for step in first] == list(range(9))
    assert all(later.objective < sooner.objective for sooner, later in itertools.pairwise(first))
    assert [step.objective for step in first] == [step.objective for step in again]
    assert first[0].objective != other[0].objective
    assert not first[-1].features[0].requires_grad
    for _ in descend_unconstrained_features(targets, **arguments):
        assert torch.is_grad_enabled()
    with torch.no_grad():
        assert list(descend_unconstrained_features(targets, **arguments))[-1].objective == first[-1].objective


def test_no_start_ends_before_the_minimum():
    """Linear layers have one. L-BFGS may come to where its memory of the curvature lets it take no step (start 27)."""
    arguments = {"depth": 2, "width": 5, "weight_decay": 0.1, "steps": 60, "iterations": 3}
    targets = class_targets(LABELS, 4)
    ends = [list(descend_unconstrained_features(targets, **arguments, seed=k))[-1].objective for k in range(24, 30)]
    assert ends == pytest.approx([min(ends)] * 6, rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"targets": np.zeros((0, 2))}, "targets"),
        ({"targets": np.full((3, 2), np.nan)}, "finite targets"),
        ({"weight_decay": 0.0}, "weight_decay > 0"),
        ({"width": 0}, "width >= 1"),
        ({"depth": 0}, "depth, steps and iterations"),
        ({"steps": 0}, "depth, steps and iterations"),
        ({"nonlinearity": "tanh"}, "nonlinearity="),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_bad_arguments(changes, expected):
    arguments = {"targets": np.eye(3), "depth": 1, "width": 3, "weight_decay": 0.1} | changes
    with pytest.raises(InputError, match=expected):
        descend_unconstrained_features(**arguments)
