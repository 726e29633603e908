"""A time budget for any recursion."""

from __future__ import annotations

import itertools

import pytest

from agop.errors import InputError
from agop.rfm import within_time
from agop.rfm.clock import Clock


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when it is told to."""

    class Hands:
        now = 100.0

        def __call__(self):
            return self.now

        def steps(self, *durations):
            for index, duration in enumerate(durations):
                self.now += duration
                yield index

    clock = Hands()
    monkeypatch.setattr("agop.rfm.clock.time.monotonic", clock)
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


def test_rows_that_fit_into_a_share_of_what_is_left(clock):
    budget = Clock.start(10.0)
    clock.now += 2
    rows = budget.most(10_000, lambda n: n / 1000, share=0.5)
    assert 0.9 * 4000 <= rows <= 4000
    later = budget.most(10_000, lambda n: n / 1000, later=lambda: 3.0)
    assert 0.9 * 5000 <= later <= 5000
    assert budget.most(3000, lambda n: n / 1000) == 3000


def test_at_most_half_of_the_budget_is_kept_for_later_work(clock):
    assert Clock.start(10.0).left(later=lambda: 100.0) == 5.0


def test_the_pace_of_what_was_done_corrects_what_follows(clock):
    """Three times as slow as predicted: a third of the rows fits."""
    budget = Clock.start(100.0)
    with budget.measured(lambda: 1.0):
        clock.now += 3
    assert budget.pace == 3
    rows = budget.most(100_000, lambda n: n / 1000)
    assert 0.9 * 97_000 / 3 <= rows <= 97_000 / 3
    assert budget.left(later=lambda: 10.0) == 97 - 30


def test_steps_stop_before_one_that_is_predicted_to_overrun(clock):
    """The second kind of step is dearer than the first, which the longest so far does not know."""
    budget = Clock.start(10.0)
    steps = budget.steps(clock.steps(1, 20, 20), [1.0, 20.0, 20.0].__getitem__, "{} steps".format)
    assert list(steps) == [0]
    assert clock.now == 101
    assert budget.cuts == ["1 steps"]


@pytest.mark.parametrize(("least", "taken"), [(0, 0), (1, 1)])
def test_the_first_step_is_only_taken_in_any_case_if_it_must(clock, least, taken):
    assert len(list(Clock.start(1.0).steps(clock.steps(5, 5), lambda _: 5.0, str, least=least))) == taken


@pytest.mark.parametrize(
    ("budget", "slow"), [(5.0, 0.3), (5.0, 1.0), (5.0, 2.0), (20.0, 1.0), (20.0, 4.0), (60.0, 0.3), (60.0, 4.0)]
)
def test_a_budget_is_kept_whatever_the_pace(clock, budget, slow):
    """Choices, iterates and a last solve whose times are all mistaken by one factor; 20 % over is allowed."""
    own = Clock.start(budget)

    def work(seconds):
        clock.now += slow * seconds

    rows = own.most(2000, lambda n: (n / 1000) ** 2, share=1 / 3)
    with own.measured(lambda: (rows / 1000) ** 2):
        work((rows / 1000) ** 2)

    def last(n):
        return (n / 5000) ** 2

    def iterates():
        for number in range(6):
            work(1.0 if number == 0 else 2.0)
            yield number

    taken = list(own.steps(iterates(), lambda number: 2.0 if number else 1.0, str, later=lambda: last(20_000)))
    n = own.most(20_000, last)
    work(last(n))
    assert clock.now - 100 <= 1.2 * budget
    if slow == 0.3 and budget == 60:
        assert (rows, len(taken), n) == (2000, 6, 20_000)


def test_steps_that_come_to_their_own_end_leave_nothing_out_and_the_pace_as_it_is(clock):
    budget = Clock.start(100.0)
    assert list(budget.steps(clock.steps(3, 3), lambda _: 1.0, str)) == [0, 1]
    assert budget.pace == 3
    assert not budget.cuts


def test_what_is_done_with_a_step_counts_as_part_of_it(clock):
    """Steps of a second whose consumer takes three more: a third one would overrun ten seconds."""
    budget, taken = Clock.start(10.0), []
    for number in budget.steps(clock.steps(1, 1, 1, 1), lambda _: 1.0, str):
        taken.append(number)
        clock.now += 3
    assert taken == [0, 1]
    assert budget.pace == 4


def test_without_a_budget_nothing_is_predicted():
    def never(*_):
        raise AssertionError("predicted without need")

    clock = Clock.start(None)
    with clock.measured(never):
        assert clock.most(7, never, later=never) == 7
    assert list(clock.steps(range(3), never, never, later=never)) == [0, 1, 2]
    assert clock.left(later=never) is None
