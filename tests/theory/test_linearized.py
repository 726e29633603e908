"""The linearized recursion against a numpy oracle, on digits and on bad input."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from agop.collapse import nc1_trace_ratio
from agop.datasets import standardize
from agop.errors import InputError
from agop.moments import ClassMoments
from agop.theory import class_targets, linearized_recursion, normalize_gram
from oracles import theory as oracles_theory

GRAM = (lambda x: x @ x.T)(np.random.default_rng(0).standard_normal((12, 5)))
LABELS = np.arange(12) % 3


@functools.cache
def digits(n):
    inputs, labels = load_digits(return_X_y=True)
    rows = standardize(inputs[:n])[0]
    return rows @ rows.T, labels[:n]


def nc1_by_layer(n, *, depth, coding="one-hot", **shifts):
    gram, labels = digits(n)
    layers = linearized_recursion(gram, class_targets(labels, 10, coding), depth=depth, **shifts)
    return [nc1_trace_ratio(ClassMoments.from_gram(layer.gram, labels)) for layer in layers]


@pytest.mark.parametrize("coding", ["one-hot", "centered", "signed"])
def test_layers_on_digits_against_the_oracle(coding):
    gram, labels = digits(120)
    targets = oracles_theory.coded(labels, 10, coding)
    expected = gram / np.sqrt(np.outer(np.diag(gram), np.diag(gram)))
    layers = linearized_recursion(gram, targets, kernel_shift=0.2, features_shift=0.05, depth=5)
    for index, layer in enumerate(layers, 1):
        assert layer.index == index
        np.testing.assert_allclose(layer.stages["input"], expected, rtol=0, atol=1e-11)
        mapped, expected = oracles_theory.layer(layer.gram.numpy(), targets, 0.2, 0.05)
        np.testing.assert_allclose(layer.stages["agop"], mapped, rtol=0, atol=1e-11)
        np.testing.assert_allclose(layer.stages["features"], mapped + 0.05 * np.eye(120), rtol=0, atol=1e-11)
        measured = nc1_trace_ratio(ClassMoments.from_gram(layer.gram, labels))
        assert measured == pytest.approx(oracles_theory.nc1(layer.gram.numpy(), labels), rel=1e-9)


def test_targets_are_coded_as_their_names_say():
    for coding in ("one-hot", "centered", "signed"):
        np.testing.assert_array_equal(class_targets(LABELS, 3, coding), oracles_theory.coded(LABELS, 3, coding))


@pytest.mark.parametrize(
    ("shifts", "depth", "expected"),
    [((0.1, 0.01), 10, 0.0980), ((0.01, 0.1), 3, 0.1108), ((10, 0.01), 3, 0.4332)],
    ids=["towards the floor", "at the floor after two steps", "hardly any collapse"],
)
def test_nc1_of_a_thousand_digits(shifts, depth, expected):
    found = nc1_by_layer(1000, kernel_shift=shifts[0], features_shift=shifts[1], depth=depth)
    assert found[0] == pytest.approx(1.6259, abs=5e-5)
    assert found[-1] == pytest.approx(expected, abs=5e-5)


def test_shifts_of_each_layer():
    gram, labels = digits(120)
    targets = class_targets(labels, 10)
    kernel, features = [0.5, 0.1, 0.3], (0.2, 0.0, 0.1)
    current = normalize_gram(torch.from_numpy(gram)).numpy()
    layers = linearized_recursion(gram, targets, kernel_shift=kernel, features_shift=features, depth=3)
    for layer, *shifts in zip(layers, kernel, features, strict=True):
        np.testing.assert_allclose(layer.gram, current, atol=1e-10)
        current = oracles_theory.layer(current, targets.numpy(), *shifts)[1]


def test_scale_of_rows_and_targets_does_not_matter_and_float32_is_promoted():
    targets = class_targets(LABELS, 3)
    lengths = np.linspace(0.1, 10, 12)
    arguments = {"kernel_shift": 0.3, "features_shift": 0.1, "depth": 3}
    *_, plain = linearized_recursion(GRAM, targets, **arguments)
    *_, scaled = linearized_recursion(GRAM * np.outer(lengths, lengths), -5 * targets, **arguments)
    np.testing.assert_allclose(scaled.mapped, plain.mapped, atol=1e-12)
    *_, narrow = linearized_recursion(GRAM.astype(np.float32), targets.float(), **arguments)
    assert narrow.mapped.dtype == torch.float64
    np.testing.assert_allclose(narrow.mapped, plain.mapped, atol=1e-5)


def test_a_zero_row_stays_zero_without_shift():
    gram = GRAM.copy()
    gram[3] = gram[:, 3] = 0
    *_, last = linearized_recursion(gram, class_targets(LABELS, 3), kernel_shift=0.3, features_shift=0, depth=3)
    assert last.gram[3].abs().sum() == 0
    assert last.gram.diagonal().sum() == pytest.approx(11)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"gram": GRAM[:5]}, "a Gram matrix"),
        ({"gram": np.full((12, 12), np.nan)}, "finite gram"),
        ({"targets": np.ones((11, 2))}, "targets of shape"),
        ({"targets": np.full((12, 1), np.inf)}, "finite targets"),
        ({"kernel_shift": 0.0}, "kernel_shift > 0"),
        ({"kernel_shift": float("nan")}, "a finite kernel_shift"),
        ({"features_shift": -0.1}, "a finite features_shift >= 0"),
        ({"features_shift": [0.1, 0.1]}, "one features_shift or 3"),
        ({"depth": 0}, "depth >= 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_bad_input_is_refused_before_the_first_layer(changes, expected):
    arguments = {"gram": GRAM, "targets": np.eye(3)[LABELS], "kernel_shift": 0.1, "features_shift": 0.1, "depth": 3}
    with pytest.raises(InputError, match=expected):
        linearized_recursion(**arguments | changes)


def test_targets_of_zero_leave_nothing_to_map():
    with pytest.raises(InputError, match="not 0"):
        next(linearized_recursion(GRAM, np.zeros((12, 2)), kernel_shift=0.1, features_shift=0.1, depth=1))


def test_unknown_coding_is_refused():
    with pytest.raises(InputError, match="targets="):
        class_targets(LABELS, 3, "binary")
