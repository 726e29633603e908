"""Regression collapse: the numbers of the definitions, near collapse too, and no where there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from agop import collapse
from agop.collapse import REGRESSION_MEASURES, RegressionCollapse
from agop.errors import InputError, UndefinedMeasureError
from agop.moments import TargetMoments
from oracles import regression as oracle

N, D, T = 200, 12, 3
every_measure = pytest.mark.parametrize("name", REGRESSION_MEASURES)


def problem(seed=0, n=N):
    """Features of which some follow the targets, and a weight that sees them from an angle."""
    generator = np.random.default_rng(seed)
    y = generator.normal(size=(n, T)) * [1.0, 2.0, 0.5]
    x = y @ generator.normal(size=(T, D)) + 0.3 * generator.normal(size=(n, D)) + 2.0
    weight = generator.normal(size=(8, T)) @ np.linalg.pinv(y) @ x + 0.1 * generator.normal(size=(8, D))
    return {"x": x, "y": y, "weight": weight}


def collapsed(noise, seed=0, d=64):
    """Features in the span of T directions, but for noise; the targets are a linear map of them."""
    generator = np.random.default_rng(seed)
    basis = np.linalg.qr(generator.normal(size=(d, d)))[0]
    signal = generator.normal(size=(300, T))
    x = signal @ basis[:T] + noise * generator.normal(size=(300, d - T)) @ basis[T:]
    return x, signal @ generator.normal(size=(T, T)), basis


def value(name, x, y, weight):
    found = RegressionCollapse.of(TargetMoments.of(x, y), weight)
    assert not found.undefined
    return getattr(found, name)


def of_definition(name, x, y, weight, n=T):
    more = {"nrc1_unexplained_variance": (n,), "nrc3_subspace_alignment": (n, weight)}.get(name, ())
    return getattr(oracle, name)(x, y, *more)


@every_measure
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_definition(name, seed, offset):
    data = problem(seed)
    data["x"] = data["x"] + offset
    assert value(name, **data) == pytest.approx(of_definition(name, **data), rel=1e-10, abs=0)


@every_measure
def test_one_target_and_float32(name):
    data = {key: torch.from_numpy(array).float() for key, array in problem().items()}
    data["y"] = data["y"][:, 0]
    x, y, weight = (tensor.double().numpy() for tensor in data.values())
    assert value(name, **data) == pytest.approx(of_definition(name, x, y[:, None], weight, 1), rel=1e-10, abs=0)


@every_measure
def test_rotation_unit_and_order_do_not_count(name):
    data = problem()
    generator = np.random.default_rng(1)
    rotation, rows = np.linalg.qr(generator.normal(size=(D, D)))[0], generator.permutation(N)
    moved = {
        "x": 7 * data["x"][rows] @ rotation.T - 5,
        "y": 3 * data["y"][rows] + 1,
        "weight": data["weight"] @ rotation.T,
    }
    assert value(name, **moved) == pytest.approx(value(name, **data), rel=1e-10)


@pytest.mark.parametrize("noise", [1e-2, 1e-4, 1e-6, 3e-8])
def test_share_outside_near_collapse(noise):
    """Down to some 2e-16 of the variance, which is what a covariance in float64 resolves."""
    x, y, _ = collapsed(noise)
    expected = oracle.nrc1_unexplained_variance(x, y, T)
    assert 10 * noise**2 < expected < 40 * noise**2
    found = value("nrc1_unexplained_variance", x, y, None)
    assert found == pytest.approx(expected, rel=1e-10, abs=5e-16)


def test_collapse_is_found_complete():
    x, y, basis = collapsed(0.0)
    found = RegressionCollapse.of(TargetMoments.of(x, y), np.random.default_rng(0).normal(size=(T, T)) @ basis[:T])
    assert found.nrc1_unexplained_variance < 1e-15
    assert found.nrc3_subspace_alignment == pytest.approx(1.0, rel=1e-12)
    assert found.nrc4_prediction_error < 1e-13
    whitened = TargetMoments.of(x, x @ basis[:T].T)
    assert collapse.nrc2_linear_cka(whitened) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("noise", [1e-1, 1e-3, 1e-5])
def test_error_of_an_almost_perfect_read_out(noise):
    """Less than the noise, of which 65 coefficients explain 65 / 300: 705 squares are left of 900, within 5 sigma."""
    x, y, _ = collapsed(1e-2)
    y = y + noise * np.random.default_rng(3).normal(size=y.shape)
    expected = oracle.nrc4_prediction_error(x, y)
    share = noise**2 * y.size / np.square(y - y.mean(0)).sum()
    assert 0.57 * share < expected < share
    assert value("nrc4_prediction_error", x, y, None) == pytest.approx(expected, rel=1e-8, abs=1e-14)


def test_features_that_say_nothing_of_the_targets():
    """Made-up data without collapse: spread over all directions, shuffled targets, and a weight across the features."""
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(20_000, 20)), generator.normal(size=(20_000, 2))
    found = RegressionCollapse.of(TargetMoments.of(x, y), generator.normal(size=(5, 20)))
    assert found.nrc1_unexplained_variance == pytest.approx(18 / 20, abs=0.02)
    assert found.nrc2_linear_cka < 0.01
    assert found.nrc3_subspace_alignment < 0.6
    assert found.nrc4_prediction_error == pytest.approx(1.0, abs=0.01)
    signal, targets, _ = collapsed(0.1)
    related = RegressionCollapse.of(TargetMoments.of(signal, targets))
    shuffled = RegressionCollapse.of(TargetMoments.of(signal, generator.permutation(targets)))
    assert shuffled.nrc2_linear_cka < 0.1 < 0.5 < related.nrc2_linear_cka
    assert shuffled.nrc4_prediction_error > 0.7 > 0.1 > related.nrc4_prediction_error


def test_weight_across_the_features():
    x, y, basis = collapsed(1e-3)
    moments = TargetMoments.of(x, y)
    assert collapse.nrc3_subspace_alignment(moments, basis[T : 2 * T]) < 1e-3
    angle = 0.3
    turned = np.cos(angle) * basis[:T] + np.sin(angle) * basis[T : 2 * T]
    assert collapse.nrc3_subspace_alignment(moments, turned) == pytest.approx(np.cos(angle), abs=1e-3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("offset", [0.0, 50.0])
def test_directions_of_dependent_targets_are_counted(dtype, offset):
    """A third target that is a sum, and a constant one, add no direction; rounding and units are none either."""
    x, y, _ = collapsed(0.1)
    targets = np.column_stack([y[:, 0], 1e-4 * y[:, 1], y[:, 0] + y[:, 1], np.full(len(y), 0.1)])
    targets[:, ::2] += offset
    moments = TargetMoments.of(x, targets.astype(dtype))
    expected = oracle.nrc1_unexplained_variance(x, y, 2)
    assert collapse.nrc1_unexplained_variance(moments) == pytest.approx(expected, rel=1e-10)
    given = collapse.nrc1_unexplained_variance(moments, n_directions=3)
    assert given == pytest.approx(oracle.nrc1_unexplained_variance(x, y, 3), rel=1e-10) != expected


def test_more_targets_than_features():
    data = problem()
    found = RegressionCollapse.of(TargetMoments.of(data["x"][:, :2], data["y"]), data["weight"][:, :2])
    assert found.nrc1_unexplained_variance == pytest.approx(0, abs=1e-30)  # squares of rounding
    assert found.nrc3_subspace_alignment == pytest.approx(1.0)
    assert found.nrc4_prediction_error == pytest.approx(oracle.nrc4_prediction_error(data["x"][:, :2], data["y"]))


def test_dead_features_do_no_harm():
    data = problem()
    dead = np.column_stack([np.full(N, 0.1), data["x"], np.zeros(N)])
    weight = np.column_stack([np.zeros(8), data["weight"], np.zeros(8)])
    for name in REGRESSION_MEASURES:
        assert value(name, dead, data["y"], weight) == pytest.approx(value(name, **data), rel=1e-10)


def test_without_a_weight_and_json():
    data = problem()
    found = RegressionCollapse.of(TargetMoments.of(data["x"], data["y"]))
    assert found.nrc3_subspace_alignment is None
    assert list(found.as_dict()) == list(REGRESSION_MEASURES)
    assert json.loads(json.dumps(found.as_dict()))["nrc2_linear_cka"] == found.nrc2_linear_cka
    assert "nrc4_prediction_error" in dir(found)
    with pytest.raises(AttributeError, match="no attribute 'nc1_pinv'"):
        _ = found.nc1_pinv


def test_what_has_no_value_is_told():
    data = problem()
    constant = RegressionCollapse.of(TargetMoments.of(np.full((N, D), 0.1), data["y"]), data["weight"])
    assert not constant.values
    assert "features that differ" in constant.undefined["nrc1_unexplained_variance"]
    equal = RegressionCollapse.of(TargetMoments.of(data["x"], np.full(N, 0.1)), data["weight"])
    assert not equal.values
    assert "targets that differ" in equal.undefined["nrc4_prediction_error"]
    moments = TargetMoments.of(data["x"], data["y"])
    with pytest.raises(UndefinedMeasureError, match="a weight of 3 directions or more, got 1"):
        collapse.nrc3_subspace_alignment(moments, np.ones((5, D)))
    with pytest.raises(UndefinedMeasureError, match="a weight of 1 directions or more, got 0"):
        collapse.nrc3_subspace_alignment(moments, np.zeros((1, D)))
    assert collapse.nrc3_subspace_alignment(moments, np.ones((1, D))) <= 1  # one output has one direction
    narrow = TargetMoments.of(np.outer(data["x"][:, 0], np.ones(D)), data["y"])
    with pytest.raises(UndefinedMeasureError, match="features of 3 directions or more, got 1"):
        collapse.nrc3_subspace_alignment(narrow, data["weight"])


def test_bad_input():
    data = problem()
    moments = TargetMoments.of(data["x"], data["y"])
    with pytest.raises(InputError, match="two samples or more, got 1"):
        RegressionCollapse.of(TargetMoments.of(data["x"][:1], data["y"][:1]))
    with pytest.raises(InputError, match="weight of shape"):
        RegressionCollapse.of(moments, data["weight"].T)
    with pytest.raises(InputError, match="finite weight"):
        RegressionCollapse.of(moments, data["weight"] * np.nan)
    for n_directions in (0, D + 1):
        with pytest.raises(InputError, match=r"n_directions in 1 \.\. 12"):
            collapse.nrc1_unexplained_variance(moments, n_directions=n_directions)
    rows = torch.from_numpy(np.where(data["x"] == data["x"][5, 5], np.inf, data["x"]))
    with pytest.raises(InputError, match="finite features and targets"):
        RegressionCollapse.of(TargetMoments.of_rows(rows, torch.from_numpy(data["y"])))


@every_measure
def test_what_the_table_says(name):
    measure = REGRESSION_MEASURES[name]
    assert measure.source
    assert measure.definition.endswith(".")
    assert getattr(collapse, name) is measure.function
    assert name not in collapse.MEASURES
