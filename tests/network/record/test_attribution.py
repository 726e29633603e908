"""The share of the linear part is told where NC1 falls, and only there."""

from __future__ import annotations

import math

import pytest

from agop.network import Attribution
from agop.runs import LEAST_FALL


@pytest.mark.parametrize("output", [1.0, 0.9999, 0.96, 1.5])
def test_no_share_of_next_to_nothing(output):
    """A fall below 5 % made shares such as -206 or 9.04."""
    found = Attribution.of(1.0, 2.0, output)
    assert found.share is None
    assert found.output_log_fall == pytest.approx(-math.log(output))


def test_share_of_a_fall():
    assert Attribution.of(1.0, 0.5, 0.25).share == pytest.approx(0.5)
    assert Attribution.of(1.0, 0.97, 0.95).share == pytest.approx(0.594, abs=1e-3)
    assert math.exp(LEAST_FALL) == pytest.approx(1.05)


@pytest.mark.parametrize("values", [(None, 1.0, 0.5), (1.0, None, 0.5), (1.0, 0.5, None), (0.0, 0.5, 0.1)])
def test_missing_values(values):
    assert Attribution.of(*values).share is None
