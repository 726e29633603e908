"""Outer products of gradients as values that merge."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agop.errors import InputError
from agop.outer_product import OuterProduct


def jacobians(n, outputs=3, d=4, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal((n, outputs, d)))


def slow_mean(rows):
    total = np.zeros((rows.shape[2],) * 2)
    for sample in rows.numpy():
        for gradient in sample:
            total += np.outer(gradient, gradient)
    return total / len(rows)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_mean_over_samples_and_sum_over_outputs(dtype):
    rows = jacobians(20).to(dtype)
    mean = OuterProduct.of(rows).mean()
    assert mean.dtype == torch.float64
    np.testing.assert_allclose(mean, slow_mean(rows.double()), rtol=0, atol=1e-12)


def test_gradients_of_one_output():
    rows = jacobians(7, outputs=1)
    one, many = OuterProduct.of(rows[:, 0]), OuterProduct.of(rows)
    assert one.count == many.count == 7
    torch.testing.assert_close(one.total, many.total)


@given(cuts=st.lists(st.integers(0, 20), max_size=4), seed=st.integers(0, 99))
def test_any_split_merges_to_the_whole(cuts, seed):
    rows = jacobians(20, seed=seed)
    bounds = [0, *sorted(cuts), 20]
    parts = [OuterProduct.of(rows[a:b]) for a, b in itertools.pairwise(bounds)]
    left = right = OuterProduct.empty(4)
    for part in parts:
        left = left.merge(part)
    for part in reversed(parts):
        right = part.merge(right)
    whole = OuterProduct.of(rows)
    for value in (left, right):
        assert value.count == whole.count
        torch.testing.assert_close(value.total, whole.total, rtol=0, atol=1e-12)


def test_empty_is_the_identity():
    whole = OuterProduct.of(jacobians(5))
    for merged in (whole.merge(OuterProduct.empty(4)), OuterProduct.empty(4).merge(whole)):
        assert merged.count == 5
        assert torch.equal(merged.total, whole.total)


def test_mean_of_nothing_is_refused():
    with pytest.raises(InputError, match="at least one sample"):
        OuterProduct.empty(3).mean()
    with pytest.raises(InputError, match="at least one sample"):
        OuterProduct.of(torch.empty(0, 2, 3)).mean()


def test_other_features_are_refused():
    with pytest.raises(InputError, match="4 features, got 3"):
        OuterProduct.empty(4).merge(OuterProduct.empty(3))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_gradients_that_are_not_finite_are_refused(bad):
    rows = jacobians(3)
    rows[1, 0, 2] = bad
    with pytest.raises(InputError, match="finite gradients"):
        OuterProduct.of(rows)


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2, 2), ()])
def test_gradients_with_other_axes_are_refused(shape):
    with pytest.raises(InputError, match=r"\(n, d\) or \(n, C, d\)"):
        OuterProduct.of(torch.ones(shape))
