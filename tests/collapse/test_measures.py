"""Every measure against its definition, from features and from Gram matrices."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import agop.collapse as collapse
from agop.collapse import MEASURES, Collapse
from agop.moments import ClassMoments, features_from_gram
from oracles import collapse as oracle

SHAPES = [(60, 12, 4), (37, 3, 5), (20, 6, 2)]  # (samples, features, classes): wide, narrow, two classes
both_centers = pytest.mark.parametrize("center", ["classes", "samples"])
all_shapes = pytest.mark.parametrize("shape", SHAPES)
GLOBAL = [name for name, m in MEASURES.items() if m.needs in ("moments", "scatter", "weight") and name != "nc1_cdnv"]


def sample(shape, seed=0, offset=2.0):
    """Features and labels of two samples a class or more: one alone has no scatter, and is left out of NC1."""
    n, d, n_classes = shape
    generator = np.random.default_rng(seed)
    y = np.concatenate([np.repeat(np.arange(n_classes), 2), generator.integers(0, n_classes, n - 2 * n_classes)])
    x = generator.normal(size=(n_classes, d))[y] + 0.4 * generator.normal(size=(n, d)) + offset
    return x, y, n_classes


@all_shapes
@both_centers
@pytest.mark.parametrize("name", GLOBAL)
def test_either_global_mean_from_features_and_from_a_gram_matrix(name, center, shape):
    x, y, n_classes = sample(shape)
    coefficients = np.random.default_rng(1).normal(size=(len(x), n_classes))
    features = features_from_gram(x @ x.T)
    of_features, of_gram = ClassMoments.of(x, y, n_classes, scatter=True), ClassMoments.from_gram(x @ x.T, y)
    given = n_classes
    options, option = (of_features,), (of_gram,)
    if MEASURES[name].needs == "weight":
        given = coefficients.T @ x
        options = of_features, given
        option = ClassMoments.of(features, y, n_classes), torch.from_numpy(coefficients).T @ features
    expected = getattr(oracle, name)(x, y, given, center)
    measure = MEASURES[name].function
    assert measure(*options, global_mean=center) == pytest.approx(expected, rel=1e-10, abs=1e-13)
    assert measure(*option, global_mean=center) == pytest.approx(expected, rel=1e-8, abs=1e-11)


@all_shapes
def test_everything_of_a_kernel_machine_on_a_gram_matrix(shape):
    """Out-of-distribution samples are further rows of the Gram matrix; biases are those of the machine."""
    x, y, n_classes = sample(shape)
    generator = np.random.default_rng(3)
    ood, coefficients = generator.normal(size=(9, x.shape[1])), generator.normal(size=(len(x), n_classes))
    rows, bias = np.concatenate([x, ood]), 5 * generator.normal(size=n_classes)
    features = features_from_gram(rows @ rows.T)
    inside, outside = features[: len(x)], features[len(x) :]
    weight = torch.from_numpy(coefficients).T @ inside
    found = Collapse.of(inside, y, n_classes, weight=weight, bias=bias, ood_features=outside)
    expected = Collapse.of(x, y, n_classes, weight=coefficients.T @ x, bias=bias, ood_features=ood)
    for name, value in expected.as_dict().items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-8, abs=1e-11), name


@all_shapes
def test_nc4(shape):
    x, y, n_classes = sample(shape)
    generator = np.random.default_rng(2)
    weight, bias = generator.normal(size=(n_classes, x.shape[1])), 5 * generator.normal(size=n_classes)
    moments = ClassMoments.of(x, y, n_classes)
    assert collapse.nc4_agreement(moments, x, weight, bias, max_memory=1) == oracle.nc4_agreement(x, y, weight, bias)
    without = oracle.nc4_agreement(x, y, weight, np.zeros(n_classes))
    assert collapse.nc4_agreement(moments, torch.from_numpy(x), torch.from_numpy(weight)) == without


@all_shapes
def test_nc5_of_samples_and_of_their_mean(shape):
    x, y, n_classes = sample(shape)
    ood = np.random.default_rng(3).normal(size=(9, x.shape[1]))
    moments = ClassMoments.of(x, y, n_classes)
    found = collapse.nc5_orthogonality(moments, ood.mean(0)[None])
    assert found == pytest.approx(collapse.nc5_orthogonality(moments, ood), rel=1e-12, abs=0)


def test_nearest_mean_among_close_classes_far_from_the_origin():
    x = np.array([[1e4, 0.0], [1e4, 1e-6], [1e4 + 3, 0.0]]).repeat(4, 0)
    x[::4, 1] += 4e-7  # nearer to its own mean than to the other of the two close ones
    y = np.arange(3).repeat(4)
    moments = ClassMoments.of(x, y, 3)
    own = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0]])  # decides by the nearest of (0,0), (0,1e-6), (3,0)
    bias = -np.array([0.0, 2e0 * 0.6e-6, 2e4 + 1.0])
    expected = oracle.nc4_agreement(x, y, own, bias)
    assert collapse.nc4_agreement(moments, x, own, bias) == expected > 0.6


def test_pinv_by_projection_needs_no_square_matrix():
    x, y, n_classes = sample((200, 40, 5), offset=30.0)
    moments = ClassMoments.of(x, y, n_classes)
    points = (torch.from_numpy(x) - moments.global_mean()) @ moments.between_basis()
    projected = ClassMoments.of(points, y, n_classes, scatter=True)
    expected = oracle.nc1_pinv(x, y, n_classes)
    assert projected.scatter.shape == (4, 4)
    assert collapse.nc1_pinv(projected) == pytest.approx(expected, rel=1e-9, abs=0)
    for center in ("classes", "samples"):
        square = collapse.nc1_pinv(ClassMoments.of(x, y, n_classes, scatter=True), global_mean=center)
        assert collapse.nc1_pinv(projected, global_mean=center) == pytest.approx(square, rel=1e-10, abs=0)


def test_pinv_of_close_classes():
    """Two classes 0.1 apart at norm 10: spread 0.01 across, along the direction that tells them apart."""
    generator = np.random.default_rng(0)
    corners = np.array([[10.0, 0.0, 0.0], [10.0, 0.1, 0.0], [-10.0, 0.0, 0.0]])
    y = np.arange(3000) % 3
    x = corners[y] + 0.01 * generator.normal(size=(3000, 3))
    moments = ClassMoments.of(x, y, 3, scatter=True)
    assert collapse.nc1_pinv(moments) == pytest.approx(oracle.nc1_pinv(x, y, 3), rel=1e-9, abs=0)
    assert collapse.nc1_pinv(moments) > 0.01
    assert collapse.nc1_pinv(ClassMoments.from_gram(x @ x.T, y)) == pytest.approx(
        oracle.nc1_pinv(x, y, 3), rel=1e-6, abs=0
    )


@pytest.mark.parametrize("seed", range(20))
def test_coordinates_behind_a_gram_matrix_have_one_dimension_less_than_classes(seed):
    x, y, _ = sample((64, 5, 2), seed=seed, offset=1e3)
    moments = ClassMoments.from_gram(x @ x.T, y)
    assert moments.means.shape == (2, 1)
    np.testing.assert_allclose(moments.global_mean(), 0, atol=1e-6)


def test_mapped_moments_have_nc1_and_nc2():
    x, y, n_classes = sample((60, 12, 4))
    matrix = np.random.default_rng(5).normal(size=(20, 12))
    mapped = ClassMoments.of(x, y, n_classes, scatter=True).apply(matrix)
    for name in ("nc1_trace_ratio", "nc1_pinv", "nc2_gram_mse"):
        expected = getattr(oracle, name)(x @ matrix.T, y, n_classes)
        assert getattr(collapse, name)(mapped) == pytest.approx(expected, rel=1e-9, abs=0)


def test_two_classes_are_always_a_simplex():
    x, y, _ = sample((20, 6, 2))
    moments = ClassMoments.of(x, y, 2)
    for name in ("nc2_gram_mse", "nc2_etf_error", "nc2_equinorm", "nc2_equiangularity", "nc2_angle_spread", "gnc2"):
        assert getattr(collapse, name)(moments) < 1e-14
    assert collapse.gnc2(moments, statistic="mean") == pytest.approx(-np.log(2))


def test_self_dual_classifier():
    x, y, n_classes = sample((60, 12, 4))
    moments = ClassMoments.of(x, y, n_classes)
    weight = 3 * moments.centered_means()
    assert collapse.nc3_self_duality(moments, weight) < 1e-14
    assert max(collapse.nc3_self_duality_by_class(moments, weight)) < 1e-14
    assert collapse.unc3(moments, weight, cosine=True) < 1e-28
    inverse = torch.linalg.pinv(moments.centered_means()).mT
    assert collapse.nc3_etf_error(moments, inverse) < 1e-13 < collapse.nc3_self_duality(moments, inverse)
