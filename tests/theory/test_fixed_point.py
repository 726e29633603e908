"""Collapsed fixed points and their rates against the recursion and its full Jacobian in numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agop.collapse import nc1_trace_ratio, nc2_gram_mse
from agop.errors import InputError, UndefinedMeasureError
from agop.moments import ClassMoments
from agop.theory import class_targets, collapsed_fixed_point, linearized_recursion
from oracles import theory as oracles_theory

CODINGS = ("one-hot", "centered", "signed")
SHIFTS = [(0.3, 0.3), (2.0, 0.05), (0.05, 1.5), (3.0, 0.7)]


def labels_of(point):
    return np.repeat(np.arange(point.n_classes), point.per_class)


def targets_of(point):
    return oracles_theory.coded(labels_of(point), point.n_classes, point.targets)


def step(point, gram):
    return oracles_theory.layer(gram, targets_of(point), point.kernel_shift, point.features_shift)[1]


def jacobian_moduli(point, h=1e-5):
    """Absolute eigenvalues of the derivative of one layer with respect to the off-diagonal entries."""
    gram, (rows, columns) = point.gram().numpy(), np.triu_indices(len(point.gram()), 1)
    derivative = []
    for i, j in zip(rows, columns, strict=True):
        change = np.zeros_like(gram)
        change[i, j] = change[j, i] = h
        derivative.append(((step(point, gram + change) - step(point, gram - change)) / (2 * h))[rows, columns])
    return abs(np.linalg.eigvals(np.array(derivative).T))


@pytest.mark.parametrize("targets", CODINGS)
@pytest.mark.parametrize("n_classes", [2, 3, 4, 5, 10])
@pytest.mark.parametrize("shifts", SHIFTS, ids=str)
@pytest.mark.filterwarnings("ignore::agop.errors.PrecisionWarning")  # the scatter that is mapped to 0 is rounding
def test_it_is_a_fixed_point_with_the_stated_floor(n_classes, targets, shifts):
    point = collapsed_fixed_point(n_classes, 6, kernel_shift=shifts[0], features_shift=shifts[1], targets=targets)
    gram, labels = point.gram(), labels_of(point)
    np.testing.assert_allclose(step(point, gram.numpy()), gram, rtol=0, atol=1e-12)
    coded = class_targets(labels, n_classes, targets)
    (layer,) = linearized_recursion(gram, coded, kernel_shift=shifts[0], features_shift=shifts[1], depth=1)
    assert oracles_theory.nc1(layer.features.numpy(), labels) == pytest.approx(point.nc1_floor, rel=1e-10)
    assert nc1_trace_ratio(ClassMoments.from_gram(layer.features, labels)) == pytest.approx(point.nc1_floor, rel=1e-10)
    assert nc1_trace_ratio(ClassMoments.from_gram(layer.gram, labels)) == pytest.approx(point.nc1_floor, rel=1e-10)
    assert nc1_trace_ratio(ClassMoments.from_gram(layer.mapped, labels)) == pytest.approx(0, abs=1e-12)
    assert nc2_gram_mse(ClassMoments.from_gram(layer.mapped, labels)) < 1e-18


@pytest.mark.parametrize("targets", CODINGS)
@pytest.mark.parametrize("n_classes", [2, 3, 4, 5])
@pytest.mark.parametrize("shifts", SHIFTS, ids=str)
def test_rates_are_eigenvalues_of_the_full_jacobian_and_the_larger_is_its_radius(n_classes, targets, shifts):
    point = collapsed_fixed_point(n_classes, 3, kernel_shift=shifts[0], features_shift=shifts[1], targets=targets)
    moduli = jacobian_moduli(point)
    assert abs(moduli - point.coupling_rate).min() < 1e-7
    assert abs(moduli - point.class_rate).min() < 1e-7
    assert max(moduli) == pytest.approx(max(point.coupling_rate, point.class_rate), abs=1e-7)
    assert point.attracting == (max(moduli) < 1)


def test_closed_forms_for_one_hot_targets():
    point = collapsed_fixed_point(10, 40, kernel_shift=0.3, features_shift=0.3)
    k, l, m = 0.3, 0.3, 40  # noqa: E741
    assert point.excess_rate == pytest.approx(0.31473, abs=5e-6)
    assert point.coupling_rate == pytest.approx(m / (m + l) * k * (1 + l) / (k * (1 + l) + l), rel=1e-13)
    assert point.class_rate == pytest.approx(2 * m * k * (1 + l) / ((m + l) * (m + l + k * (1 + l))), rel=1e-12)
    centered = collapsed_fixed_point(10, 40, kernel_shift=k, features_shift=l, targets="centered")
    p = m * (1 + 1 / 9)
    assert centered.across == pytest.approx(-1 / 9, rel=1e-15)
    assert centered.coupling_rate == pytest.approx(p / (p + l) * k * (1 + l) / (k * (1 + l) + l), rel=1e-12)


@pytest.mark.parametrize(
    ("targets", "rate", "tolerance"),
    [
        ("one-hot", 0.31473, 2e-4),
        ("centered", 0.31520, 2e-4),
        ("signed", 0.31150, 0.02),  # other couplings are nearly as slow
    ],
)
def test_excess_of_nc1_shrinks_at_the_squared_rate(targets, rate, tolerance):
    point = collapsed_fixed_point(10, 40, kernel_shift=0.3, features_shift=0.3, targets=targets)
    noise = np.random.default_rng(0).standard_normal((400, 400))
    gram = point.gram().numpy() + 1e-3 * (noise + noise.T)
    np.fill_diagonal(gram, 1)
    excess = []
    for _ in range(9):
        gram = step(point, gram)
        excess.append(oracles_theory.nc1(gram, labels_of(point)) - point.nc1_floor)
    assert point.excess_rate == pytest.approx(rate, abs=5e-6)
    assert excess[-1] / excess[-2] == pytest.approx(rate, rel=tolerance)


@pytest.mark.parametrize("kernel_shift", [1.0, 9.0, 10.5, 30.0])
def test_class_perturbations_grow_beyond_a_kernel_shift_of_about_m(kernel_shift):
    point = collapsed_fixed_point(4, 10, kernel_shift=kernel_shift, features_shift=0.01)
    gram = point.gram().numpy()
    change = np.kron(np.array([[0, 1, -1, 0], [1, 0, 0, -1], [-1, 0, 0, 1], [0, -1, 1, 0]]), np.ones((10, 10)))
    grown = np.sum((step(point, gram + 1e-6 * change) - gram) * change) / np.sum(change**2) / 1e-6
    assert grown == pytest.approx(point.class_rate, rel=1e-5)
    assert point.attracting == (grown < 1) == (kernel_shift < 10)


@pytest.mark.parametrize("n_classes", [3, 5, 10, 40])
@pytest.mark.parametrize("kernel_shift", [1e-3, 1.0, 10.0, 300.0])
@pytest.mark.parametrize("features_shift", [0.01, 0.3, 3.0])
def test_signed_targets_reach_the_root_from_orthogonal_classes(n_classes, kernel_shift, features_shift):
    point = collapsed_fixed_point(
        n_classes, 20, kernel_shift=kernel_shift, features_shift=features_shift, targets="signed"
    )
    q, shift = 0.0, kernel_shift * (1 + features_shift)
    for _ in range(5000):
        constant, between = 20 * (1 + (n_classes - 1) * q), 20 * (1 - q)
        gains = [(p + features_shift) / (p + features_shift + shift) for p in (constant, between)]
        ratio = (n_classes - 2) ** 2 / 4 * (gains[0] / gains[1]) ** 2
        q = (ratio - 1) / (ratio + n_classes - 1)
    assert point.across == pytest.approx(q, rel=1e-10)


def test_signed_targets_with_a_small_kernel_shift():
    for n_classes in range(2, 12):
        point = collapsed_fixed_point(n_classes, 20, kernel_shift=1e-9, features_shift=0.1, targets="signed")
        assert point.across == pytest.approx((n_classes - 4) / n_classes, abs=1e-8)


def test_of_several_roots_the_first_on_the_way_is_taken():
    m, k, l = 20, 1.5, 1e-3  # noqa: E741
    point = collapsed_fixed_point(10, m, kernel_shift=k, features_shift=l, targets="signed")
    ratios = np.geomspace(1, 1e9, 40001)
    constant, between = 10 * m * ratios / (ratios + 9), 10 * m / (ratios + 9)
    gains = [(p + l) / (p + l + k * (1 + l)) for p in (constant, between)]
    signs = np.sign(16 * (gains[0] / gains[1]) ** 2 - ratios)
    crossings = ratios[:-1][signs[1:] != signs[:-1]]
    assert len(crossings) == 3
    assert (1 + 9 * point.across) / (1 - point.across) == pytest.approx(crossings[0], rel=1e-3)


def test_classes_that_merge_have_no_fixed_point():
    with pytest.raises(UndefinedMeasureError, match="merge the classes"):
        collapsed_fixed_point(10, 20, kernel_shift=20.0, features_shift=0.0, targets="signed")
    nearly = collapsed_fixed_point(10, 20, kernel_shift=20.0, features_shift=1e-3, targets="signed")
    assert 0.99 < nearly.across < 1


def test_two_classes_keep_only_the_coupling_of_a_class_to_itself():
    signed, centered = (
        collapsed_fixed_point(2, 8, kernel_shift=0.3, features_shift=0.3, targets=coding)
        for coding in ("signed", "centered")
    )
    assert signed.across == centered.across == -1
    one_hot = collapsed_fixed_point(2, 8, kernel_shift=0.3, features_shift=0.3)
    assert signed.coupling_rate == centered.coupling_rate < one_hot.coupling_rate / 3


def test_without_features_shift_nothing_is_added_and_couplings_stay():
    point = collapsed_fixed_point(5, 4, kernel_shift=0.3, features_shift=0.0)
    assert point.nc1_floor == 0
    assert math.isclose(point.coupling_rate, 1)
    assert not point.attracting


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"n_classes": 1}, "two or more classes"),
        ({"per_class": 1}, "two or more classes"),
        ({"kernel_shift": 0.0}, "kernel_shift > 0"),
        ({"kernel_shift": float("inf")}, "kernel_shift > 0"),
        ({"features_shift": -1.0}, "features_shift >= 0"),
        ({"targets": "binary"}, "targets="),
    ],
    ids=str,
)
def test_bad_arguments(changes, expected):
    arguments = {"n_classes": 3, "per_class": 4, "kernel_shift": 0.1, "features_shift": 0.1} | changes
    with pytest.raises(InputError, match=expected):
        collapsed_fixed_point(**arguments)
