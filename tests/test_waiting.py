"""A second team of threads sleeps during a fit, and only then."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from agop import Laplace, RFMRegressor, TreeRFMRegressor
from agop.waiting import brief_waits


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def teams():
    return sum(thread.name == "agop-brief-waits" for thread in threading.enumerate())


@pytest.mark.usefixtures("two_threads")
def test_a_team_sleeps_until_the_end_also_that_of_an_error():
    seen = []

    @brief_waits()
    def fails():
        seen.append(teams())
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fails()
    assert seen == [1]
    assert teams() == 0


def test_a_single_thread_waits_for_nobody():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with brief_waits():
            assert teams() == 0
    finally:
        torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_it_sleeps_during_a_fit_of_any_kind():
    seen = []
    X = np.random.default_rng(0).standard_normal((60, 2))
    model = RFMRegressor(
        Laplace(3.0), ridge=0.1, n_iterations=1, selection=None, callback=lambda _: seen.append(teams())
    )
    model.fit(X, X[:, 0])
    assert seen == [1, 1]
    TreeRFMRegressor(model, max_leaf_size=100, random_state=0).fit(X, X[:, 0])
    assert min(seen) >= 1
    assert teams() == 0
