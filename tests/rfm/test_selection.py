"""When a recursion ends, and which of its iterates is kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.rfm.selection import mean_and_error, pays, select_iterate, share_and_error
from sampling import is_share, share_error


@pytest.mark.parametrize(
    ("losses", "pay"),
    [([1.0], True), ([1.0, 0.5], True), ([1.0, 0.996], False), ([1.0, 1.2], False), ([1.0, 0.5, 0.499], False)],
)
def test_another_update_follows_one_that_brought_half_a_percent(losses, pay):
    assert pays(losses) == pay


@pytest.mark.parametrize(
    ("losses", "early", "computed", "best"),
    [
        ([1.0, 0.9, 0.8, 0.7], True, 4, 3),
        ([1.0, 1.1, 0.5, 0.4], True, 2, 0),
        ([1.0, 0.9, 0.899, 0.1], True, 3, 2),
        ([1.0, 1.1, 0.5, 0.6], False, 4, 2),
    ],
)
def test_a_recursion_ends_after_an_update_that_does_not_pay(losses, early, computed, best):
    found = select_iterate(iter(range(4)), lambda step: -losses[step], early=early)
    assert (found.last, found.best) == (computed - 1, best)
    assert found.scores == [-loss for loss in losses[:computed]]


def of_share(hits, weights=None, group=None):
    n = len(hits)
    weights = torch.ones(n) if weights is None else torch.as_tensor(weights)
    return share_and_error(torch.as_tensor(hits), weights, torch.arange(n) if group is None else torch.as_tensor(group))


@pytest.mark.parametrize(("n", "share"), [(40, 0.5), (40, 0.95), (300, 0.99), (1000, 0.999)])
def test_the_error_of_a_share_covers_it(n, share):
    """Two errors about it hold the share in 95 % of 2,000 draws or more, also where most draws have no miss."""
    hits = (np.random.default_rng(0).uniform(size=(2000, n)) < share).astype(float)
    found = np.array([of_share(draw) for draw in hits])
    covered = (np.abs(found[:, 0] - share) <= 2 * found[:, 1]).sum()
    assert covered > 2000 * 0.95 or is_share(covered, 2000, 0.95)


def test_without_a_miss_the_error_is_not_zero():
    share, error = of_share(np.ones(1001))
    assert share == 1
    assert 2 * error == pytest.approx(3 / 1001, rel=0.1)  # the rule of three
    assert of_share(np.zeros(1001)) == (0, pytest.approx(error))


def test_a_heavy_sample_is_a_single_draw():
    """A share of which one sample has half, as with balanced weights of 1 among 1,000, is known as by a few."""
    even, heavy = (of_share(np.ones(1001), [weight] + [1.0] * 1000)[1] for weight in (1.0, 1000.0))
    assert heavy > 50 * even
    assert of_share(np.ones(90), group=np.arange(90) // 30)[1] == pytest.approx(of_share(np.ones(3))[1])


@pytest.mark.parametrize("n", [40, 400])
def test_in_the_middle_it_is_the_usual_one(n):
    hits = np.arange(n) % 2 * 1.0
    assert of_share(hits) == mean_and_error(torch.as_tensor(hits), torch.ones(n), torch.arange(n))
    assert of_share(hits)[1] == pytest.approx(share_error(hits))
