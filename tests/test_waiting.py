"""A second team of threads sleeps during a fit while other processes want the cores, and only then."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

from agop import Laplace, RFMRegressor, TreeRFMRegressor
from agop.waiting import brief_waits, one_thread


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def teams():
    return sum(thread.name == "agop-second-team" for thread in threading.enumerate())


def soon(condition):
    """Whether a condition holds within some seconds."""
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@pytest.fixture
def waits(monkeypatch, tmp_path):
    """Threads that wait for a core all the time, or never, as the system says it in files."""
    (tmp_path / "1").mkdir()

    def say(crowded):
        clock = time.monotonic if crowded else lambda: 0.0

        class File(type(tmp_path)):
            def read_text(self):
                return f"{int(1e9 * time.monotonic())} {int(1e9 * clock())} 1"

        (tmp_path / "1" / "schedstat").touch()
        monkeypatch.setattr("agop.waiting._TASKS", File(tmp_path))

    return say


@pytest.mark.usefixtures("two_threads")
def test_a_team_sleeps_while_others_have_the_cores_and_until_the_end_also_that_of_an_error(waits):
    waits(crowded=True)
    seen = []

    @brief_waits()
    def fails():
        seen.append(soon(lambda: teams() == 1))
        waits(crowded=False)
        seen.append(soon(lambda: teams() == 0))
        waits(crowded=True)
        seen.append(soon(lambda: teams() == 1))
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fails()
    assert seen == [True, True, True]
    assert teams() == 0


@pytest.mark.usefixtures("two_threads")
def test_nobody_sleeps_where_the_cores_are_free(waits):
    waits(crowded=False)
    with brief_waits():
        time.sleep(0.2)
        assert teams() == 0


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("content", [None, "0 0 0"], ids=["no file", "switched off"])
def test_a_team_sleeps_all_the_time_where_the_system_does_not_say(monkeypatch, tmp_path, content):
    if content is not None:
        (tmp_path / "1").mkdir()
        (tmp_path / "1" / "schedstat").write_text(content)
    monkeypatch.setattr("agop.waiting._TASKS", tmp_path)
    with brief_waits():
        assert soon(lambda: teams() == 1)
    assert teams() == 0


def test_a_single_thread_waits_for_nobody():
    before = threading.active_count()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with brief_waits():
            assert threading.active_count() == before
    finally:
        torch.set_num_threads(threads)


@pytest.mark.usefixtures("two_threads")
def test_it_is_watched_during_a_fit_of_any_kind_and_only_then():
    seen = []
    X = np.random.default_rng(0).standard_normal((60, 2))

    def watchers(*_):
        seen.append(sum(thread.name == "agop-brief-waits" for thread in threading.enumerate()))

    model = RFMRegressor(Laplace(3.0), ridge=0.1, n_iterations=1, selection=None, callback=watchers)
    model.fit(X, X[:, 0])
    assert seen == [1, 1]
    TreeRFMRegressor(model, max_leaf_size=100, random_state=0).fit(X, X[:, 0])
    assert min(seen) >= 1
    watchers()
    assert seen[-1] == 0


@pytest.mark.usefixtures("two_threads")
def test_one_thread_ends_with_an_error_too():
    seen = []

    def fail():
        with one_thread():
            seen.append(torch.get_num_threads())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [*seen, torch.get_num_threads()] == [1, 2]
