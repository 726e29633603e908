"""Coding of one column of a table as features: numbers by mean and deviation, anything else a feature a level."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agop.datasets import inverse_deviation
from agop.errors import InputError

__all__ = ["encode", "learn"]


def learn(column: Any, name: str, max_levels: int) -> dict[str, Any]:
    """Coding of a column: endings of the names of its features, and numbers or levels with their scale."""
    if _is_numeric(column, name):
        return _learn_numbers(_numbers(column, name), name)
    return _learn_levels(_levels(column), max_levels)


def encode(column: Any, name: str, coding: dict[str, Any]) -> NDArray[np.float64]:
    """Features (n, width) of a column."""
    if "levels" in coding:
        position = {level: index for index, level in enumerate(coding["levels"])}
        codes = np.array([position.get(level, len(position)) for level in _levels(column)])
        return np.where(codes[:, None] == np.arange(len(coding["names"])), coding["scale"], 0.0)
    values = _numbers(column, name)
    missing = np.isnan(values)
    scaled = (np.where(missing, 0.0, values - coding["median"]) - coding["mean"]) * coding["scale"]
    return np.column_stack([scaled] if coding["missing"] is None else [scaled, missing * coding["missing"]])


def _is_missing(value: Any) -> bool:
    """Whether an object is None, NaN, NaT, or pandas.NA, which compares with nothing."""
    return value is None or str(value) == "<NA>" or bool(value != value)


def _is_numeric(column: Any, name: str) -> bool:
    kind, objects = getattr(column.dtype, "kind", "O"), column.dtype == np.dtype(object)
    present = [value for value in column if not _is_missing(value)] if objects else []
    if kind in "mMc" or any(isinstance(value, (date, timedelta)) for value in present):
        advice = "Turn times into numbers: seconds since a date, or year, month and weekday as columns of their own."
        raise InputError("numbers or categories", f"column {name!r} of times or complex numbers", advice)
    if not present:
        return kind in "iuf"
    return all(isinstance(value, (Real, Decimal)) and not isinstance(value, (bool, np.bool_)) for value in present)


def _numbers(column: Any, name: str) -> NDArray[np.float64]:
    """Values (n,), NaN where they are missing."""
    try:
        if getattr(column.dtype, "kind", "O") in "iufb":
            values = np.asarray(column.astype(np.float64))
        else:
            values = np.array([math.nan if _is_missing(value) else float(value) for value in column])
    except (TypeError, ValueError) as error:
        raise InputError(f"numbers in column {name!r}, as in training", str(error), "Clear what is none.") from error
    if np.isinf(values).any():
        raise InputError(f"finite numbers in column {name!r}", "infinity", "Clip such values, or clear them.")
    return values


def _levels(column: Any) -> list[str | None]:
    """Values as text, None where they are missing."""
    return [None if _is_missing(value) else str(value) for value in np.asarray(column, dtype=object)]


def _learn_numbers(values: NDArray[np.float64], name: str) -> dict[str, Any]:
    """Median, mean of the distances to it, and scales: of the values, and of the indicator or None."""
    present = values[~np.isnan(values)]
    share = 1 - len(present) / len(values)
    present = present if len(present) else np.zeros(1)
    with np.errstate(over="ignore", invalid="ignore"):
        median = float(np.median(present))  # exact for a constant column, as a mean is not
        mean, deviation = float((present - median).mean()), float((present - median).std())
        largest = float(np.abs(present - median - mean).max())
    if not math.isfinite(mean + deviation):
        raise InputError(f"column {name!r} of finite variance", "an overflow", "Rescale it first.")
    scale = float(inverse_deviation(deviation, largest, np.abs(present).max()))
    missing = _level_scale(share * (1 - share)) if 0 < share < 1 else None
    names = [""] if missing is None else ["", " missing"]
    return {"names": names, "median": median, "mean": mean, "scale": scale, "missing": missing}


def _learn_levels(levels: list[str | None], max_levels: int) -> dict[str, Any]:
    """Levels with a feature of their own, sorted, missing (None) last; the scale of all features."""
    counts = Counter(levels)
    ranked = sorted(counts, key=lambda level: (level is not None, -counts[level], level or ""))
    other = len(ranked) > max_levels
    kept = sorted(ranked[: max_levels - 1] if other else ranked, key=lambda level: (level is None, level or ""))
    shares = [counts[level] / len(levels) for level in kept]
    variance = 1 - sum(share**2 for share in [*shares, 1 - sum(shares) if other else 0.0])
    names = [" missing" if level is None else f"={level}" for level in kept] + [" other"] * other
    return {"names": names, "levels": kept, "scale": _level_scale(variance)}


def _level_scale(variance: float) -> float:
    """Value of the feature of a level, a column of zeros and ones."""
    return float(inverse_deviation(math.sqrt(max(variance, 0.0)), 1.0, 1.0))
