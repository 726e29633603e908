"""Search of a kernel, its bandwidth and ridge: what it finds, what it lets go, and how much it asks for."""

from __future__ import annotations

import math

import pytest
import torch

from agop.kernels import Gaussian, Laplace, LeaveOneOutBandwidth, ProductLaplace
from agop.rfm.choice import CHOICE_ROWS, Search
from agop.rfm.samples import Samples
from agop.rfm.tuning import Candidate, Setting

RULE = LeaveOneOutBandwidth()


def made(n, d, target, noise=0.0):
    generator = torch.Generator().manual_seed(0)
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


def test_a_kernel_that_trails_far_behind_is_let_go():
    """Steps along two axes are sums of functions of one coordinate each, which a Gaussian of the distance knows not."""
    samples = made(160, 6, lambda x: (x[:, 0] > 0.5).double() + (x[:, 1] > 0.3).double())
    choice = Search([Candidate(Gaussian(RULE)), Candidate(ProductLaplace(RULE), diagonal=True)], 4).choose(
        samples, patience=None
    )
    trailing, kept = choice.courses
    assert len(trailing.losses) < len(kept.losses) == 5
    assert trailing.losses[-1] > 1.5 * min(kept.losses)
    assert choice.best(4)[0] == 1


def test_kernels_close_to_each_other_are_both_learned_to_the_end():
    samples = made(120, 3, lambda x: (6 * x[:, 0]).sin(), noise=0.3)
    choice = Search([Candidate(Laplace(RULE)), Candidate(ProductLaplace(RULE), diagonal=True)], 2).choose(
        samples, patience=None
    )
    assert [len(course.losses) for course in choice.courses] == [3, 3]


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
