"""Lines of a run that hold measures of collapse, checked as they are read: damage is no finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, TypeVar

from agop.collapse import nc1
from agop.collapse.measures import MEASURES
from agop.errors import DataFileError

__all__ = ["checked_lines"]

Checked = TypeVar("Checked", bound=Mapping[str, Any])


def checked_lines(lines: Iterable[Checked], file: object) -> list[Checked]:
    """The lines of a file, if every measure in them is a number that it can be, or null.

    Raises
    ------
    DataFileError
        If a measure is no number, or NC1 is negative.

    Examples
    --------
    >>> checked_lines([{"layer": "fc", "nc1_trace_ratio": 0.5, "nc4_agreement": None}], "metrics.jsonl")
    [{'layer': 'fc', 'nc1_trace_ratio': 0.5, 'nc4_agreement': None}]
    >>> checked_lines([{"layer": "fc", "nc1_trace_ratio": -0.5}], "metrics.jsonl")
    Traceback (most recent call last):
    ...
    agop.errors.DataFileError: expected nc1_trace_ratio in metrics.jsonl as a measure can be, got -0.5. ...
    """
    checked = list(lines)
    for line in checked:
        for name in MEASURES.keys() & line.keys():
            values = line[name] if MEASURES[name].by_class and isinstance(line[name], list) else [line[name]]
            if not all(value is None or _can_be(name, value) for value in values):
                expected, got = f"{name} in {file} as a measure can be", f"{line[name]!r:.60}"
                raise DataFileError(expected, got, "The file is damaged: copy it again, or repeat the run.")
    return checked


def _can_be(name: str, value: object) -> bool:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and not (name in nc1.__all__ and value < 0)  # type: ignore[operator]
