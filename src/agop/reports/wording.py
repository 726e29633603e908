"""How numbers are written in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agop.reports.results import Result

__all__ = ["SAME", "listed", "lowest", "of_run", "percent"]

SAME = 1.005
"""Ratio of values that are called the same."""


def percent(share: float) -> str:
    """A share in per cent, to a whole number or to two digits of a smaller one.

    Examples
    --------
    >>> percent(0.923), percent(0.0123), percent(0.0), percent(1.0)
    ('92 %', '1.2 %', '0 %', '100 %')
    """
    return f"{100 * share:.0f} %" if abs(share) >= 0.1 or share == 0 else f"{100 * share:.2g} %"


def listed(parts: Sequence[str], most: int = 8) -> str:
    """Parts of a sentence one after the other; if there are more than one above ``most``, the first of them.

    Examples
    --------
    >>> listed(["age", "mass", "town"]), listed(["age", "mass", "town", "job"], most=2)
    ('age, mass and town', 'age, mass and 2 others')
    """
    if len(parts) > most + 1:
        return f"{', '.join(parts[:most])} and {len(parts) - most} others"
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def lowest(what: str, values: Mapping[str, float]) -> str:
    """Where a positive value is lowest, and how far below the highest.

    Examples
    --------
    >>> lowest("NC1", {"a": 4.0, "b": 0.5}), lowest("NC1", {"a": 4.0, "b": 4.001})
    ('NC1 is lowest in b (0.5), 8x below a.', 'NC1 is about the same in all runs (4).')
    """
    low, high = (choose(values, key=values.__getitem__) for choose in (min, max))
    if values[high] < SAME * values[low]:
        return f"{what} is about the same in all runs ({values[low]:.3g})."
    return f"{what} is lowest in {low} ({values[low]:.3g}), {values[high] / values[low]:.3g}x below {high}."


def of_run(results: Sequence[Result], result: Result, sentence: str) -> str:
    """A sentence on one of the results, with its name where there are several."""
    return sentence if len(results) == 1 else f"{result.name}: {sentence}"
