"""What holds of every measure in the table of ``agop.collapse``."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import agop.collapse
from agop.collapse import MEASURES
from agop.errors import EmptyClassError, InputError, UndefinedMeasureError
from agop.moments import ClassMoments
from oracles import collapse as oracle

N, D, C = 48, 9, 4
every_measure = pytest.mark.parametrize("name", MEASURES)
OF_NC1 = [name for name in MEASURES if name.startswith(("nc1", "within", "between"))]
AT_THE_ORIGIN = ("nc5_orthogonality",)
OF_LENGTHS = ("unc3",)


def problem(seed=0):
    generator = np.random.default_rng(seed)
    y = np.concatenate([np.repeat(np.arange(C), 2), generator.integers(0, C, N - 2 * C)])
    return {
        "x": generator.normal(size=(C, D))[y] + 0.4 * generator.normal(size=(N, D)) + 2.0,
        "y": y,
        "weight": generator.normal(size=(C, D)),
        "bias": 5 * generator.normal(size=C),
        "ood": generator.normal(size=(7, D)),
    }


def value(name, x, y, weight, bias, ood, n_classes=C):
    """The measure on tensors or arrays, an array for one of each class."""
    measure = MEASURES[name]
    moments = ClassMoments.of(x, y, n_classes, scatter=measure.needs == "scatter")
    more = {"weight": (weight,), "decisions": (x, weight, bias), "ood": (ood,)}.get(measure.needs, ())
    return np.asarray(measure.function(moments, *more))


def of_definition(name, x, y, weight, bias, ood, n_classes=C):
    """The measure by the loops of the oracle."""
    needs = MEASURES[name].needs
    given = {"weight": (weight,), "decisions": (weight, bias), "ood": (n_classes, ood)}.get(needs, (n_classes,))
    return np.asarray(getattr(oracle, name)(x, y, *given))


def moved(data, rotation=None, shift=None, scale=1.0):
    """Features that are rotated, moved and stretched, with the weight and bias of the same decisions."""
    rotation = np.eye(D) if rotation is None else rotation
    shift = np.zeros(D) if shift is None else shift
    x, ood = (scale * (rows @ rotation.T + shift) for rows in (data["x"], data["ood"]))
    weight = data["weight"] @ rotation.T
    return {**data, "x": x, "ood": ood, "weight": weight, "bias": scale * (data["bias"] - weight @ shift)}


def same(found, expected, rel=1e-9):
    np.testing.assert_allclose(found, expected, rtol=rel, atol=1e-13)


@every_measure
@pytest.mark.parametrize("seed", range(3))
def test_definition(name, seed):
    data = problem(seed)
    same(value(name, **data), of_definition(name, **data), rel=1e-10)


@every_measure
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_stored_numbers_of_any_dtype(name, dtype):
    """Statistics are taken in float64: the measure is that of the numbers as they are stored."""
    data = {key: torch.from_numpy(array) for key, array in problem().items()}
    data["x"] = data["x"].to(dtype)
    expected = of_definition(name, **{key: tensor.double().numpy() for key, tensor in data.items()} | {"y": data["y"]})
    same(value(name, **data), expected, rel=1e-10)


@every_measure
def test_rotation(name):
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(D, D)))[0]
    same(value(name, **moved(problem(), rotation=rotation)), value(name, **problem()))


@every_measure
def test_origin(name):
    found = value(name, **moved(problem(), shift=np.full(D, 3.0)))
    if name in AT_THE_ORIGIN:
        assert abs(found - value(name, **problem())) > 0.01
    else:
        same(found, value(name, **problem()))


@every_measure
def test_unit(name):
    found, once = value(name, **moved(problem(), scale=7.0)), value(name, **problem())
    same(found, 49 * once if name in OF_LENGTHS else once)


@every_measure
def test_order_of_samples_and_classes(name):
    data = problem()
    rows, classes = np.random.default_rng(2).permutation(N), np.array([2, 0, 3, 1])
    numbers = np.argsort(classes)  # class classes[c] becomes class c
    other = {"x": data["x"][rows], "y": numbers[data["y"]][rows], "ood": data["ood"][::-1].copy()}
    found = value(name, **other, weight=data["weight"][classes], bias=data["bias"][classes])
    expected = value(name, **data)
    same(found, expected[classes] if MEASURES[name].by_class else expected)


@every_measure
def test_every_sample_twice(name):
    data = problem()
    same(value(name, **data | {"x": np.tile(data["x"], (2, 1)), "y": np.tile(data["y"], 2)}), value(name, **data))


@every_measure
def test_class_without_samples(name):
    data = problem()
    data |= {"weight": np.ones((C + 1, D)), "bias": np.ones(C + 1)}
    with pytest.raises(EmptyClassError, match="none of class 4"):
        value(name, **data, n_classes=C + 1)


@every_measure
def test_no_samples(name):
    data = problem()
    with pytest.raises(EmptyClassError):
        value(name, **data | {"x": data["x"][:0], "y": data["y"][:0]})


@pytest.mark.parametrize("name", [name for name in MEASURES if name not in AT_THE_ORIGIN])
def test_one_class(name):
    data = problem()
    with pytest.raises(InputError, match="two or more classes"):
        value(name, **data | {"y": 0 * data["y"], "weight": np.ones((1, D)), "bias": np.ones(1)}, n_classes=1)


@pytest.mark.parametrize("name", OF_NC1)
def test_class_of_one_sample_is_left_out_of_nc1(name):
    data = problem()
    rows = data["x"][:1] + 5.0
    whole = data | {"x": np.concatenate([data["x"], rows]), "y": np.append(data["y"], C)}
    same(value(name, **whole, n_classes=C + 1), value(name, **data), rel=1e-12)
    with pytest.raises(UndefinedMeasureError, match="two or more classes of two samples or more, got 0 of 4 classes"):
        value(name, **data | {"x": data["x"][: 2 * C : 2], "y": np.arange(C)})


@pytest.mark.parametrize("name", [name for name in MEASURES if name not in OF_NC1])
def test_class_of_one_sample_counts_elsewhere(name):
    data = problem()
    first = np.sort(np.unique(data["y"], return_index=True)[1])
    data |= {"x": data["x"][first], "y": data["y"][first]}
    same(value(name, **data), of_definition(name, **data), rel=1e-10)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
@pytest.mark.parametrize("name", [name for name in MEASURES if name not in (*AT_THE_ORIGIN, *OF_LENGTHS)])
def test_features_that_tell_nothing(name, constant):
    with pytest.raises(InputError, match=r"differ|global mean"):
        value(name, **problem() | {"x": np.full((N, D), constant)})


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
@pytest.mark.parametrize("name", OF_LENGTHS)
def test_lengths_of_features_that_tell_nothing(name, constant):
    assert value(name, **problem() | {"x": np.full((N, D), constant)}) < 1e-12


@pytest.mark.parametrize("name", AT_THE_ORIGIN)
def test_directions_of_features_at_the_origin(name):
    with pytest.raises(InputError, match="a mean at 0"):
        value(name, **problem() | {"x": np.zeros((N, D))})


@pytest.mark.parametrize(
    "name",
    [name for name in MEASURES if "_ratio" not in name and name not in (*AT_THE_ORIGIN, *OF_LENGTHS)],
)
def test_class_means_that_are_equal_up_to_rounding(name):
    rows = np.random.default_rng(0).normal(size=(7, D)) + 0.1
    data = problem() | {
        "x": np.concatenate([rows, rows[::-1], rows[[3, 1, 0, 2, 6, 5, 4]]]),
        "y": np.repeat([0, 1, 2], 7),
    }
    with pytest.raises(UndefinedMeasureError, match=r"differ|global mean"):
        value(name, **data | {"weight": data["weight"][:3], "bias": data["bias"][:3]}, n_classes=3)


@pytest.mark.parametrize("name", [name for name, measure in MEASURES.items() if measure.needs == "weight"])
def test_weight_that_is_none(name):
    data = problem()
    for weight, message in (
        (np.ones((D, C)), rf"weight of shape \({C}, {D}\)"),
        (np.full((C, D), np.nan), "finite weight"),
        (np.zeros((C, D)), "zeros"),
    ):
        with pytest.raises(InputError, match=message):
            value(name, **data | {"weight": weight})


@every_measure
def test_what_the_table_says(name):
    """Labels are told apart, sources are named, and the functions are public."""
    measure = MEASURES[name]
    assert [other.label for other in MEASURES.values()].count(measure.label) == 1
    assert measure.source
    assert measure.definition.endswith(".")
    function = getattr(measure.function, "func", measure.function)
    assert getattr(agop.collapse, function.__name__) is function
