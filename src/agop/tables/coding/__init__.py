"""Coding of one column of a table as features: numbers, times, or levels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agop.errors import InputError
from agop.tables.coding.comparison import FEWEST_ROWS, better_as_levels, rows_to_compare, targets_to_compare
from agop.tables.coding.integers import integer_features, learn_integers
from agop.tables.coding.levels import learn_levels, level_features, levels_of, refuse_collections, refuse_free_text
from agop.tables.coding.numbers import is_missing, learn_numbers, number_features, numbers_of
from agop.tables.coding.times import date_format, learn_times, time_features, times_of

__all__ = ["encode", "integers_as_levels", "is_text", "learn"]


def learn(column: Any, name: str, max_levels: int) -> dict[str, Any]:
    """Coding of a column: endings of the names of its features, and numbers, times or levels with their scale.

    Raises
    ------
    InputError
        If it holds durations, complex numbers, collections, free text, or dates that cannot be read.
    """
    kind, declared = getattr(column.dtype, "kind", "O"), str(column.dtype) == "category"
    objects = np.asarray(column, dtype=object) if kind in "OUT" and not declared else ()
    present = [value for value in objects if not is_missing(value)]
    if kind in "mc" or any(isinstance(value, (timedelta, np.timedelta64, complex)) for value in present):
        advice = "Turn it into numbers: total_seconds() of durations, real and imaginary part of complex numbers."
        raise InputError("numbers, dates or categories", f"column {name!r} of durations or complex numbers", advice)
    refuse_collections(present, name)
    if kind in "iuf" or (present and all(map(_is_number, present))):
        return learn_numbers(numbers_of(column, name), name)
    if kind == "M" or (present and all(isinstance(value, date) for value in present)):
        return {"format": None, **learn_times(times_of(column, name, None), name)}
    if present and all(isinstance(value, str) for value in present):
        if (text_format := date_format(present, name)) is not None:
            return {"format": text_format, **learn_times(times_of(column, name, text_format), name)}
        refuse_free_text(present, name)
    return learn_levels(levels_of(column), max_levels)


def encode(column: Any, name: str, coding: dict[str, Any]) -> NDArray[np.float64]:
    """Features (n, width) of a column."""
    if "integers" in coding:
        return integer_features(numbers_of(column, name), coding)
    if "levels" in coding:
        return level_features(levels_of(column), coding)
    if "cycles" in coding:
        return time_features(times_of(column, name, coding["format"]), coding)
    return number_features(numbers_of(column, name), coding)


def integers_as_levels(
    columns: Sequence[Any], names: Sequence[str], codings: Sequence[dict[str, Any]], y: Any, max_levels: int
) -> dict[int, dict[str, Any]]:
    """Codings as levels of those columns of integers that tell more about targets y so than as numbers.

    They have 3 to ``max_levels`` different values; at most 1,000 rows decide, see ``better_as_levels``.
    """
    tried = {
        index: coding
        for index, (column, name) in enumerate(zip(columns, names, strict=True))
        if "mean" in codings[index] and (coding := learn_integers(numbers_of(column, name), max_levels)) is not None
    }
    targets = targets_to_compare(y)
    if not tried or targets is None or not FEWEST_ROWS <= len(columns[0]) == len(targets):
        return {}
    rows = rows_to_compare(len(targets), len(tried))
    some = [getattr(column, "iloc", column)[rows] for column in columns]
    features = [encode(*each) for each in zip(some, names, codings, strict=True)]
    levels = {index: encode(some[index], names[index], coding) for index, coding in tried.items()}
    column_of = np.repeat(np.arange(len(features)), [block.shape[1] for block in features])
    better = better_as_levels(np.hstack(features), column_of, levels, targets[rows])
    return {index: tried[index] for index in better}


def is_text(coding: dict[str, Any]) -> bool:
    """Whether a column was text; truth values, which a file has too, are read better without being told."""
    return not {"True", "False", None}.issuperset(coding.get("levels", ())) or coding.get("format") is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, (Real, Decimal)) and not isinstance(value, (bool, np.bool_))
