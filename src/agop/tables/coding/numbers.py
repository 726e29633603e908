"""Numbers of a column as a feature of mean 0 and variance 1, and a second one that marks missing values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agop.datasets import inverse_deviation
from agop.errors import InputError

__all__ = ["indicator_scale", "is_missing", "learn_numbers", "number_features", "numbers_of"]


def is_missing(value: Any) -> bool:
    """Whether an object is None, NaN, NaT, or pandas.NA, which compares with nothing; an array is not."""
    if value is None or isinstance(value, np.ndarray):
        return value is None
    return str(value) == "<NA>" or bool(value != value)


def numbers_of(column: Any, name: str) -> NDArray[np.float64]:
    """Values (n,) of a column, NaN where they are missing.

    Raises
    ------
    InputError
        If a value is no number, or infinite.
    """
    try:
        if getattr(column.dtype, "kind", "O") in "iufb":
            values = np.asarray(column.astype(np.float64))
        else:
            values = np.array([math.nan if is_missing(value) else float(value) for value in column])
    except (TypeError, ValueError) as error:
        raise InputError(f"numbers in column {name!r}, as in training", str(error), "Clear what is none.") from error
    if np.isinf(values).any():
        raise InputError(f"finite numbers in column {name!r}", "infinity", "Clip such values, or clear them.")
    return values


def learn_numbers(values: NDArray[np.float64], name: str) -> dict[str, Any]:
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
    missing = indicator_scale(share * (1 - share)) if 0 < share < 1 else None
    names = [""] if missing is None else ["", " missing"]
    return {"names": names, "median": median, "mean": mean, "scale": scale, "missing": missing}


def number_features(values: NDArray[np.float64], coding: dict[str, Any]) -> NDArray[np.float64]:
    """Features (n, 1 or 2) of values (n,), NaN where they are missing."""
    missing = np.isnan(values)
    scaled = (np.where(missing, 0.0, values - coding["median"]) - coding["mean"]) * coding["scale"]
    return np.column_stack([scaled] if coding["missing"] is None else [scaled, missing * coding["missing"]])


def indicator_scale(variance: float) -> float:
    """Value that a feature has where something holds, 0 elsewhere; ``variance`` is that of the truth values."""
    return float(inverse_deviation(math.sqrt(max(variance, 0.0)), 1.0, 1.0))
