"""Levels of a column as features, one each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agop.errors import InputError
from agop.tables.coding.numbers import indicator_scale, is_missing

__all__ = ["learn_levels", "level_features", "levels_of", "refuse_collections", "refuse_free_text"]

_FEW = 20
"""Levels of a row each up to which text counts as categories, however few rows there are."""


def levels_of(column: Any) -> list[str | None]:
    """Values of a column as text, None where they are missing."""
    return [None if is_missing(value) else str(value) for value in np.asarray(column, dtype=object)]


def learn_levels(levels: Sequence[str | None], max_levels: int) -> dict[str, Any]:
    """Levels with a feature of their own, sorted, missing (None) last; the scale of all features."""
    counts = Counter(levels)
    ranked = sorted(counts, key=lambda level: (level is not None, -counts[level], level or ""))
    other = len(ranked) > max_levels
    kept = sorted(ranked[: max_levels - 1] if other else ranked, key=lambda level: (level is None, level or ""))
    shares = [counts[level] / len(levels) for level in kept]
    variance = 1 - sum(share**2 for share in [*shares, 1 - sum(shares) if other else 0.0])
    names = [" missing" if level is None else f"={level}" for level in kept] + [" other"] * other
    return {"names": names, "levels": kept, "scale": indicator_scale(variance)}


def level_features(levels: Sequence[str | None], coding: dict[str, Any]) -> NDArray[np.float64]:
    """Features (n, width) of levels (n,)."""
    position = {level: index for index, level in enumerate(coding["levels"])}
    codes = np.array([position.get(level, len(position)) for level in levels])
    return np.where(codes[:, None] == np.arange(len(coding["names"])), coding["scale"], 0.0)


def refuse_collections(values: Iterable[Any], name: str) -> None:
    """InputError for lists, arrays and mappings, which a Parquet file can hold: they are no levels.

    Examples
    --------
    >>> refuse_collections(["red", 1.5], "color")
    >>> refuse_collections([["red", "blue"]], "colors")
    Traceback (most recent call last):
    ...
    agop.errors.InputError: expected numbers, dates or categories in column 'colors', got values of type list. ...
    """
    if (found := next((value for value in values if type(value).__hash__ is None), None)) is not None:
        expected = f"numbers, dates or categories in column {name!r}"
        raise InputError(expected, f"values of type {type(found).__name__}", "Make a column of each of their parts.")


def refuse_free_text(levels: Sequence[str | None], name: str) -> None:
    """InputError if most values occur in one row only, and these are more than a few: there is nothing to learn from.

    Examples
    --------
    >>> refuse_free_text(["red", "blue", "red"], "color")
    >>> refuse_free_text([f"I am number {k}" for k in range(30)], "note")
    Traceback (most recent call last):
    ...
    agop.errors.InputError: expected numbers, dates or categories in column 'note', got free text or identifiers: ...
    """
    counts = Counter(level for level in levels if level is not None)
    alone = [level for level, count in counts.items() if count == 1]
    if len(alone) > max(_FEW, counts.total() / 2):
        raise InputError(
            f"numbers, dates or categories in column {name!r}",
            f"free text or identifiers: {len(alone)} of {counts.total()} values occur once, such as {alone[0]!r:.60}",
            "Drop the column, or derive numbers or categories from it.",
        )
