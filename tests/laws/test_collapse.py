"""Measures of collapse do not depend on what is arbitrary: axes, origin, unit, names of classes, numbers of copies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from agop.collapse import MEASURES, REGRESSION_MEASURES
from agop.collapse.measures import evaluated
from agop.moments import ClassMoments, TargetMoments
from laws.draws import SEEDS, law, powers_of_two, rotations

N, D, C = 24, 5, 4
ABOUT_THE_ORIGIN = {"nc5_orthogonality"}
"""Measures of the directions of means themselves, not of their differences."""
SQUARED_SCORES = {"unc3"}
"""Measures that go with the square of the unit of the scores; all others are pure numbers."""
SHIFTS = st.lists(st.integers(-50, 50), min_size=D, max_size=D).map(np.array)
UNITS = powers_of_two(-480, 480)  # whose squares are numbers, and no higher powers


def problem(seed):
    """Features (N, D) of C classes, a classifier on them, and out-of-distribution features."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(N) % C)
    x = rng.standard_normal((C, D))[y] + 0.4 * rng.standard_normal((N, D))
    return {"x": x, "y": y, "weight": rng.standard_normal((C, D)), "bias": rng.standard_normal(C), "ood": x[:3] + 1}


def measured(x, y, weight, bias, ood):
    """Every measure of classes by name, as an array."""
    moments = ClassMoments.of(x, y, C, scatter=True)
    about = {"weight": (weight,), "decisions": (x, weight, bias), "ood": (ood,)}
    given = {needs: (moments, *about.get(needs, ())) for needs in ("moments", "scatter", *about)}
    values, undefined = evaluated(given)
    assert values.keys() == MEASURES.keys(), undefined
    return {name: np.asarray(value) for name, value in values.items()}


def assert_same(found, expected, rtol=1e-8, without=()):
    for name in expected.keys() - {*without}:
        np.testing.assert_allclose(found[name], expected[name], rtol=rtol, atol=1e-11, err_msg=name)


@law(seed=SEEDS, rotation=rotations(D))
def test_rotation(seed, rotation):
    """Turned axes of the features, and of all that looks at them, change nothing."""
    data, turn = problem(seed), rotation.numpy()
    assert_same(measured(**data | {name: data[name] @ turn for name in ("x", "weight", "ood")}), measured(**data))


@law(seed=SEEDS, shift=SHIFTS)
def test_origin(seed, shift):
    """Moved features with a bias that moves along change nothing, but angles of means themselves."""
    data = problem(seed)
    moved = {"x": data["x"] + shift, "ood": data["ood"] + shift, "bias": data["bias"] - data["weight"] @ shift}
    assert_same(measured(**data | moved), measured(**data), without=ABOUT_THE_ORIGIN)


@law(seed=SEEDS, unit=UNITS, of_scores=powers_of_two(-20, 20))
def test_unit(seed, unit, of_scores):
    """Units of features and of scores change nothing, but the variance of scores."""
    data = problem(seed)
    scaled = {"x": unit * data["x"], "ood": unit * data["ood"], "weight": of_scores / unit * data["weight"]}
    found, expected = measured(**data | scaled | {"bias": of_scores * data["bias"]}), measured(**data)
    assert_same(found, {name: value for name, value in expected.items() if name not in SQUARED_SCORES})
    for name in SQUARED_SCORES:
        assert found[name] / of_scores**2 == pytest.approx(expected[name], rel=1e-8)


@law(seed=SEEDS, samples=st.permutations(range(N)), classes=st.permutations(range(C)))
def test_names_and_order(seed, samples, classes):
    """Samples in another order and classes of other names change nothing but the order of numbers by class."""
    data, names = problem(seed), np.argsort(classes)  # class classes[c] becomes class c
    other = {"x": data["x"][samples], "y": names[data["y"]][samples]}
    found = measured(**data | other | {name: data[name][classes] for name in ("weight", "bias")})
    expected = measured(**data)
    by_class = {name: expected[name][classes] for name in MEASURES if MEASURES[name].by_class}
    assert_same(found, expected | by_class)


@law(seed=SEEDS, copies=st.integers(2, 5))
def test_copies(seed, copies):
    """As many copies of every sample change nothing."""
    data = problem(seed)
    many = {"x": np.tile(data["x"], (copies, 1)), "y": np.tile(data["y"], copies)}
    assert_same(measured(**data | many), measured(**data))


@law(seed=SEEDS, rotation=rotations(D), targets=rotations(2), shift=SHIFTS, unit=UNITS, order=st.permutations(range(N)))
def test_regression(seed, rotation, targets, shift, unit, order):
    """Axes, origin and unit of the features, axes of the targets and order of the samples change nothing."""
    rng = np.random.default_rng(seed)
    x, y, weight = (torch.tensor(rng.standard_normal(shape)) for shape in ((N, D), (N, 2), (2, D)))
    y += x[:, :2]

    def of(x, y, weight):
        moments = TargetMoments.of(x, y)
        values, _ = evaluated({"moments": (moments,), "weight": (moments, weight)}, measures=REGRESSION_MEASURES)
        assert values.keys() == REGRESSION_MEASURES.keys()
        return values

    moved = unit * (x @ rotation + torch.tensor(shift))
    assert_same(of(moved[order], (y @ targets)[order], targets.mT @ weight @ rotation / unit), of(x, y, weight))
