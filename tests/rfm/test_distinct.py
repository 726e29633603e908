"""Equal rows, merged with summed weights: the same regression problem."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agop.kernel_machine import fit_kernel_machine
from agop.kernels import Laplace
from agop.rfm.distinct import distinct_rows
from oracles import kernels as oracles_kernels

VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-300, 0.1])
ROWS = st.integers(1, 3).flatmap(lambda d: st.lists(st.lists(VALUES, min_size=d, max_size=d), min_size=1, max_size=12))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(rows=ROWS, data=st.data())
def test_groups_against_a_dictionary(dtype, rows, data):
    inputs = torch.tensor(rows, dtype=dtype)
    weights = data.draw(st.lists(st.floats(0.5, 4), min_size=len(rows), max_size=len(rows)))
    found = distinct_rows(inputs, torch.tensor(weights, dtype=dtype))
    groups: dict[tuple[float, ...], list[int]] = {}
    for i, row in enumerate(inputs.tolist()):
        groups.setdefault(tuple(value + 0.0 for value in row), []).append(i)
    assert found.index.tolist() == [members[0] for members in groups.values()]
    assert [found.group[i].item() for i in range(len(rows))] == [
        next(g for g, members in enumerate(groups.values()) if i in members) for i in range(len(rows))
    ]
    assert torch.equal(inputs[found.index][found.group], inputs)
    expected = [sum(torch.tensor(weights, dtype=dtype)[m].item() for m in members) for members in groups.values()]
    np.testing.assert_allclose(found.total_weights, expected, rtol=1e-12)


def test_weighted_means_of_targets():
    found = distinct_rows(torch.tensor([[1.0], [2.0], [1.0]]), torch.tensor([1.0, 5.0, 3.0]))
    targets = torch.tensor([[4.0, 0.0], [7.0, 1.0], [8.0, 2.0]])
    means = found.mean(targets)
    assert means.dtype == torch.float32
    np.testing.assert_allclose(means, [[7.0, 1.5], [7.0, 1.0]])


def test_a_part_is_that_of_its_rows():
    rng = np.random.default_rng(0)
    rows, weights = torch.tensor(rng.integers(0, 9, (60, 1)) * 1.0), torch.tensor(rng.uniform(1, 2, 60))
    whole = distinct_rows(rows, weights)
    groups = torch.tensor([1, 4, 5])
    kept, part = whole.part(groups)
    wanted = set(rows[whole.index[groups]].ravel().tolist())
    assert kept.tolist() == [i for i in range(60) if rows[i].item() in wanted]
    again = distinct_rows(rows[kept], weights[kept])
    for name in ("index", "group", "weights"):
        assert torch.equal(getattr(part, name), getattr(again, name))


def test_rows_that_differ_in_the_last_bit_stay_apart():
    x = torch.tensor([[1.0], [np.nextafter(np.float32(1), np.float32(2))]], dtype=torch.float32)
    assert len(distinct_rows(x).index) == 2


def test_rows_of_a_strided_view():
    x = torch.arange(12.0).reshape(3, 4)[:, ::2]
    assert distinct_rows(torch.cat([x, x])).index.tolist() == [0, 1, 2]
    assert distinct_rows(torch.tensor([[1.0, 2.0], [1.0, 3.0]])[:, :1]).index.tolist() == [0]


@pytest.mark.parametrize("weighted", [False, True])
def test_merged_regression_is_the_regression_on_all_rows(weighted):
    rng = np.random.default_rng(0)
    base = rng.standard_normal((12, 3))
    rows = base[rng.integers(0, 12, 40)]
    targets, weights = rng.standard_normal((40, 2)), rng.uniform(0.5, 3, 40) if weighted else np.ones(40)
    matrix = oracles_kernels.gram("Laplace", rows, rows, bandwidth=2.0)
    coefficients = oracles_kernels.ridge_coefficients(matrix, targets, 0.05, weights)
    points = rng.standard_normal((9, 3))
    expected = oracles_kernels.gram("Laplace", points, rows, bandwidth=2.0) @ coefficients

    x = torch.tensor(rows)
    found = distinct_rows(x, torch.tensor(weights) if weighted else None)
    assert len(found.index) <= 12
    fit = fit_kernel_machine(
        Laplace(2.0), x[found.index], found.mean(torch.tensor(targets)), ridge=0.05, weights=found.total_weights
    )
    np.testing.assert_allclose(fit.machine(torch.tensor(points)), expected, rtol=0, atol=1e-11)
