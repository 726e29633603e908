"""What has no value raises one clear error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import agop.collapse as collapse
from agop.errors import EmptyClassError, InputError
from agop.moments import ClassMoments

LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
X = torch.tensor([[0.0, 1.0], [0.0, 2.0], [3.0, 0.0], [4.0, 0.0], [1.0, -5.0], [2.0, -5.0]])
MOMENTS = ClassMoments.of(X, LABELS, 3, scatter=True)
ALL = sorted(set(collapse.__all__) - {"Collapse", "moments_from_gram"})
PLAIN = [name for name in ALL if not name.endswith("_from_gram") and not name.startswith(("nc3", "unc3", "nc4", "nc5"))]
NEEDS_TRACE = ["nc1_trace_ratio", "nc1_pinv", "nc1_cdnv", "nc2_gram_mse", "nc2_etf_error", "nc2_equinorm", "gnc2"]


def test_every_measure_has_a_twin():
    measures = {name for name in ALL if not name.endswith("_from_gram")}
    assert {f"{name}_from_gram" for name in measures} == set(ALL) - measures


@pytest.mark.parametrize("name", PLAIN)
def test_missing_and_single_class(name):
    measure, of_gram = getattr(collapse, name), getattr(collapse, f"{name}_from_gram")
    with pytest.raises(EmptyClassError, match="none of class 3"):
        measure(ClassMoments.of(X, LABELS, 4, scatter=True))
    with pytest.raises(EmptyClassError, match="none of class 3"):
        of_gram(X @ X.mT, LABELS, 4)
    with pytest.raises(InputError, match="two or more classes"):
        measure(ClassMoments.of(X, 0 * LABELS, 1, scatter=True))
    with pytest.raises(InputError, match="two or more classes"):
        of_gram(X @ X.mT, 0 * LABELS)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
@pytest.mark.parametrize("name", PLAIN)
def test_constant_features(name, value):
    constant = torch.full((6, 2), value)
    with pytest.raises(InputError, match=r"differ|global mean"):
        getattr(collapse, name)(ClassMoments.of(constant, LABELS, 3, scatter=True))


@pytest.mark.parametrize("name", NEEDS_TRACE)
def test_equal_class_means(name):
    rows = np.random.default_rng(0).normal(size=(7, 2)) + 0.1
    spread = np.concatenate([rows, rows[::-1], rows[[3, 1, 0, 2, 6, 5, 4]]])  # equal up to rounding
    moments = ClassMoments.of(spread, np.arange(3).repeat(7), 3, scatter=True)
    assert not torch.equal(moments.means[0], moments.means[1])
    with pytest.raises(InputError, match=r"differ|global mean"):
        getattr(collapse, name)(moments)


def test_ratios_of_equal_class_means_are_one_and_zero():
    moments = ClassMoments.of(torch.tensor([[-1.0], [1.0]]).repeat(3, 1), LABELS, 3)
    assert collapse.within_total_ratio(moments) == 1
    assert collapse.between_total_ratio(moments) == 0


def test_class_mean_at_the_global_mean_has_no_angle():
    moments = ClassMoments.of(np.array([[0.1], [0.2], [0.3]]), torch.arange(3), 3)
    assert moments.centred_means()[1] != 0  # by rounding only
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


@pytest.mark.parametrize("name", ["nc3_self_duality", "nc3_self_duality_by_class", "nc3_etf_error", "unc3"])
def test_bad_weight(name):
    measure = getattr(collapse, name)
    with pytest.raises(InputError, match=r"weight of shape \(3, 2\)"):
        measure(MOMENTS, torch.ones(2, 3))
    with pytest.raises(InputError, match="finite weight"):
        measure(MOMENTS, torch.full((3, 2), torch.nan))
    with pytest.raises(InputError, match="zeros"):
        measure(MOMENTS, torch.zeros(3, 2))


def test_weight_without_directions():
    with pytest.raises(InputError, match="a row of zeros"):
        collapse.nc3_self_duality_by_class(MOMENTS, torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]))
    flat = ClassMoments.of(torch.tensor([[0.0, 1.0], [0.0, 2.0]]), torch.arange(2), 2)
    with pytest.raises(InputError, match="orthogonal to all"):
        collapse.nc3_etf_error(flat, torch.tensor([[1.0, 0.0], [2.0, 0.0]]))


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


@pytest.mark.parametrize(
    ("gram", "message"),
    [
        (torch.ones(6, 5), r"a Gram matrix \(n, n\)"),
        (torch.empty(0, 0), r"a Gram matrix \(n, n\)"),
        (torch.ones(5, 5), "5 labels"),
        (torch.full((6, 6), torch.nan), "finite"),
        (-(X @ X.mT), "positive semi-definite"),
        (X @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]]) @ X.mT, "positive semi-definite"),
        (torch.ones(6, 6), "differ"),
    ],
)
def test_bad_gram(gram, message):
    labels = LABELS[: len(gram)] if len(gram) == 0 else LABELS
    with pytest.raises(InputError, match=message):
        collapse.nc1_trace_ratio_from_gram(gram, labels)


def test_bad_companions_of_a_gram():
    gram = X @ X.mT
    with pytest.raises(InputError, match=r"coefficients of shape \(6, d\)"):
        collapse.unc3_from_gram(gram, LABELS, torch.ones(5, 3))
    with pytest.raises(InputError, match="finite coefficients"):
        collapse.unc3_from_gram(gram, LABELS, torch.full((6, 3), torch.nan))
    with pytest.raises(InputError, match=r"scores of shape \(6, d\)"):
        collapse.nc4_agreement_from_gram(gram, LABELS, torch.ones(5, 3))
    with pytest.raises(InputError, match="finite scores"):
        collapse.nc4_agreement_from_gram(gram, LABELS, torch.full((6, 3), torch.nan))
    with pytest.raises(InputError, match=r"cross_gram of shape \(6, 2\)"):
        collapse.nc5_orthogonality_from_gram(gram, LABELS, torch.ones(6, 3), torch.eye(2))
    with pytest.raises(InputError, match=r"labels from 0 on"):
        collapse.nc1_cdnv_from_gram(gram, LABELS - 1)


@pytest.mark.parametrize("name", ["nc1_trace_ratio", "within_total_ratio", "between_total_ratio", "nc1_cdnv"])
def test_no_samples_at_all(name):
    with pytest.raises(EmptyClassError):
        getattr(collapse, name)(ClassMoments.empty(3, 2))
