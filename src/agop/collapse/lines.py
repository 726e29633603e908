"""Lines of a run with numbers that can only be in some range, checked as they are read: damage is no finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from types import MappingProxyType
from typing import Any, TypeVar

from agop.collapse import nc1
from agop.collapse.measures import MEASURES
from agop.errors import DataFileError

__all__ = ["PREDICTOR_RANGES", "checked_lines"]

Checked = TypeVar("Checked", bound=Mapping[str, Any])

_NO_RANGES: Mapping[str, tuple[float, float]] = MappingProxyType({})

PREDICTOR_RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"train_accuracy": (0, 1), "test_accuracy": (0, 1), "effective_rank": (0, inf), "jitter": (0, inf)}
)
"""Least and largest value of each column about a kernel machine and its metric."""


def checked_lines(
    lines: Iterable[Checked], file: object, ranges: Mapping[str, tuple[float, float]] = _NO_RANGES
) -> list[Checked]:
    """The lines of a file, if every measure of collapse in them is a number that it can be, or null.

    Parameters
    ----------
    lines
        Columns and their values.
    file
        File that they are from.
    ranges
        Least and largest value of further columns of numbers.

    Raises
    ------
    DataFileError
        If a value is no number or out of its range, or NC1 is negative.

    Examples
    --------
    >>> checked_lines([{"layer": "fc", "nc1_trace_ratio": 0.5, "nc4_agreement": None}], "metrics.jsonl")
    [{'layer': 'fc', 'nc1_trace_ratio': 0.5, 'nc4_agreement': None}]
    >>> checked_lines([{"layer": "fc", "nc1_trace_ratio": -0.5}], "metrics.jsonl")
    Traceback (most recent call last):
    ...
    agop.errors.DataFileError: expected nc1_trace_ratio in metrics.jsonl as it can be, got -0.5. ...
    """
    checked = list(lines)
    for line in checked:
        for name in line.keys() & (MEASURES.keys() | ranges.keys()):
            by_class = name in MEASURES and MEASURES[name].by_class and isinstance(line[name], list)
            least, largest = ranges.get(name, (0 if name in nc1.__all__ else -inf, inf))
            if not all(_is_between(value, least, largest) for value in (line[name] if by_class else [line[name]])):
                expected, got = f"{name} in {file} as it can be", f"{line[name]!r:.60}"
                raise DataFileError(expected, got, "The file is damaged: copy it again, or repeat the run.")
    return checked


def _is_between(value: Any, least: float, largest: float) -> bool:
    """Whether a value is null or a number in a range."""
    return value is None or (type(value) in (int, float) and least <= value <= largest)
