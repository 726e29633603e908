"""Changes, and the words for them, do not depend on the unit of what changes."""

from __future__ import annotations

import pytest

from agop.charts.changes import plain_change


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6, -1.0])
def test_a_plain_change_is_judged_in_the_unit_of_its_numbers(unit):
    up, down = ("rises", "falls") if unit > 0 else ("falls", "rises")
    found = [
        plain_change(start * unit, end * unit).direction for start, end in ((2.0, 2.04), (2.0, 2.004), (2.0, 1.96))
    ]
    assert found == [up, "same", down]
