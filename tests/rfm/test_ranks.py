"""Recursive feature machines on 1, 2 and 3 ranks: the iterates of one process, and of the numpy recursion."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
import torch

from oracles import kernels as oracles_kernels
from ranks.together import assert_a_lost_rank_ends_the_others, fixture_of, saved
from rfm.gloo_rfm import (
    CASES,
    ESTIMATORS,
    TREES,
    WEIGHTS,
    X,
    Y,
    die,
    estimated,
    grown,
    iterates,
    take_iterates,
)

group = fixture_of(take_iterates, 1, 2, 3)


@pytest.fixture
def ranks(group):
    return saved(group)


@pytest.fixture
def models(group):
    return saved(group, "models")


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


@pytest.mark.filterwarnings("ignore:.*calibrat")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_are_those_of_one_process(models, name):
    first = models[0][0][name]
    expected = first if name == "no random state" else estimated(name)
    limit = 1e-3 if name == "float32" else 1e-8
    for found, *_ in models:
        for what, right in expected.items():
            value = found[name][what]
            if right is None or isinstance(right, str):
                assert value == right
            else:
                np.testing.assert_allclose(value, right, rtol=limit, atol=limit)
            np.testing.assert_array_equal(value, first[what])


def test_a_callback_on_one_rank_ends_the_iterates_of_all(models):
    for _, n_iterations, _ in models:
        assert n_iterations == (1 if len(models) > 1 else 4)


@pytest.fixture
def trees(group):
    return saved(group, "trees")


@pytest.mark.filterwarnings("ignore:.*calibrat")
@pytest.mark.parametrize("name", TREES)
def test_trees_are_those_of_one_process(trees, name):
    expected, _ = grown(name)
    for found, _ in trees:
        for what, right in expected.items():
            np.testing.assert_allclose(found[name][0][what], right, rtol=1e-10, atol=1e-12)
            np.testing.assert_array_equal(found[name][0][what], trees[0][0][name][0][what])


def test_each_rank_fits_some_of_the_leaves(trees):
    _, alone = grown("regressor")
    each = [found["regressor"][1] for found, _ in trees]
    assert sorted(chain(*each)) == sorted(alone)
    assert all(each)


def test_a_leaf_that_fails_ends_the_trees_of_all(trees):
    said = [message for _, message in trees]
    told = "RankError: expected all ranks to do their part, got an error on rank 1: ValueError: no space left."
    assert said[1:2] == ["ValueError: no space left"][: len(said) - 1]
    assert all(message.startswith(told) if len(said) > 1 else message == "nothing" for message in said[:1] + said[2:])


def test_the_clock_of_the_first_rank_counts(group):
    first, *others = saved(group, "hurried")
    for (name, early), (n_iterations, cuts, predictions) in first.items():
        assert bool(cuts) == (early == 0)
        if name == "given":
            assert n_iterations == (0 if early == 0 else 3)
        for other in others:
            assert other[name, early][:2] == (n_iterations, cuts)
            np.testing.assert_array_equal(other[name, early][2], predictions)


def test_what_ranks_cannot_share_is_refused_on_all(models):
    expected = [
        "InputError: expected ridge='0.1' on all ranks, got '1.1' on rank 1. Give all ranks the same settings.",
        "InputError: expected the same inputs on all ranks, got others on rank 1. Give all ranks the same samples.",
    ]
    for *_, messages in models:
        assert len(messages) == (2 if len(models) > 1 else 0)
        assert all(message.startswith(right) for message, right in zip(messages, expected, strict=False))


def test_a_rank_that_is_lost_ends_the_others(tmp_path):
    assert_a_lost_rank_ends_the_others(die, tmp_path)
