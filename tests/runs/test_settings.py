"""Settings declare what they allow, in one place for Python and the command line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Annotated, Literal

import pytest

from agop.errors import InputError
from agop.runs.settings import AtLeast, Count, Seed, Setting, check_settings

SETTINGS = [
    ("agop.conv_rfm.settings", "ConvRFMSettings"),
    ("agop.deep_rfm.settings", "DeepRFMSettings"),
    ("agop.network.run.settings", "MeasureSettings"),
    ("agop.paper.training.settings", "TrainSettings"),
    ("agop.tables.settings", "ExplainSettings"),
    ("agop.tables.settings", "FitSettings"),
]


@dataclass(frozen=True)
class Walk:
    """A walk.

    Attributes
    ----------
    steps
        Number of steps; all
        of them by default.
    how, pace
        Manner of ``walking``.

    Examples
    --------
    None.
    """

    steps: Count | None = None
    how: Literal["slow", "fast"] = "slow"
    pace: Annotated[float, AtLeast(0.5), "In m/s."] = 1.0
    seeds: tuple[Seed, ...] = field(default=(0,))


def test_what_is_declared():
    steps, how, pace, seeds = Setting.all_of(Walk)
    assert (steps.type, steps.least, steps.is_optional, steps.is_repeated) == (int, 1, True, False)
    assert (seeds.type, seeds.least, seeds.is_optional, seeds.is_repeated) == (int, 0, False, True)
    assert [each.default for each in (steps, how, pace, seeds)] == [None, "slow", 1.0, (0,)]
    texts = [each.text for each in (steps, how, pace, seeds)]
    assert texts == [
        "Number of steps; all of them by default.",
        *["Manner of walking.", "Manner of walking. In m/s.", ""],
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, r"expected steps of 1 or more, got 0\."),
        ({"how": "jump"}, r"expected how to be one of slow, fast, got how='jump'\."),
        ({"pace": float("nan")}, r"expected pace of 0\.5 or more, got nan\."),
        ({"seeds": (1, -1)}, r"expected seeds of 0 or more, got -1\."),
    ],
)
def test_values_that_are_not_allowed(change, message):
    check_settings(Walk())
    check_settings(Walk(steps=3, seeds=(2, 3)))
    with pytest.raises(InputError, match=message):
        check_settings(replace(Walk(), **change))


@pytest.mark.parametrize(("module", "name"), SETTINGS)
def test_every_setting_of_a_command_says_what_it_is(module, name):
    declared = Setting.all_of(getattr(import_module(module), name))
    assert [each.name for each in declared if not each.text] == []
