"""Weighted samples, equal ones merged: the same regression problem."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agop.errors import InputError
from agop.kernel_machine import fit_kernel_machine
from agop.kernels import KernelMatrix, Laplace
from agop.rfm import Samples
from oracles import kernels as oracles_kernels

VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-300, 0.1])
ROWS = st.integers(1, 3).flatmap(lambda d: st.lists(st.lists(VALUES, min_size=d, max_size=d), min_size=1, max_size=12))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(rows=ROWS, data=st.data())
def test_groups_against_a_dictionary(dtype, rows, data):
    inputs = torch.tensor(rows, dtype=dtype)
    weights = data.draw(st.lists(st.floats(0.5, 4), min_size=len(rows), max_size=len(rows)))
    targets = torch.arange(len(rows), dtype=dtype)[:, None]
    found = Samples.of(inputs, targets, torch.tensor(weights, dtype=dtype)).merged()
    groups: dict[tuple[float, ...], list[int]] = {}
    for i, row in enumerate(inputs.tolist()):
        groups.setdefault(tuple(value + 0.0 for value in row), []).append(i)
    assert torch.equal(found.inputs, inputs[[members[0] for members in groups.values()]])
    assert [found.group[i].item() for i in range(len(rows))] == [
        next(g for g, members in enumerate(groups.values()) if i in members) for i in range(len(rows))
    ]
    given_weights = torch.tensor(weights, dtype=dtype).double().numpy()
    totals = [given_weights[members].sum() for members in groups.values()]
    np.testing.assert_allclose(found.weights, totals, rtol=1e-12)
    for g, members in enumerate(groups.values()):
        mean = np.average(members, weights=given_weights[members])
        spread = np.average((np.array(members) - mean) ** 2, weights=given_weights[members])
        np.testing.assert_allclose(found.targets[g, 0], mean, rtol=1e-6)
        np.testing.assert_allclose(found.spread[g], spread, rtol=1e-9, atol=1e-20)


def test_weighted_means_of_targets():
    targets = torch.tensor([[4.0, 0.0], [7.0, 1.0], [8.0, 2.0]])
    found = Samples.of(torch.tensor([[1.0], [2.0], [1.0]]), targets, torch.tensor([1.0, 5.0, 3.0])).merged()
    assert found.targets.dtype == torch.float32
    np.testing.assert_allclose(found.targets, [[7.0, 1.5], [7.0, 1.0]])


def test_a_sample_that_equals_no_other_keeps_its_target_to_the_last_bit():
    targets, weights = torch.rand(50, 2, dtype=torch.float64), torch.rand(50) + 0.1
    samples = Samples.of(torch.rand(50, 3), targets, weights).merged()
    assert torch.equal(samples.targets, targets)
    assert not samples.spread.any()


def test_a_part_is_that_of_its_inputs():
    rng = np.random.default_rng(0)
    inputs, weights = torch.tensor(rng.integers(0, 9, (60, 1)) * 1.0), torch.tensor(rng.uniform(1, 2, 60))
    targets = torch.tensor(rng.standard_normal((60, 2)))
    whole = Samples.of(inputs, targets, weights, intercept=True).merged()
    rows = torch.tensor([5, 1, 4])
    part = whole.part(rows)
    kept = torch.isin(inputs, whole.inputs[rows]).ravel()
    again = Samples.of(inputs[kept], targets[kept], weights[kept], intercept=True).merged().sorted()
    assert torch.equal(part.inputs, whole.inputs[rows])
    for name in ("targets", "weights", "spread"):
        assert torch.equal(getattr(part, name), getattr(whole, name)[rows])
        assert torch.equal(getattr(part.sorted(), name), getattr(again, name))
    assert torch.equal(part.inputs[part.group], inputs[kept])
    assert part.intercept


def test_order_of_the_samples_is_of_no_account_once_they_are_sorted():
    rng = np.random.default_rng(0)
    inputs, targets = torch.tensor(rng.integers(0, 3, (40, 2)) * 1.0), torch.tensor(rng.standard_normal((40, 1)))
    order = torch.from_numpy(rng.permutation(40))
    one, other = (
        Samples.of(inputs, targets).merged().sorted(),
        Samples.of(inputs[order], targets[order]).merged().sorted(),
    )
    assert torch.equal(one.inputs, other.inputs)
    assert one.inputs.tolist() == sorted(one.inputs.tolist())
    torch.testing.assert_close(one.targets, other.targets)


def test_means_without_each_input_are_those_of_the_others():
    rng = np.random.default_rng(0)
    targets, weights = rng.standard_normal((9, 2)), rng.uniform(0.5, 2, 9)
    found = Samples.of(torch.rand(9, 1), torch.tensor(targets), torch.tensor(weights)).means_without()
    for i in range(9):
        kept = np.arange(9) != i
        np.testing.assert_allclose(found[i], np.average(targets[kept], axis=0, weights=weights[kept]), rtol=1e-12)
    assert not Samples.of(torch.rand(1, 1), torch.ones(1, 1)).means_without().any()


def test_as_many_targets_and_weights_as_inputs():
    x = torch.ones(3, 1)
    for targets, weights in ((x[:2], None), (x, torch.ones(4))):
        with pytest.raises(InputError, match="3 targets and weights"):
            Samples.of(x, targets, weights)


@pytest.mark.parametrize("weighted", [False, True])
def test_merged_regression_is_the_regression_on_all_samples(weighted):
    rng = np.random.default_rng(0)
    base = rng.standard_normal((12, 3))
    rows = base[rng.integers(0, 12, 40)]
    targets, weights = rng.standard_normal((40, 2)), rng.uniform(0.5, 3, 40) if weighted else np.ones(40)
    matrix = oracles_kernels.gram("Laplace", rows, rows, bandwidth=2.0)
    coefficients = oracles_kernels.ridge_coefficients(matrix, targets, 0.05, weights)
    points = rng.standard_normal((9, 3))
    expected = oracles_kernels.gram("Laplace", points, rows, bandwidth=2.0) @ coefficients

    samples = Samples.of(torch.tensor(rows), torch.tensor(targets), torch.tensor(weights) if weighted else None)
    found = samples.merged()
    assert len(found) <= 12
    fit = fit_kernel_machine(KernelMatrix(Laplace(2.0), found.inputs, 0.05 / found.weights), found.targets)
    np.testing.assert_allclose(fit.machine(torch.tensor(points)), expected, rtol=0, atol=1e-11)
