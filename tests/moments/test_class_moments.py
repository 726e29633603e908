"""Class moments: right in every dtype, however the samples are cut, merged, mapped or spread over ranks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agop.errors import EmptyClassError, InputError
from agop.moments import ClassMoments
from moments.gloo import reduce_cases
from oracles import collapse as oracle
from processes import start_ranks


def sample(n=40, d=5, n_classes=3, seed=0, offset=0.0):
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n) % n_classes)
    return generator.normal(size=(n, d)) + labels[:, None] + offset, labels


def assert_same(moments, other, rtol=1e-12):
    assert torch.equal(moments.counts, other.counts)
    for part in ("means", "scatter_traces", "scatter"):
        ours, theirs = getattr(moments, part), getattr(other, part)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol * float(theirs.abs().max()))


def assert_right(moments, x, y, n_classes):
    assert moments.counts.tolist() == np.bincount(y, minlength=n_classes).tolist()
    np.testing.assert_allclose(moments.means, oracle.class_means(x, y, n_classes).astype(float), rtol=1e-12)
    np.testing.assert_allclose(moments.scatter_traces, oracle.scatter_traces(x, y, n_classes).astype(float), rtol=1e-12)
    if moments.scatter is not None:
        expected = oracle.within_scatter(x, y, n_classes).astype(float)
        np.testing.assert_allclose(moments.scatter, expected, rtol=1e-11, atol=1e-12)


def with_an_empty_class():
    x, y = sample(offset=3.0)
    return x[y != 1], y[y != 1]


def whole(x, y, scatter):
    return ClassMoments.of(x, y, 3, scatter=scatter)


def chunked(x, y, scatter):
    return ClassMoments.of(x, y, 3, scatter=scatter, max_memory=1)


def batches(x, y, scatter):
    total = ClassMoments.empty(3, x.shape[1])
    for rows in (slice(0, 7), slice(7, 7), slice(7, 8), slice(8, None)):  # with an empty and a last batch of one
        total = total.merge(ClassMoments.of(x[rows], y[rows], 3, scatter=scatter))
    return total


@pytest.fixture(scope="module")
def gloo(tmp_path_factory):
    """Moments by (spread of the rows over two ranks, scatter) on each rank of one gloo group."""
    folder = tmp_path_factory.mktemp("gloo")
    x, y = with_an_empty_class()
    both = np.arange(len(y)) % 3 // 2
    spreads = {"both ranks": both, "one rank without rows": np.zeros(len(y)), "rank 0 mapped": both}
    cases = {(spread, scatter): f"{spread} {scatter}" for spread in spreads for scatter in (False, True)}
    for (spread, scatter), name in cases.items():
        data = {"features": x, "labels": y, "ranks": spreads[spread], "n_classes": 3, "scatter": scatter}
        data["mapped"] = spread == "rank 0 mapped"
        np.savez(folder / f"{name}.case.npz", **data)
    start_ranks(reduce_cases, 2, folder)
    return {case: [_loaded(folder / f"{name}.case.rank{rank}.npz") for rank in (0, 1)] for case, name in cases.items()}


def test_all_reduce_keeps_what_every_rank_has(gloo):
    x, y = with_an_empty_class()
    expected = ClassMoments.of(x, y, 3, scatter=True)
    for moments in gloo["rank 0 mapped", True]:
        assert moments.scatter_traces is None
        torch.testing.assert_close(moments.scatter, expected.scatter, rtol=1e-12, atol=1e-12)
    assert gloo["rank 0 mapped", False] == [None, None]  # traces on one rank, the (d, d) scatter on the other


def _loaded(path):
    if not path.exists():
        return None
    parts = {name: torch.from_numpy(part) for name, part in np.load(path).items()}
    return ClassMoments(**{"scatter_traces": None, "scatter": None} | parts)


@pytest.mark.parametrize("scatter", [False, True])
@pytest.mark.parametrize("way", [whole, chunked, batches, "both ranks", "one rank without rows"])
def test_same_moments_however_samples_come(way, scatter, request):
    x, y = with_an_empty_class()
    found = request.getfixturevalue("gloo")[way, scatter] if isinstance(way, str) else [way(x, y, scatter)]
    for moments in found:
        assert (moments.scatter is not None) == scatter
        assert_right(moments, x, y, 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_any_dtype_counts_in_float64(dtype):
    x, y = sample()
    stored = torch.from_numpy(x).to(dtype)
    moments = ClassMoments.of(stored, y, 3, scatter=True)
    assert moments.means.dtype == moments.scatter.dtype == torch.float64
    assert_right(moments, stored.double().numpy(), y, 3)
    if dtype != torch.bfloat16:  # numpy has none
        assert_same(ClassMoments.of(stored.numpy(), y, 3, scatter=True), moments)


def test_integer_features_and_small_integer_labels():
    x, y = sample()
    pixels = np.abs(100 * x).astype(np.uint8)
    assert_right(ClassMoments.of(pixels, y.astype(np.uint8), 3), pixels, y, 3)


def test_read_only_reversed_and_foreign_arrays():
    x, y = sample()
    frozen = x.copy()
    frozen.flags.writeable = False
    expected = ClassMoments.of(x, y, 3)
    assert_same(ClassMoments.of(frozen, y, 3), expected)
    assert_same(ClassMoments.of(x[::-1], y[::-1], 3), expected)
    assert_same(ClassMoments.of(x.astype(">f8"), y, 3), expected)


def test_input_is_left_as_it_was_and_outside_the_graph():
    x, y = sample()
    features = torch.from_numpy(x).requires_grad_()
    moments = ClassMoments.of(features, y, 3)
    assert not moments.means.requires_grad
    np.testing.assert_array_equal(features.detach(), sample()[0])


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_chunks_equal_whole_at_scale(offset):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3000, 64, generator=generator) + offset
    labels = torch.randint(0, 20, (3000,), generator=generator)
    expected = ClassMoments.of(features, labels, 20, scatter=True, max_memory=2**40)
    for max_memory in (10_000, 100_000, 1_000_000):
        found = ClassMoments.of(features, labels, 20, scatter=True, max_memory=max_memory)
        assert_same(found, expected)


def test_constant_features_have_exact_moments():
    x = torch.full((1000, 3), 0.1, dtype=torch.float64)
    moments = ClassMoments.of(x, torch.arange(1000) % 7, 7, max_memory=500)
    assert torch.equal(moments.means, x[:7])
    assert not moments.scatter_traces.any()


parts = st.lists(st.tuples(st.integers(0, 2), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), max_size=6)


def moments_of(rows, scatter=True):
    x = torch.tensor([row[1:] for row in rows], dtype=torch.float64).reshape(-1, 2)
    return ClassMoments.of(x, torch.tensor([row[0] for row in rows], dtype=torch.int64), 3, scatter=scatter)


@given(parts, parts, parts)
def test_merge_is_associative_and_equals_the_whole(a, b, c):
    one, two, three = (moments_of(rows) for rows in (a, b, c))
    left, right = one.merge(two).merge(three), one.merge(two.merge(three))
    whole = moments_of([*a, *b, *c])
    for merged in (left, right):
        assert torch.equal(merged.counts, whole.counts)
        for part in ("means", "scatter_traces", "scatter"):
            torch.testing.assert_close(getattr(merged, part), getattr(whole, part), rtol=1e-10, atol=1e-8)


@given(parts, st.booleans(), st.booleans())
def test_empty_is_the_identity(rows, of_empty, of_rows):
    moments, empty = moments_of(rows, of_rows), ClassMoments.empty(3, 2, scatter=of_empty)
    for merged in (moments.merge(empty), empty.merge(moments)):
        assert torch.equal(merged.means, moments.means)
        assert torch.equal(merged.scatter_traces, moments.scatter_traces)
        assert (merged.scatter is None) == (moments.scatter is None) or not rows


def test_merge_keeps_what_both_sides_have():
    x, y = sample()
    square, traces = ClassMoments.of(x, y, 3, scatter=True), ClassMoments.of(x, y, 3)
    assert square.merge(traces).scatter is None
    mapped = square.apply(np.eye(5))
    assert mapped.merge(square).scatter_traces is None
    np.testing.assert_allclose(mapped.merge(square).scatter, 2 * square.scatter, rtol=1e-12)
    with pytest.raises(InputError, match="one kind of scatter"):
        mapped.merge(traces)
    with pytest.raises(InputError, match="same layer"):
        traces.merge(ClassMoments.empty(3, 4))


def test_all_reduce_without_a_group_is_alone():
    moments = ClassMoments.of(*sample(), 3)
    assert moments.all_reduce() is moments


def test_apply_maps_the_moments():
    x, y = sample()
    matrix = np.random.default_rng(1).normal(size=(7, 5))
    mapped = ClassMoments.of(x, y, 3, scatter=True).apply(matrix)
    direct = ClassMoments.of(x @ matrix.T, y, 3, scatter=True)
    torch.testing.assert_close(mapped.means, direct.means)
    torch.testing.assert_close(mapped.scatter, direct.scatter)
    assert mapped.scatter_trace == pytest.approx(direct.scatter_trace)
    with pytest.raises(InputError, match="each class"):
        mapped.class_traces()
    with pytest.raises(InputError, match=r"a \(d, d\) scatter"):
        ClassMoments.of(x, y, 3).apply(matrix)
    with pytest.raises(InputError, match="matrix of shape"):
        ClassMoments.of(x, y, 3, scatter=True).apply(matrix.T)
    with pytest.raises(InputError, match="finite matrix"):
        ClassMoments.of(x, y, 3, scatter=True).apply(matrix * np.nan)


@pytest.mark.parametrize("weighting", ["classes", "samples"])
def test_global_mean(weighting):
    x, y = sample(n=41, offset=50.0)
    moments = ClassMoments.of(x, y, 3)
    expected = oracle.global_mean(x, y, 3, weighting).astype(float)
    np.testing.assert_allclose(moments.global_mean(weighting), expected, rtol=1e-14)
    np.testing.assert_allclose(
        moments.centered_means(weighting), oracle.centered_means(x, y, 3, weighting).astype(float), atol=1e-12
    )


def test_between_basis_spans_the_centered_means():
    x, y = sample(n=60, d=8, n_classes=4)
    moments = ClassMoments.of(x, y, 4)
    basis, centered = moments.between_basis(), moments.centered_means()
    assert basis.shape == (8, 3)
    torch.testing.assert_close(basis.mT @ basis, torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(centered @ basis @ basis.mT, centered)


@pytest.mark.parametrize(
    ("distance", "offset", "rank"),
    [(0.1, 0, 2), (0.1, 1e3, 2), (1e-9, 0, 2), (1e-9, 1e3, 2), (1e-13, 0, 2), (0, 0, 1), (0, 1e3, 1)],
)
def test_between_basis_keeps_close_classes(distance, offset, rank):
    x = torch.tensor([[10.0, 0.0], [10.0, distance], [-10.0, 0.0]], dtype=torch.float64)
    x[:, 0] += offset
    assert ClassMoments.of(x, torch.arange(3), 3).between_basis().shape == (2, rank)


def test_between_basis_of_collinear_classes():
    line = np.array([0.3, -1.7, 0.9]) / 7
    x = np.array([1.0, 1.1, 2.3, 7.7, -0.3])[:, None] * line + 1 / 3
    assert ClassMoments.of(x, np.arange(5), 5).between_basis().shape == (3, 1)


def test_fewer_features_than_classes():
    x, y = sample(d=2, n_classes=5)
    assert ClassMoments.of(x, y, 5).between_basis().shape == (2, 2)


def test_empty_classes_are_named_or_dropped():
    x, y = sample()
    moments = ClassMoments.of(x, 2 * y, 5, scatter=True)
    with pytest.raises(EmptyClassError, match="none of class 1, 3"):
        moments.centered_means()
    assert_same(moments.drop_empty(), ClassMoments.of(x, y, 3, scatter=True))
    single = ClassMoments.of(x[:1], y[:1], 3)
    assert single.drop_empty().counts.tolist() == [1]
    with pytest.raises(EmptyClassError, match="and 10 more"):
        ClassMoments.of(x, y, 23).global_mean()


def test_no_samples_give_the_empty_value():
    moments = ClassMoments.of(torch.empty(0, 4), torch.empty(0, dtype=torch.int64), 2, scatter=True)
    assert_same(moments, ClassMoments.empty(2, 4, scatter=True))
    assert moments.n_samples == 0


@pytest.mark.parametrize(
    ("features", "labels", "n_classes", "message"),
    [
        (torch.zeros(4, 2, 2), torch.zeros(4, dtype=torch.int64), 2, "flatten"),
        (torch.zeros(4), torch.zeros(4, dtype=torch.int64), 2, r"shape \(4,\)"),
        (torch.zeros(4, 2, dtype=torch.complex64), torch.zeros(4, dtype=torch.int64), 2, "real features"),
        (np.array([["a", "b"]]), np.zeros(1, int), 2, "numpy dtype"),
        (np.zeros((2, 2), np.longdouble), np.zeros(2, int), 2, "at most 64 bits"),
        (torch.zeros(4, 2), torch.zeros(4), 2, "labels.long()"),
        (torch.zeros(4, 2), torch.zeros(4, dtype=torch.bool), 2, "integer labels"),
        (torch.zeros(4, 2), torch.zeros(4, 2), 2, "argmax"),
        (torch.zeros(4, 2), torch.zeros(4, 1, dtype=torch.int64), 2, "reshape"),
        (torch.zeros(4, 2), torch.zeros(3, dtype=torch.int64), 2, "4 labels, one a row, got 3"),
        (torch.zeros(4, 2), torch.tensor([0, 1, 2, 0]), 2, r"labels in 0 \.\. 1, got labels in 0 \.\. 2"),
        (torch.zeros(4, 2), torch.tensor([0, 1, -1, 0]), 2, r"got labels in -1 \.\. 1"),
        (torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64), 0, "one or more classes"),
        (torch.tensor([[0.0], [torch.nan]]), torch.tensor([0, 1]), 2, "finite features"),
        (torch.tensor([[0.0], [torch.inf]]), torch.tensor([0, 0]), 2, "finite features"),
        (torch.tensor([[-torch.inf], [torch.inf]]), torch.tensor([0, 1]), 2, "finite features"),
    ],
)
def test_bad_input(features, labels, n_classes, message):
    with pytest.raises(InputError, match=message):
        ClassMoments.of(features, labels, n_classes)


def test_unknown_weighting_and_one_class():
    moments = ClassMoments.of(torch.eye(2), torch.zeros(2, dtype=torch.int64), 1)
    with pytest.raises(InputError, match="'classes' or 'samples'"):
        moments.global_mean("median")
    with pytest.raises(InputError, match="two or more classes"):
        moments.centered_means()
