"""What has no value raises one clear error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import agop.collapse as collapse
from agop.errors import InputError
from agop.moments import ClassMoments

LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
X = torch.tensor([[0.0, 1.0], [0.0, 2.0], [3.0, 0.0], [4.0, 0.0], [1.0, -5.0], [2.0, -5.0]])
MOMENTS = ClassMoments.of(X, LABELS, 3, scatter=True)


def test_ratios_of_equal_class_means_are_one_and_zero():
    moments = ClassMoments.of(torch.tensor([[-1.0], [1.0]]).repeat(3, 1), LABELS, 3)
    assert collapse.within_total_ratio(moments) == 1
    assert collapse.between_total_ratio(moments) == 0


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e6 + 0.1])
def test_constant_features_are_not_collapsed(value):
    """Their scatter is the rounding of their means."""
    moments = ClassMoments.of(torch.full((61, 5), value, dtype=torch.float64), torch.arange(61) % 3, 3)
    for measure in (collapse.within_total_ratio, collapse.between_total_ratio, collapse.nc1_trace_ratio):
        with pytest.raises(InputError, match="differ"):
            measure(moments)


def test_means_that_differ_by_the_rounding_of_their_samples_are_equal():
    x = torch.randn(60, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    moments = ClassMoments.of(x, torch.arange(60) % 3, 3, scatter=True)
    x = x - moments.means[torch.arange(60) % 3]
    x[0] += torch.finfo(x.dtype).eps
    moments = ClassMoments.of(x, torch.arange(60) % 3, 3, scatter=True)
    assert moments.centered_means().any()
    for found in (moments, moments.apply(torch.eye(5))):
        with pytest.raises(InputError, match="class means"):
            collapse.nc2_gram_mse(found)
        assert collapse.within_total_ratio(found) == 1
    apart = ClassMoments.of(x + 1e-12 * torch.eye(3, 5)[torch.arange(60) % 3], torch.arange(60) % 3, 3)
    assert collapse.nc2_gram_mse(apart) < 1e-4


def test_class_mean_at_the_global_mean_has_no_angle():
    moments = ClassMoments.of(np.array([[0.1], [0.2], [0.3]]), torch.arange(3), 3)
    assert moments.centered_means()[1] != 0  # by rounding only
    with pytest.raises(InputError, match="class 1 at it"):
        collapse.nc2_gram_mse(moments)
    assert collapse.nc2_equinorm(moments) == pytest.approx(np.sqrt(0.5))


def test_two_equal_class_means():
    moments = ClassMoments.of(torch.tensor([[0.0], [1.0], [0.0]] * 2), torch.arange(3).repeat(2), 3)
    with pytest.raises(InputError, match="classes 0 and 2"):
        collapse.nc1_cdnv(moments)
    with pytest.raises(InputError, match="class directions that differ"):
        collapse.gnc2(moments)


def test_options_and_missing_scatter():
    with pytest.raises(InputError, match="'variance' or 'mean'"):
        collapse.gnc2(MOMENTS, statistic="median")
    with pytest.raises(InputError, match="scatter=True"):
        collapse.nc1_pinv(ClassMoments.of(X, LABELS, 3))
    with pytest.raises(InputError, match="each class"):
        collapse.nc1_cdnv(MOMENTS.apply(torch.eye(2)))


def test_weight_without_directions():
    with pytest.raises(InputError, match="a row of zeros"):
        collapse.nc3_self_duality_by_class(MOMENTS, torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]))
    flat = ClassMoments.of(torch.tensor([[0.0, 1.0], [0.0, 2.0]]), torch.arange(2), 2)
    with pytest.raises(InputError, match="orthogonal to all"):
        collapse.nc3_etf_error(flat, torch.tensor([[1.0, 0.0], [2.0, 0.0]]))


def test_self_duality_does_not_depend_on_the_unit_of_the_weight():
    weight = torch.randn(3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for measure in (collapse.nc3_self_duality, collapse.nc3_etf_error, collapse.nc3_self_duality_by_class):
        assert measure(MOMENTS, 1e-200 * weight) == pytest.approx(measure(MOMENTS, weight), rel=1e-12)


def test_bad_classifier_and_features():
    with pytest.raises(InputError, match=r"bias of shape \(3,\)"):
        collapse.nc4_agreement(MOMENTS, X, torch.ones(3, 2), torch.ones(2))
    with pytest.raises(InputError, match="finite bias"):
        collapse.nc4_agreement(MOMENTS, X, torch.ones(3, 2), torch.full((3,), torch.inf))
    with pytest.raises(InputError, match="features of shape"):
        collapse.nc4_agreement(MOMENTS, X[:, :1], torch.ones(3, 2))
    with pytest.raises(InputError, match="finite features"):
        collapse.nc4_agreement(MOMENTS, X * torch.nan, torch.ones(3, 2))
    with pytest.raises(InputError, match="one or more rows"):
        collapse.nc4_agreement(MOMENTS, X[:0], torch.ones(3, 2))


def test_bad_out_of_distribution_samples():
    with pytest.raises(InputError, match="out-of-distribution samples, got none"):
        collapse.nc5_orthogonality(MOMENTS, X[:0])
    with pytest.raises(InputError, match="ood_features of shape"):
        collapse.nc5_orthogonality(MOMENTS, X[:, :1])
    with pytest.raises(InputError, match="a mean at 0"):
        collapse.nc5_orthogonality(MOMENTS, torch.zeros(2, 2))
