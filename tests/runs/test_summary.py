"""Summaries over seeds: means and intervals by hand."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from agop.runs import SeedSummary, summarize_seeds

VALUES = [0.02, 0.05, 0.03, 0.011]


def interval(values):
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))
    return mean, *stats.t.interval(0.95, len(values) - 1, loc=mean, scale=deviation / math.sqrt(len(values)))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_geometric_mean_and_its_interval(n):
    found = SeedSummary.of(VALUES[:n])
    mean, low, high = (math.exp(x) for x in interval([math.log(v) for v in VALUES[:n]]))
    assert found.mean == pytest.approx(mean, rel=1e-12)
    assert found.low == pytest.approx(low, rel=1e-9)
    assert found.high == pytest.approx(high, rel=1e-9)
    assert found.n_seeds == n


@pytest.mark.parametrize("n", [2, 3, 4])
def test_arithmetic_mean_and_its_interval(n):
    found = SeedSummary.of(VALUES[:n], log=False)
    assert (found.mean, found.low, found.high) == pytest.approx(interval(VALUES[:n]), rel=1e-9)


@pytest.mark.parametrize("log", [True, False])
def test_one_seed_has_no_interval(log):
    found = SeedSummary.of([0.25], log=log)
    assert found.low == found.mean == found.high == pytest.approx(0.25)
    assert found.n_seeds == 1


def line(seed, layer, value, control=False, stage="input"):
    return {"seed": seed, "control": control, "layer": layer, "stage": stage, "nc1": value}


def test_by_control_stage_and_layer():
    lines = [
        line(0, 2, 4.0),
        line(0, 1, 8.0),
        line(1, 1, 2.0),
        line(0, 1, 3.0, stage="agop"),
        line(0, 1, 5.0, control=True),
    ]
    found = summarize_seeds(lines, "nc1")
    assert {key: list(layers) for key, layers in found.items()} == {
        (False, "input"): [1, 2],
        (False, "agop"): [1],
        (True, "input"): [1],
    }
    assert found[False, "input"][1] == SeedSummary.of([8.0, 2.0])
    assert found[False, "input"][1].mean == pytest.approx(4)
    assert found[True, "input"][1].mean == pytest.approx(5)


def test_what_has_no_logarithm_is_left_out():
    lines = [line(0, 1, None), line(1, 1, 0.0), line(2, 1, -1.0), line(3, 1, 0.5), line(0, 2, None), line(1, 2, 0.0)]
    found = summarize_seeds(lines, "nc1")[False, "input"]
    assert list(found) == [1]
    assert found[1].n_seeds == 1
    linear = summarize_seeds(lines, "nc1", log=False)[False, "input"]
    assert linear[1] == SeedSummary.of([0.0, -1.0, 0.5], log=False)
    assert linear[2].mean == 0
    assert summarize_seeds([line(0, 1, None)], "nc1") == {}
    assert summarize_seeds([], "nc1") == {}


def test_changes_are_of_the_same_seeds():
    before = SeedSummary.of({0: 1.0, 1: 100.0, 2: 5.0})
    after = SeedSummary.of({1: 50.0, 0: 0.5})
    found = before.change_to(after)
    assert (found.n_seeds, found.mean) == (2, pytest.approx(-math.log(2)))
    assert found.high < 0  # whatever the seeds' own levels are
    assert before.change_to(SeedSummary.of({3: 1.0})) is None
    assert before.change_to(after, log=False).mean == pytest.approx((-0.5 - 50.0) / 2)


def test_a_change_inside_the_spread():
    before = SeedSummary.of({0: 1.0, 1: 1.0, 2: 1.0})
    found = before.change_to(SeedSummary.of({0: 0.5, 1: 0.9, 2: 1.3}))
    assert found.mean < 0 < found.high


def test_intervals_that_meet_do_not_differ():
    a, b = SeedSummary.of([1.0, 4.0, 2.0]), SeedSummary.of([3.0, 2.0, 4.0])
    assert not a.differs_from(b)
    assert not b.differs_from(a)
    assert a.differs_from(SeedSummary.of([1e3, 2e3, 3e3]))
    assert not a.differs_from(a)


def test_values_by_seed_also_if_a_seed_comes_twice():
    found = summarize_seeds([line(4, 1, 2.0), line(3, 1, 8.0), line(4, 1, 4.0)], "nc1")[False, "input"][1]
    assert found.values[:2] == ((4, 2.0), (3, 8.0))
    assert found.n_seeds == 3
