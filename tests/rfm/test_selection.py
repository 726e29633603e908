"""A time budget for any recursion."""

from __future__ import annotations

import itertools

import pytest

from agop.errors import InputError
from agop.rfm import within_time


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when it is told to."""

    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

        def steps(self, *durations):
            for index, duration in enumerate(durations):
                self.now += duration
                yield index

    clock = Clock()
    monkeypatch.setattr("agop.rfm.selection.time.monotonic", clock)
    return clock


def test_no_limit(clock):
    assert list(within_time(clock.steps(5, 5, 5), None)) == [0, 1, 2]


@pytest.mark.parametrize(("seconds", "taken"), [(0.1, 1), (9.9, 1), (10, 2), (14.9, 2), (15, 3), (100, 3)])
def test_stops_before_a_step_that_would_overrun(clock, seconds, taken):
    assert list(within_time(clock.steps(5, 5, 5), seconds)) == list(range(taken))


def test_the_longest_step_is_the_guide(clock):
    assert list(within_time(clock.steps(1, 6, 1, 1), 12)) == [0, 1]


def test_time_spent_by_the_caller_counts(clock):
    taken = []
    for step in within_time(clock.steps(1, 1, 1, 1), 10):
        taken.append(step)
        clock.now += 4
    assert taken == [0, 1]


def test_first_step_is_always_taken_and_no_further_one_is_computed(clock):
    computed = []

    def steps():
        for index in itertools.count():
            computed.append(index)
            clock.now += 50
            yield index

    assert list(within_time(steps(), 1)) == [0]
    assert computed == [0]


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_budget_that_is_not_positive_is_refused(seconds):
    with pytest.raises(InputError, match="time budget"):
        list(within_time([1], seconds))
