"""Splits at medians of projections, and shares of the leaves that add up to a continuous function."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.rfm.splits import Split, grow_tree, principal_direction, route

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 3))


def random_direction(seed):
    rng = np.random.default_rng(seed)
    return lambda rows: torch.from_numpy(rng.standard_normal(3))


def grown(overlap, max_leaf_size=30, seed=0):
    return grow_tree(torch.from_numpy(X), random_direction(seed), max_leaf_size=max_leaf_size, overlap=overlap)


def shares_by_hand(tree, point):
    """{leaf: share} of one point, by walking down."""
    if isinstance(tree, int):
        return {tree: 1.0}
    t = float(np.dot(tree.direction.numpy(), point))
    if tree.low == tree.high:
        above = float(t > tree.low)
    else:
        above = min(1.0, max(0.0, (t - tree.low) / (tree.high - tree.low)))
    shares = {}
    for child, share in ((tree.below, 1 - above), (tree.above, above)):
        if share > 0:
            shares |= {leaf: share * inner for leaf, inner in shares_by_hand(child, point).items()}
    return shares


def splits(tree):
    return [] if isinstance(tree, int) else [tree, *splits(tree.below), *splits(tree.above)]


@pytest.mark.parametrize("overlap", [0.0, 0.05, 0.2])
def test_shares_against_a_walk(overlap):
    tree, leaves = grown(overlap)
    points = 2 * np.random.default_rng(1).standard_normal((50, 3))
    expected = np.zeros((50, len(leaves)))
    for i, point in enumerate(points):
        for leaf, share in shares_by_hand(tree, point).items():
            expected[i, leaf] = share
    got = np.zeros((50, len(leaves)))
    for leaf, rows, shares in route(tree, torch.from_numpy(points)):
        assert len(rows)
        assert (shares > 0).all()
        assert shares.dtype == torch.float64
        got[rows.numpy(), leaf] = shares
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(got.sum(1), 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("overlap", [0.0, 0.05, 0.2])
def test_leaves_hold_the_samples_they_have_a_share_in(overlap):
    tree, leaves = grown(overlap)
    routed = {leaf: rows.tolist() for leaf, rows, _ in route(tree, torch.from_numpy(X))}
    for number, rows in enumerate(leaves):
        assert 1 <= len(rows) <= 30
        if overlap:  # the ends of a band are samples, whose shares of zero are sharp to rounding only
            assert len(set(rows.tolist()) ^ set(routed[number])) <= 4
        else:
            assert rows.tolist() == routed[number]
    assert set(itertools.chain(*(rows.tolist() for rows in leaves))) == set(range(200))


def test_hard_splits_halve():
    tree, leaves = grown(0.0, max_leaf_size=25)
    assert [len(rows) for rows in leaves] == [25] * 8
    root = np.sort(X @ tree.direction.numpy())
    assert root[99] < tree.low == tree.high < root[100]


def test_the_band_holds_a_share_of_the_samples_on_each_side():
    tree, leaves = grown(0.1, max_leaf_size=120)
    ordered = np.sort(X @ tree.direction.numpy())
    np.testing.assert_allclose([tree.low, tree.high], ordered[[99 - 20, 100 + 20]], rtol=1e-12)
    assert [len(rows) for rows in leaves] == [120, 120]


def test_shares_are_continuous():
    """Along a line that crosses the first split."""
    tree, leaves = grown(0.1)
    places = X @ splits(tree)[0].direction.numpy()
    start, end = torch.from_numpy(X[places.argmin()]), torch.from_numpy(X[places.argmax()])
    line = start + torch.linspace(0, 1, 4001, dtype=torch.float64)[:, None] * (end - start)
    shares = torch.zeros(4001, len(leaves), dtype=torch.float64)
    for leaf, rows, share in route(tree, line):
        shares[rows, leaf] = share
    steepest = max(split.direction.norm().item() / (split.high - split.low) for split in splits(tree))
    step = (end - start).norm().item() / 4000
    assert shares.diff(dim=0).abs().max() <= 4 * steepest * step  # at most four levels
    assert (shares.diff(dim=0) != 0).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ties_go_the_same_way(dtype):
    """Nine tenths of the samples are tied: the split is where they end, and nothing lies in between."""
    x = torch.cat([torch.zeros(90, 1), torch.ones(10, 1)]).to(dtype)
    for overlap in (0.0, 0.25):
        tree, leaves = grow_tree(x, lambda rows: torch.ones(1), max_leaf_size=20, overlap=overlap)
        assert [len(rows) for rows in leaves] == [90, 10]
        assert 0 <= tree.low <= tree.high <= 1


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_equal_projections_are_a_leaf(offset):
    same = offset + torch.full((50, 3), 0.1, dtype=torch.float64)
    nearly = same * (1 + 1e-16 * torch.rand(50, 3, generator=torch.Generator().manual_seed(0)).double())
    for x in (same, nearly):
        tree, leaves = grow_tree(x, random_direction(0), max_leaf_size=10, overlap=0.1)
        assert tree == 0
        assert leaves[0].tolist() == list(range(50))


def test_no_direction_is_a_leaf():
    asked = []
    tree, leaves = grow_tree(torch.from_numpy(X), lambda rows: asked.append(rows), max_leaf_size=10)
    assert (tree, len(leaves[0]), len(asked)) == (0, 200, 1)
    tree, leaves = grow_tree(torch.from_numpy(X), lambda rows: asked.append(rows), max_leaf_size=200)
    assert (tree, len(leaves[0]), len(asked)) == (0, 200, 1)


def test_children_always_shrink():
    """Even with almost everything in the band, and leaves of one sample."""
    _, leaves = grow_tree(torch.from_numpy(X[:12]), random_direction(3), max_leaf_size=1, overlap=0.25)
    assert {len(rows) for rows in leaves} == {1}
    assert {rows.item() for rows in leaves} == set(range(12))


def test_routes_without_points():
    tree, _ = grown(0.1)
    assert list(route(tree, torch.empty(0, 3))) == []
    ((leaf, rows, shares),) = route(0, torch.zeros(2, 3))
    assert (leaf, rows.tolist(), shares.tolist()) == (0, [0, 1], [1, 1])


def test_hard_split_on_its_threshold():
    split = Split(torch.ones(1, dtype=torch.float64), 0.5, 0.5, 0, 1)
    assert split.share_above(torch.tensor([[0.5], [0.5000001]])).tolist() == [0, 1]


def test_principal_direction():
    factor = RNG.standard_normal((4, 5))
    matrix = factor.T @ factor
    leading = np.linalg.eigh(matrix)[1][:, -1]
    leading *= np.sign(leading[abs(leading).argmax()])
    np.testing.assert_allclose(principal_direction(torch.from_numpy(matrix)), leading, rtol=0, atol=1e-10)
    assert principal_direction(torch.zeros(3, 3)) is None
    with pytest.raises(InputError, match="finite"):
        principal_direction(torch.full((2, 2), torch.nan))
