"""Search of a kernel, its bandwidth and ridge: what it finds, what it lets go, and how much it asks for."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from agop.kernels import Gaussian, Laplace, LeaveOneOutBandwidth, ProductLaplace
from agop.rfm import cross_fit
from agop.rfm.choice import CHOICE_ROWS, Search
from agop.rfm.course import Choice, Course
from agop.rfm.cross_fit import tuned
from agop.rfm.division import folds
from agop.rfm.powers import POWERS
from agop.rfm.samples import Samples
from agop.rfm.tuning import Candidate, Setting
from agop.solvers.cross_validation import SplitSystem

RULE = LeaveOneOutBandwidth()


def made(n, d, target, noise=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(n, d, generator=generator, dtype=torch.float64)
    return Samples.of(x, target(x)[:, None] + noise * torch.randn(n, 1, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize(("factor", "ridge"), [(0.25, 30.0), (32.0, 1e-4), (4.0, 0.03), (1.0, 1.0)])
@pytest.mark.parametrize("start", [None, (0.25, 1e-4), (32.0, 30.0)])
def test_the_search_goes_down_a_valley_to_its_lowest_point(factor, ridge, start):
    """A larger bandwidth with a smaller ridge is nearly the same fit: the valley lies across both axes."""
    asked = set()

    def error(setting):
        asked.add((setting.factor, setting.ridge))
        wide, stiff = math.log(setting.factor / factor), math.log(setting.ridge / ridge)
        return 1 + 10 * (wide + stiff) ** 2 + (wide - stiff) ** 2

    candidate = Candidate(Laplace(RULE))
    begin = None if start is None else next(s for s in settings(candidate) if (s.factor, s.ridge) == start)
    found = candidate.search(error, begin)
    assert (found.factor, found.ridge) == (factor, ridge)
    assert len(asked) <= len(list(settings(candidate))) * 0.7


def settings(candidate):
    return (Setting(candidate.kernel, ridge, factor) for factor in candidate.factors for ridge in candidate.ridges)


def test_a_search_from_its_goal_asks_for_the_neighbors_only():
    asked = []

    def error(setting):
        asked.append(setting)
        return (math.log(setting.factor / 2.0)) ** 2 + (math.log(setting.ridge / 0.1)) ** 2

    candidate = Candidate(Laplace(RULE))
    goal = candidate.search(error)
    asked.clear()
    assert candidate.search(error, goal) == goal
    assert len(asked) == 7


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize(("factor", "ridge"), [(0.25, 30.0), (4.0, 0.03), (2.0, 0.1)])
def test_the_power_is_found_before_bandwidth_and_ridge(power, factor, ridge):
    asked = []

    def error(setting):
        asked.append(setting)
        off = [math.log(a / b) for a, b in ((setting.power, power), (setting.ridge, ridge), (setting.factor, factor))]
        return 1 + sum(each**2 for each in off) + 0.5 * off[1] * off[2]

    candidate = Candidate(Laplace(RULE), powers=POWERS)
    found = candidate.search(error, Setting(candidate.kernel, 0.1, 2.0), learned=True)
    assert (found.power, found.factor, found.ridge) == (power, factor, ridge)
    assert len({setting.power for setting in asked[3:]}) == 1
    if (found.factor, found.ridge) == (2.0, 0.1):
        assert len(asked) == 3 + 6


@pytest.mark.parametrize("given", [{"ridges": (0.1,)}, {"kernel": Laplace(2.0)}, {"powers": (0.5,)}])
def test_a_search_keeps_what_is_given(given):
    candidate = Candidate(**{"kernel": Laplace(RULE), "powers": POWERS, **given})
    found = candidate.search(lambda setting: 99 * setting.ridge + (setting.factor or 0) + setting.power, learned=True)
    assert (found.ridge, found.factor) == (min(candidate.ridges), min(candidate.factors))
    assert found.power == min(candidate.powers)


def test_without_a_metric_powers_are_one():
    asked = set()
    Candidate(Laplace(RULE), powers=POWERS).search(lambda setting: asked.add(setting.power) or setting.ridge)
    assert len(asked) == 1


def test_the_power_is_what_the_iterate_needs():
    """Where two of six columns matter, the sharpest metric; where all do alike, the bluntest."""
    x = torch.tensor(np.random.default_rng(1).standard_normal((300, 6)))
    sines = (2 * x[:, :2]).sin().sum(1), x.sin().sum(1)
    for y, power, others in zip(sines, (1.0, 0.25), ((0.25, 0.5), (0.5, 1.0)), strict=True):
        samples = Samples.of(x, y[:, None], intercept=True)
        free, bound = (
            Search([Candidate(Laplace(RULE), powers=powers)], 1).choose(samples).courses[0]
            for powers in (POWERS, others)
        )
        assert free.settings[1].power == power
        assert free.losses[1] < bound.losses[1]


def test_the_second_update_has_a_power_of_its_own():
    """Columns matter less and less: twice the sharpest metric forgets too many of them."""
    x = torch.tensor(np.random.default_rng(1).standard_normal((200, 12)))
    samples = Samples.of(x, (x.abs() / torch.arange(1, 13)).sum(1, keepdim=True), intercept=True)
    free, published = (
        Search([Candidate(Laplace(RULE), powers=powers)], 2).choose(samples).courses[0] for powers in (POWERS, (1.0,))
    )
    assert free.settings[2].power < 1
    assert free.losses[2] < published.losses[2]


def test_the_first_iterate_is_computed_once_for_all_powers(monkeypatch):
    """With three powers as many linear systems are solved for it as with one."""
    solved = []
    solve = SplitSystem.of
    monkeypatch.setattr(SplitSystem, "of", lambda *given: solved.append(given) or solve(*given))
    samples, halves, counts = made(100, 3, lambda x: x[:, 0]), folds(100, 2, seed=0), []
    for powers in ((0.5,), POWERS):
        settings = tuned(samples, halves, Candidate(Laplace(RULE), powers=powers))
        solved.clear()
        next(cross_fit(samples, halves, settings, 1))
        counts.append(len(solved))
    assert counts[0] == counts[1]


def test_a_kernel_that_trails_far_behind_is_let_go():
    """Steps along two axes are sums of functions of one coordinate each, which a Gaussian of the distance knows not."""
    samples = made(160, 6, lambda x: (x[:, 0] > 0.5).double() + (x[:, 1] > 0.3).double())
    search = Search([Candidate(Gaussian(RULE)), Candidate(ProductLaplace(RULE), diagonal=True)], 4)
    trailing, kept = search.choose(samples).courses
    assert len(trailing.losses) == 1 < len(kept.losses)
    assert trailing.losses[0] > 1.3 * kept.losses[0]
    assert search.choose(samples).best(4)[0] == search.choose(samples, "kernel").best(4)[0] == 1
    assert [len(course.losses) for course in search.choose(samples, "kernel").courses] == [1, 1]
    assert [len(course.losses) for course in search.choose(samples, "all").courses] == [5, 5]


def test_a_choice_after_one_by_a_part_of_the_rows_tries_what_was_near_the_best_there(monkeypatch):
    """It asks for fewer settings, and finds what a choice without it finds, or nearly."""
    solved = []
    solve = SplitSystem.of
    monkeypatch.setattr(SplitSystem, "of", lambda *given: solved.append(given) or solve(*given))
    search = Search([Candidate(Gaussian(RULE)), Candidate(ProductLaplace(RULE), diagonal=True)], 4)
    asked, losses = [], []
    for seed in range(3):  # of single ones it may ask for as many, and miss the best
        samples = made(240, 6, lambda x: (x[:, 0] > 0.5).double() + (x[:, 1] > 0.3).double(), seed=seed)
        part = search.choose(samples.part(torch.arange(0, 240, 2)))
        solved.clear()
        free = search.choose(samples)
        without = len(solved)
        again = search.choose(samples, before=[part])
        asked.append((len(solved) - without, without))
        assert not again.courses[0].losses
        assert 0 < len(again.courses[1].losses) <= len(part.courses[1].losses)
        (number, iteration), (_, before) = again.best(4), free.best(4)
        assert number == 1
        losses.append((again.courses[1].losses[iteration], free.courses[1].losses[before]))
    fewer, all_settings = np.sum(asked, axis=0)
    assert fewer < all_settings
    found, best = np.sum(losses, axis=0)
    assert found < 1.1 * best


@pytest.mark.parametrize(
    ("losses", "n_iterations", "near"),
    [
        (((0.5, 0.4, 0.404, 0.5), (0.43, 0.422)), 5, {0: 3}),
        (((0.5, 0.4, 0.404, 0.5), (0.43, 0.405)), 5, {0: 3, 1: 2}),
        (((0.5, 0.4, 0.404, 0.5), (0.43, 0.405)), 0, {1: 1}),
        (((0.5,), ()), 2, {0: 1}),
    ],
)
def test_iterates_within_five_percent_of_the_best_are_near_it(losses, n_iterations, near):
    candidate = Candidate(Laplace())
    courses = tuple(Course(candidate, (Setting(Laplace(), 1.0),) * len(each), each) for each in losses)
    found = Choice(courses).near(n_iterations)
    assert {number: len(course.settings) for number, course in found.items()} == near
    assert all(len(course.settings) == len(course.losses) for course in found.values())


def test_a_kernel_that_is_far_behind_until_it_learns_gets_an_update():
    """A product of two of twelve columns: the full metric, some 40 % behind at first, is ahead after one update."""
    x = torch.tensor(np.random.default_rng(0).standard_normal((700, 12)))
    samples = Samples.of(x, (1.15 * x[:, 0] * x[:, 1] + (2 * x[:, 2]).sin())[:, None], intercept=True)
    choice = Search([Candidate(Laplace(RULE)), Candidate(ProductLaplace(RULE), diagonal=True)], 2).choose(samples)
    full, product = (course.losses for course in choice.courses)
    assert 1.05 < full[0] / product[0] < 2
    assert choice.best(2)[0] == 0
    assert min(full) < 0.8 * min(product)


def test_only_an_update_that_helped_is_followed_by_another():
    """All columns matter alike, so that there is little to learn; or two of ten do."""
    candidate = Candidate(Laplace(RULE), powers=POWERS)
    little = Search([candidate], 5).choose(made(150, 6, lambda x: x.abs().sum(1), noise=0.3)).courses[0].losses
    two = Search([candidate], 5).choose(made(150, 10, lambda x: (6 * x[:, 0]).sin() * x[:, 1])).courses[0].losses
    for losses in (little, two):
        assert len(losses) == 6 or losses[-1] > 0.995 * losses[-2]
        assert all(after <= 0.995 * before for before, after in pairwise(losses[:-1]))
    assert len(little) < 6
    assert len(two) > 2


def test_a_kernel_that_is_behind_and_learns_is_chosen():
    """One direction across all coordinates: behind at first, the full metric finds it and the diagonal one cannot."""
    direction = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    samples = made(300, 6, lambda x: (4 * x @ direction).sin())
    candidates = [Candidate(ProductLaplace(RULE), diagonal=True), Candidate(Laplace(RULE))]
    choice = Search(candidates, 3).choose(samples)
    number, iteration = choice.best(3)
    assert (number, iteration > 0) == (1, True)
    assert choice.courses[1].losses[iteration] < 0.5 * min(choice.courses[0].losses)


def test_choices_are_made_by_a_bounded_number_of_rows():
    seen = []

    def loss(samples, predictions):
        seen.append(len(samples))
        return samples.error(predictions)

    samples = made(CHOICE_ROWS + 500, 2, lambda x: x[:, 0])
    Search([Candidate(Laplace(1.0), ridges=(1.0,))], 1, loss).choose(samples)
    assert seen == [CHOICE_ROWS, CHOICE_ROWS]
