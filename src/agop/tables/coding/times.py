"""Dates and times of a column as features: the time itself, and the place in the year, the week and the day."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agop.errors import InputError
from agop.extras import require
from agop.tables.coding.numbers import indicator_scale, is_missing, learn_numbers, number_features

if TYPE_CHECKING:
    import pandas

__all__ = ["date_format", "learn_times", "time_features", "times_of"]

_LOOK = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}/\d{1,2}/\d{2}\b"
    r"|\d{1,2}[ -][a-z]{3,9}[ -]\d{4}|[a-z]{3,9} \d{1,2}, \d{4}",
    re.IGNORECASE,
)
_ZONE = re.compile(r"(:\d{2}(?:\.\d+)?) ?(?:Z|UTC|[+-]\d{2}:?\d{2})$")
_DATES = ("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y")
_SHORT = ("%m/%d/%y", "%d/%m/%y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_FORMATS = ("ISO8601", *(day + clock for day in (*_DATES, *_SHORT, "%b %d, %Y", "%B %d, %Y") for clock in _CLOCKS))

_SEEN = 20
"""Texts most of which must be dates in some format before all are read, in the formats that fit them best."""

_CYCLES: dict[str, tuple[float, Callable[[Any], Any]]] = {
    "day of year": (365.0, lambda times: (times.day_of_year - 1) / (365 + times.is_leap_year)),
    "weekday": (7.0, lambda times: times.day_of_week / 7),
    "time of day": (1.0, lambda times: (times - times.normalize()) / np.timedelta64(1, "D")),
}
"""Periods in days, and the phase from 0 to 1 of times."""


def date_format(texts: Sequence[str], name: str) -> str | None:
    """Format in which all texts of a column are dates, with or without a clock; None if they do not look like dates.

    ISO 8601, and days before months or after them, with points, strokes, slashes or names of months.

    Raises
    ------
    InputError
        If only some are dates, or days cannot be told from months.

    Examples
    --------
    >>> date_format(["2020-01-31", "2020-02-01 12:30"], "sold")
    'ISO8601'
    >>> date_format(["03/04/2020", "30/01/2020"], "sold"), date_format(["red", "blue"], "sold")
    ('%d/%m/%Y', None)
    """
    distinct = [*dict.fromkeys(texts)]
    first = distinct[:_SEEN]
    if 2 * sum(_LOOK.match(text.strip()) is not None for text in first) <= len(first):
        return None
    fits = {each: int(_parsed(first, each).notna().sum()) for each in _FORMATS}
    if 2 * max(fits.values()) <= len(first):
        return None
    parsed = {each: _parsed(distinct, each) for each in _FORMATS if fits[each] == max(fits.values())}
    fitting = [each for each, times in parsed.items() if times.notna().all()]
    if not fitting:
        closest = max(parsed.values(), key=lambda times: times.notna().sum())
        wrong = distinct[int(np.argmax(closest.isna()))]
        advice = "Clear what is no date, and write all in one form, such as 2020-01-31."
        raise InputError(f"dates in column {name!r}", f"{wrong!r:.60}", advice)
    if any((parsed[each] != parsed[fitting[0]]).any() for each in fitting):
        got = f"{distinct[0]!r}, which can be read as {' or '.join(fitting)}"
        raise InputError(f"days and months that can be told apart in column {name!r}", got, "Write 2020-01-31.")
    return fitting[0]


def times_of(column: Any, name: str, text_format: str | None) -> pandas.DatetimeIndex:
    """Times (n,) of a column of times or text, NaT where they are missing, as clocks show them: without their zone.

    Raises
    ------
    InputError
        If a value is no date of that format, ISO 8601 if None.
    """
    pandas = require("pandas", "tables")
    if getattr(column.dtype, "kind", "O") == "M":
        return pandas.DatetimeIndex(column).tz_localize(None)
    values = [None if is_missing(value) else value for value in np.asarray(column, dtype=object)]
    if all(value is None or isinstance(value, date) for value in values):
        bare = [value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in values]
        return pandas.DatetimeIndex(pandas.to_datetime(bare))
    times = _parsed([value if value is None else str(value) for value in values], text_format or "ISO8601")
    wrong = [value for value, lost in zip(values, times.isna(), strict=True) if lost and value is not None]
    if wrong:
        got = f"{str(wrong[0])!r:.60}"
        raise InputError(f"dates in column {name!r}, as in training", got, "Clear what is no date.")
    return times


def learn_times(times: pandas.DatetimeIndex, name: str) -> dict[str, Any]:
    """Coding of the time in years as a number, and the scales of the cycles that the training times go through."""
    days = _days(times)
    known = days[~np.isnan(days)]
    span = float(np.ptp(known)) if len(known) else 0.0
    number, cycles = learn_numbers(days, name), {}
    for cycle, (period, phase) in _CYCLES.items():
        angles = 2 * math.pi * np.asarray(phase(times[~np.isnan(days)]), dtype=np.float64)
        if span >= period and np.ptp(angles) > 0:
            cycles[cycle] = indicator_scale(float(np.cos(angles).var() + np.sin(angles).var()))
    names = [*number["names"], *(f" {cycle} {part}" for cycle in cycles for part in ("cos", "sin"))]
    return {"names": names, "time": number, "cycles": cycles}


def time_features(times: pandas.DatetimeIndex, coding: dict[str, Any]) -> NDArray[np.float64]:
    """Features (n, width) of times; a missing one is amid each cycle."""
    parts = [number_features(_days(times), coding["time"])]
    for cycle, scale in coding["cycles"].items():
        angles = 2 * math.pi * np.asarray(_CYCLES[cycle][1](times), dtype=np.float64)
        circle = scale * np.column_stack([np.cos(angles), np.sin(angles)])
        parts.append(np.where(np.isnan(angles)[:, None], 0.0, circle))
    return np.hstack(parts)


def _days(times: pandas.DatetimeIndex) -> NDArray[np.float64]:
    """Days since 2000, NaN for NaT."""
    try:
        return np.asarray((times - np.datetime64("2000-01-01")) / np.timedelta64(1, "D"), dtype=np.float64)
    except OverflowError as error:
        got = f"from {times.min()} to {times.max()}"
        raise InputError("times within some centuries of 2000", got, "Clear those that are none.") from error


def _parsed(texts: Sequence[str | None], text_format: str) -> pandas.DatetimeIndex:
    """Times of texts without their zones; NaT for what is not of the format."""
    pandas = require("pandas", "tables")
    bare = [None if text is None else _ZONE.sub(r"\1", text.strip()) for text in texts]
    return pandas.DatetimeIndex(pandas.to_datetime(bare, format=text_format, errors="coerce"))
