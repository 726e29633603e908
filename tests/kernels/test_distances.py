"""Euclidean distances: right where samples nearly coincide, at every size and offset."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from agop.chunks import BLOCK
from agop.kernels import euclidean_distances
from oracles import kernels as oracles_kernels

DTYPES = [torch.float32, torch.float64]


def unit_rows(n, d, seed=0):
    rows = np.random.default_rng(seed).standard_normal((n, d))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def partners(rows, gap, seed=1):
    """Points ``gap`` away from each row, at a right angle to it."""
    steps = np.random.default_rng(seed).standard_normal(rows.shape)
    steps -= rows * (rows * steps).sum(1, keepdims=True)
    return rows + gap * steps / np.linalg.norm(steps, axis=1, keepdims=True)


def pair_error(distances, x, z):
    """Largest relative error of distances[i, i] against differences of the stored coordinates in float64."""
    truth = (x.double() - z.double()).norm(dim=1)
    return ((distances.diagonal().double() - truth).abs() / truth).max().item()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 7, BLOCK, BLOCK + 3])
def test_every_pair_against_the_oracle(dtype, n):
    x = torch.tensor(unit_rows(n, 5), dtype=dtype)
    z = torch.tensor(unit_rows(11, 5, seed=2), dtype=dtype)
    got = euclidean_distances(x, z)
    rows = [0, n // 2, n - 1]
    truth = [[oracles_kernels.distance(x[i].numpy(), row.numpy()) for row in z] for i in rows]
    assert got.dtype == dtype
    np.testing.assert_allclose(got[rows], truth, rtol=1e-4 if dtype == torch.float32 else 1e-10)


@pytest.mark.parametrize("d", [3, 8, 64, 784, 1024])
def test_float32_pairs_1e_4_apart_on_unit_norm_rows(d):
    rows = unit_rows(700, d)
    x = torch.tensor(np.concatenate([rows, partners(rows, 1e-4)])).float()
    pairs = euclidean_distances(x)[: len(rows), len(rows) :]
    assert pair_error(pairs, x[:700], x[700:]) < 1e-4


@pytest.mark.parametrize("gap", [1e-3, 1e-2, 0.03, 0.045, 0.06, 0.1, 0.3])
def test_float32_pairs_on_both_sides_of_the_switch_to_float64(gap):
    rows = unit_rows(300, 1024)
    x, z = torch.tensor(rows).float(), torch.tensor(partners(rows, gap)).float()
    assert pair_error(euclidean_distances(x, z), x, z) < 3e-4


@pytest.mark.parametrize("d", [3, 64, 1024])
@pytest.mark.parametrize(
    ("gap", "limit"), [(1e-9, 1e-6), (1e-7, 1e-8), (1e-6, 1e-8), (1e-5, 1e-8), (1e-4, 2e-7), (1e-2, 1e-8)]
)
def test_float64_pairs(d, gap, limit):
    rows = torch.tensor(unit_rows(200, d))
    near = torch.tensor(partners(rows.numpy(), gap))
    assert pair_error(euclidean_distances(rows, near), rows, near) < limit


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_equal_rows_have_distance_zero_also_across_blocks(dtype, offset):
    rows = torch.tensor(unit_rows(BLOCK // 2 + 10, 6) + offset, dtype=dtype)
    twice = torch.cat([rows, rows])
    distances = euclidean_distances(twice)
    assert (distances.diagonal() == 0).all()
    assert (distances[: len(rows), len(rows) :].diagonal() == 0).all()
    assert (euclidean_distances(rows, rows.clone()).diagonal() == 0).all()
    assert (distances > 0).sum() == len(twice) * (len(twice) - 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [300, BLOCK + 50])
def test_exactly_symmetric_without_centers(dtype, n):
    x = torch.tensor(unit_rows(n, 7), dtype=dtype)
    distances = euclidean_distances(x)
    assert (distances - distances.mT).abs().max().item() == 0


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
def test_an_offset_common_to_all_rows_costs_nothing(dtype, limit):
    x = torch.tensor(unit_rows(60, 9) + 100, dtype=dtype)
    truth = torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist")
    off_diagonal = ~torch.eye(60, dtype=torch.bool)
    errors = (euclidean_distances(x).double() - truth).abs()[off_diagonal] / truth[off_diagonal]
    assert errors.max().item() < limit


@pytest.mark.parametrize("dtype", DTYPES)
def test_tight_clusters_far_apart(dtype):
    """Within-cluster distances 1e-3 at cluster means of norm 1: no shift helps all clusters at once."""
    means = unit_rows(5, 64)
    x = torch.tensor(means[np.arange(300) % 5] + 1e-3 * unit_rows(300, 64, seed=3), dtype=dtype)
    truth = torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist")
    off_diagonal = ~torch.eye(300, dtype=torch.bool)
    errors = (euclidean_distances(x).double() - truth).abs()[off_diagonal] / truth[off_diagonal]
    assert errors.max().item() < (1e-4 if dtype == torch.float32 else 1e-8)


@pytest.mark.parametrize("dtype", DTYPES)
def test_inputs_are_left_as_they_were(dtype):
    x = torch.tensor(unit_rows(20, 3), dtype=dtype)
    before = x.clone()
    euclidean_distances(x)
    euclidean_distances(x, x[:5])
    assert torch.equal(x, before)


COORDINATES = st.one_of(st.just(0.0), st.floats(2**-10, 1024, width=32), st.floats(-1024, -(2**-10), width=32))
ROWS = st.tuples(st.integers(1, 6), st.integers(1, 4)).flatmap(
    lambda shape: arrays.arrays(np.float32, shape, elements=COORDINATES)
)


@pytest.mark.parametrize("dtype", DTYPES)
@given(rows=ROWS)
def test_any_rows(dtype, rows):
    x = torch.from_numpy(rows).to(dtype)
    got = euclidean_distances(x).double().numpy()
    truth = np.array([[oracles_kernels.distance(a, b) for b in rows] for a in rows])
    radius = truth.max()
    slack = 4 * torch.finfo(dtype).eps * radius
    assert (abs(got - truth) <= 1e-4 * truth + slack).all()
    assert (got[truth == 0] == 0).all()
