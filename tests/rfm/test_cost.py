"""What a fit will take, before it starts."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from agop import Laplace, RFMClassifier, RFMRegressor
from agop.errors import MemoryBudgetError, TimeBudgetWarning
from agop.rfm.clock import Clock
from agop.rfm.cost import Work
from agop.rfm.rates import busyness

PLAIN = {"kernel": Laplace(3.0), "ridge": 0.1, "power": 1}


def test_the_parts_of_a_plain_recursion():
    """All given and nothing left out: iterates alone, the last of which is the fit unless the metric is from fewer."""
    cost = RFMRegressor(**PLAIN, n_iterations=3, selection=None).predicted_cost(2000, 10)
    assert cost.choosing == cost.stating == 0
    assert cost.seconds == cost.learning + cost.solving
    alone = RFMRegressor(**PLAIN, n_iterations=0, selection=None).predicted_cost(2000, 10)
    assert alone.learning == pytest.approx(0, abs=1e-12)
    some = RFMRegressor(**PLAIN, n_iterations=3, selection=None, metric_samples=1000).predicted_cost(2000, 10)
    assert some.solving == pytest.approx(cost.solving, rel=0.5)
    assert some.learning < cost.learning


@pytest.mark.parametrize("n", [400, 3000, 30_000])
@pytest.mark.parametrize("estimator", [RFMRegressor, RFMClassifier])
def test_choices_are_part_of_it(estimator, n):
    cost = estimator().predicted_cost(n, 10, 3)
    assert cost.choosing > 0
    assert (cost.stating > 0) == (n <= 4000)
    assert cost.seconds == pytest.approx(cost.choosing + cost.learning + cost.solving + cost.stating)
    assert cost.seconds > estimator("laplace", n_iterations=0).predicted_cost(n, 10, 3).seconds


def test_held_out_samples_are_not_learned_from():
    half = RFMRegressor(validation_fraction=0.5).predicted_cost(8000, 10)
    assert half.stating == 0
    assert half.bytes < RFMRegressor(validation_fraction=0.1).predicted_cost(8000, 10).bytes


@pytest.mark.parametrize("n", [60, 1500])
def test_the_solver_is_the_one_that_the_fit_takes(n):
    X = np.random.default_rng(0).standard_normal((n, 3))
    model = RFMRegressor(**PLAIN, max_memory=2**22, n_iterations=1, selection=None)
    assert model.predicted_cost(n, 3).solver == model.fit(X, X[:, 0]).solver_


def test_memory_that_cannot_do():
    with pytest.raises(MemoryBudgetError, match="fit on fewer samples"):
        RFMRegressor(max_memory=2**20).predicted_cost(100_000, 10)


def test_other_processes_cannot_make_cores_faster_than_free():
    assert busyness(64) >= 1


@pytest.mark.parametrize("selection", [None, "loo"])
def test_a_short_budget_leaves_out_rows_and_says_so(selection):
    """Free cores would take far longer than a millisecond for 6,000 rows."""
    X = np.random.default_rng(0).standard_normal((6000, 3))
    model = RFMRegressor("laplace", n_iterations=2, selection=selection, time_budget=1e-3)
    with pytest.warns(TimeBudgetWarning, match="0.001 s ran out") as caught:
        model.fit(X, X[:, 0])
    assert "; ".join(model.cut_short_) in str(caught[0].message)
    assert len(model.machine_.centers) < 6000
    assert any(f"{len(model.machine_.centers):,} rows of 6,000" in cut for cut in model.cut_short_)
    assert (model.validation_scores_ is None) == (selection is None)
    assert model.score(X[:500], X[:500, 0]) > 0.8


def test_a_short_budget_still_calibrates_probabilities():
    X = np.random.default_rng(0).standard_normal((3000, 3))
    model = RFMClassifier("laplace", n_iterations=2, time_budget=1e-3)
    with pytest.warns(TimeBudgetWarning):
        model.fit(X, X[:, 0] > 0)
    chances = model.predict_proba(X)
    assert np.log(np.where(X[:, 0] > 0, chances[:, 1], chances[:, 0])).mean() > np.log(0.7)


def test_a_budget_for_one_choice_has_its_score_and_says_what_is_missing(monkeypatch):
    """The choice by all rows is what gives way to the last fit; the score of the other one is stated."""
    X = np.random.default_rng(0).standard_normal((600, 3))
    monkeypatch.setattr(Work, "choice_again", lambda *_: 1e6)
    model = RFMRegressor("laplace", n_iterations=1, time_budget=1000)
    with pytest.warns(TimeBudgetWarning, match="chosen without some of the 600 rows") as caught:
        model.fit(X, X[:, 0])
    assert len(caught) == len(model.cut_short_) == 1
    assert len(model.machine_.centers) == 600
    assert -model.validation_scores_[-1] < 0.2


def test_enough_time_leaves_nothing_out():
    X = np.random.default_rng(0).standard_normal((80, 3))
    free, timed = (
        RFMRegressor("laplace", n_iterations=1, time_budget=seconds).fit(X, X[:, 0]) for seconds in (None, 600)
    )
    assert free.cut_short_ == timed.cut_short_ == []
    np.testing.assert_array_equal(free.predict(X), timed.predict(X))


def test_a_choice_that_follows_others_has_all_rows_where_a_first_one_would_not(monkeypatch):
    """It tries few kernels and few settings: its rows are cut by its own cost, not by that of a first one."""
    X = np.random.default_rng(0).standard_normal((400, 3))
    monkeypatch.setattr(Work, "choice", lambda *_: 1e6)
    model = RFMRegressor("laplace", n_iterations=1, time_budget=1000).fit(X, X[:, 0])
    assert model.cut_short_ == []


@pytest.mark.parametrize(("seconds", "cut"), [(600.0, False), (900.0, True)])
def test_a_choice_that_follows_others_may_take_most_of_the_time_that_is_left(monkeypatch, seconds, cut):
    """Beside it there is only the last fit, for which time is kept."""
    X = np.random.default_rng(0).standard_normal((400, 3))
    monkeypatch.setattr(Clock, "pace", property(lambda clock: 1.0))
    monkeypatch.setattr(Work, "choice_again", lambda work, rows, n_iterations: seconds * (rows / 400) ** 3)
    model = RFMRegressor("laplace", n_iterations=1, time_budget=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TimeBudgetWarning)
        model.fit(X, X[:, 0])
    assert any("rows choose kernel and settings, not 400" in each for each in model.cut_short_) == cut
