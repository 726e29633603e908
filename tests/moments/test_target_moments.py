"""Moments of features and targets: right in every dtype, however the samples are cut, merged, mapped or spread."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from agop.errors import InputError
from agop.moments import TargetMoments
from moments.gloo import reduce_targets
from processes import start_ranks


def sample(n=40, d=5, t=2, offset=0.0):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, d)) + offset
    return x, x[:, :t] - 3 * offset + 0.5 * generator.normal(size=(n, t))


def scatters(x, y):
    """Scatter of features, of both and of targets, one product at a time in extended precision."""
    dx, dy = (np.asarray(rows, np.longdouble) - np.asarray(rows, np.longdouble).mean(0) for rows in (x, y))

    def products(a, b):
        return np.array([[(u * v).sum() for v in b.T] for u in a.T], float)

    return products(dx, dx), products(dx, dy), products(dy, dy)


def assert_right(moments, x, y, rtol=1e-11):
    assert moments.count == len(x)
    np.testing.assert_allclose(moments.feature_mean, np.asarray(x, np.longdouble).mean(0).astype(float), rtol=1e-12)
    np.testing.assert_allclose(moments.target_mean, np.asarray(y, np.longdouble).mean(0).astype(float), rtol=1e-12)
    for found, expected in zip((moments.scatter, moments.cross, moments.target_scatter), scatters(x, y), strict=True):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


def whole(x, y):
    return TargetMoments.of(x, y)


def chunked(x, y):
    return TargetMoments.of(x, y, max_memory=1)


def batches(x, y):
    cuts = (slice(0, 7), slice(7, 7), slice(7, 8), slice(8, None))  # with an empty and a batch of one
    return reduce(TargetMoments.merge, (TargetMoments.of(x[rows], y[rows]) for rows in cuts))


@pytest.fixture(scope="module")
def gloo(tmp_path_factory):
    """Moments by spread of the rows over two ranks, on each rank of one gloo group."""
    folder = tmp_path_factory.mktemp("gloo")
    x, y = sample(offset=50.0)
    spreads = {"both ranks": np.arange(len(y)) % 3 // 2, "one rank without rows": np.zeros(len(y))}
    for name, ranks in spreads.items():
        np.savez(folder / f"{name}.case.npz", features=x, targets=y, ranks=ranks)
    np.savez(folder / "no rows.case.npz", features=x, targets=y, ranks=np.full(len(y), 9))
    start_ranks(reduce_targets, 2, folder)
    return {
        name: [_loaded(folder / f"{name}.case.rank{rank}.npz") for rank in (0, 1)] for name in (*spreads, "no rows")
    }


def _loaded(path):
    parts = np.load(path)
    tensors = (torch.from_numpy(parts[name]) for name in ("mean", "joint_scatter"))
    return TargetMoments(int(parts["count"]), *tensors, int(parts["n_targets"]))


@pytest.mark.parametrize("way", [whole, chunked, batches, "both ranks", "one rank without rows"])
def test_same_moments_however_samples_come(way, request):
    x, y = sample(offset=50.0)
    for moments in request.getfixturevalue("gloo")[way] if isinstance(way, str) else [way(x, y)]:
        assert_right(moments, x, y)


def test_ranks_without_any_rows(gloo):
    for moments in gloo["no rows"]:
        assert moments.count == 0
        assert not moments.joint_scatter.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_any_dtype_counts_in_float64(dtype):
    x, y = (torch.from_numpy(rows).to(dtype) for rows in sample(offset=3.0))
    assert_right(TargetMoments.of(x, y), x.double().numpy(), y.double().numpy())


def test_one_target_as_a_vector_and_integers():
    x, y = sample()
    assert_right(TargetMoments.of(x, y[:, 0]), x, y[:, :1])
    counts = (10 * y).astype(np.int32)
    assert_right(TargetMoments.of(x, counts), x, counts)


def test_a_spread_far_from_the_origin_keeps_its_digits():
    x, y = sample()
    far = TargetMoments.of(1e-3 * x + 2.0**20, y, max_memory=2000)
    assert_right(far, 1e-3 * x + 2.0**20, y, rtol=1e-6)
    same = TargetMoments.of(np.full((100, 3), 0.1), np.full(100, 7.7), max_memory=500)
    assert not same.joint_scatter.any()


rows_of_three = st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 3), max_size=6)


def moments_of(rows):
    rows = torch.tensor(rows, dtype=torch.float64).reshape(-1, 3)
    return TargetMoments.of(rows[:, :2], rows[:, 2])


@given(rows_of_three, rows_of_three, rows_of_three)
def test_merge_is_associative_and_equals_the_whole(a, b, c):
    one, two, three = map(moments_of, (a, b, c))
    expected = moments_of([*a, *b, *c])
    for merged in (one.merge(two).merge(three), one.merge(two.merge(three))):
        assert merged.count == expected.count
        torch.testing.assert_close(merged.mean, expected.mean, rtol=1e-10, atol=1e-8)
        torch.testing.assert_close(merged.joint_scatter, expected.joint_scatter, rtol=1e-10, atol=1e-8)


def test_empty_is_the_identity():
    moments, empty = TargetMoments.of(*sample()), TargetMoments.empty(5, 2)
    assert moments.merge(empty) is moments
    assert empty.merge(moments) is moments
    none = TargetMoments.of(torch.empty(0, 5), torch.empty(0, 2))
    assert none.count == empty.merge(none).count == 0


def test_apply_maps_the_features_alone():
    x, y = sample(offset=2.0)
    matrix = np.random.default_rng(1).normal(size=(7, 5))
    assert_right(TargetMoments.of(x, y).apply(matrix), x @ matrix.T, y)


def test_a_batch_does_not_wait_for_its_device():
    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            assert function.overloadpacket.__name__ not in ("_local_scalar_dense", "nonzero"), function
            return function(*args, **(kwargs or {}))

    x, y = (torch.from_numpy(rows) for rows in sample())
    with Watch():
        merged = TargetMoments.of_rows(x[:9].float(), y[:9]).merge(TargetMoments.of_rows(x[9:].float(), y[9:]))
    assert_right(merged, x.float().double().numpy(), y.numpy())


def test_input_is_left_as_it_was_and_outside_the_graph():
    x, y = sample()
    features = torch.from_numpy(x.copy()).requires_grad_()
    assert not TargetMoments.of(features, y).mean.requires_grad
    TargetMoments.of_rows(features.detach(), torch.from_numpy(y))
    np.testing.assert_array_equal(features.detach(), x)


def test_alone_without_a_group():
    moments = TargetMoments.of(*sample())
    assert moments.all_reduce() is moments
    assert moments.to("cpu").count == moments.count


def test_bad_input():
    x, y = sample()
    with pytest.raises(InputError, match="40 targets, one a row, got 39"):
        TargetMoments.of(x, y[:-1])
    with pytest.raises(InputError, match="one target or more"):
        TargetMoments.of(x, y[:, :0])
    with pytest.raises(InputError, match="features of shape"):
        TargetMoments.of(x[:, 0], y)
    with pytest.raises(InputError, match="finite features"):
        TargetMoments.of(np.where(x == x[3, 3], np.nan, x), y)
    with pytest.raises(InputError, match="finite targets"):
        TargetMoments.of(x, np.where(y == y[3, 1], np.inf, y))
    with pytest.raises(InputError, match=r"\(5, 2\) \(features, targets\), got \(4, 2\)"):
        TargetMoments.of(x, y).merge(TargetMoments.empty(4, 2))
    with pytest.raises(InputError, match="matrix of shape"):
        TargetMoments.of(x, y).apply(np.eye(7))
    with pytest.raises(InputError, match="finite matrix"):
        TargetMoments.of(x, y).apply(np.full((5, 5), np.inf))
