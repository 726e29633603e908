"""Integers of a column as features, one each: numbers whose order may say little, such as hours and codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agop.tables.coding.numbers import indicator_scale

__all__ = ["integer_features", "learn_integers"]


def learn_integers(values: NDArray[np.float64], most: int) -> dict[str, Any] | None:
    """Coding of values (n,), NaN where they are missing; None unless they are 3 to ``most`` different integers.

    Examples
    --------
    >>> learn_integers(np.array([1.0, 2.0, 3.0, 3.0]), 64)
    {'names': ['=1', '=2', '=3'], 'integers': [1, 2, 3], 'scale': 1.26..., 'missing': False}
    >>> learn_integers(np.array([1.0, 2.0, 3.5]), 64)
    """
    missing = np.isnan(values)
    integers, counts = np.unique(values[~missing], return_counts=True)
    if not 3 <= len(integers) <= most - missing.any() or (integers % 1).any() or np.abs(integers).max() >= 2**53:
        return None
    shares = np.append(counts, missing.sum()) / len(values)
    return {
        "names": [f"={integer:.0f}" for integer in integers] + [" missing"] * bool(missing.any()),
        "integers": [int(integer) for integer in integers],
        "scale": indicator_scale(float(1 - np.square(shares).sum())),
        "missing": bool(missing.any()),
    }


def integer_features(values: NDArray[np.float64], coding: dict[str, Any]) -> NDArray[np.float64]:
    """Features (n, width) of values; one that was not seen takes the place of the nearest, NaN has zeros or its own."""
    integers = np.array(coding["integers"], dtype=np.float64)
    places = np.searchsorted((integers[1:] + integers[:-1]) / 2, values)
    places[np.isnan(values)] = len(integers)
    return np.where(places[:, None] == np.arange(len(coding["names"])), coding["scale"], 0.0)
