"""What a finding says of the spread over seeds."""

from __future__ import annotations

import pytest

from agop.charts.findings import spread
from agop.runs import SeedSummary


def test_few_seeds_have_ends_and_many_an_interval_of_the_mean():
    """The interval of four is too wide to say much; of one nothing is known."""
    values = [1.0, 1.1, 1.2, 1.3, 1.5]
    assert spread(SeedSummary.of(values[:1], log=False)) is None
    assert spread(SeedSummary.of(values[:4], log=False)) == (1.0, 1.3, "4 seeds")
    low, high, what = spread(SeedSummary.of(values, log=False))
    half = 2.7764 * 0.19235 / 5**0.5  # t with 4 degrees of freedom, standard deviation
    assert (low, high) == pytest.approx((1.22 - half, 1.22 + half), rel=1e-4)
    assert "95 %" in what
