"""When a recursion ends, and which of its iterates is kept."""

from __future__ import annotations

import pytest

from agop.rfm.selection import pays, select_iterate


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
