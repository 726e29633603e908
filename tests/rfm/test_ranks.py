"""Recursive feature machines on 1, 2 and 3 ranks: the iterates of one process, and of the numpy recursion."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from oracles import kernels as oracles_kernels
from processes import start_ranks
from rfm.gloo_rfm import CASES, WEIGHTS, X, Y, iterates, take_iterates


@pytest.fixture(scope="module", params=[1, 2, 3], ids=lambda world: f"{world} ranks")
def ranks(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rfm")
    start_ranks(take_iterates, request.param, folder)
    return [torch.load(folder / f"rank{rank}.pt") for rank in range(request.param)]


def assert_close(got, expected, limit):
    np.testing.assert_allclose(got, expected, rtol=0, atol=limit * float(abs(expected).max()))


@pytest.mark.parametrize("given", [0, 1], ids=["", "weights"])
@pytest.mark.parametrize("name", CASES)
def test_iterates_are_those_of_one_process(ranks, name, given):
    alone = iterates(name, WEIGHTS if given else None)
    for found, _ in ranks:
        for step, expected, first in zip(found[name, given], alone, ranks[0][0][name, given], strict=True):
            (iteration, metric, coefficients, error, form), (number, matrix, values, right, plan) = step, expected
            assert (iteration, form) == (number, plan)
            assert error == pytest.approx(right, rel=1e-8)
            assert_close(coefficients, values, 1e-8)
            assert torch.equal(coefficients, first[2])
            assert (metric is None) == (matrix is None)
            if metric is not None:
                assert_close(metric, matrix, 1e-8)
                assert torch.equal(metric, first[1])


def test_iterates_are_those_of_the_definitions(ranks):
    expected = oracles_kernels.rfm("Laplace", X, Y, ridge=1e-2, n_iterations=3, bandwidth=2.0)
    for found, _ in ranks:
        for (_, metric, coefficients, *_), (matrix, values) in zip(found["full metric", 0], expected, strict=True):
            assert_close(coefficients, values, 1e-9)
            assert (metric is None) == (matrix is None)
            if metric is not None:
                assert_close(metric, matrix, 1e-9)


def test_a_solver_that_ranks_cannot_share_is_refused(ranks):
    for _, message in ranks:
        assert "expected solver='auto' or Cholesky() in a process group, got ConjugateGradient(" in message
