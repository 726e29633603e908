"""How a measure moves in a training, seed by seed, so that seeds which end at different times do not mix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, log10

from agop.records import Line, SeedSummary

__all__ = ["Ends", "ends_of", "moved", "steps"]

STILL = 1e-3
"""Decades below which a measure stayed as it was: the data that the first layer reads do not change."""


@dataclass(frozen=True)
class Ends:
    """First and last values of the seeds of a training.

    Attributes
    ----------
    start, end
        Means over seeds.
    epochs
        First and last epoch; None if they are not the same for all seeds.
    """

    start: float
    end: float
    epochs: tuple[int, int] | None


def ends_of(lines: Iterable[Line], measure: str, *, log: bool = True) -> Ends | None:
    """Means over seeds of the first and of the last value of each seed, geometric with ``log``.

    Seeds with fewer than two values are left out; None if all are.

    Examples
    --------
    >>> lines = [{"seed": s, "epoch": e, "nc1": 4.0 * (1 + s) / (1 + e)} for s, e in [(0, 0), (0, 7), (1, 0), (1, 3)]]
    >>> ends_of(lines, "nc1", log=False)
    Ends(start=6.0, end=1.25, epochs=None)
    """
    courses = _courses(lines, measure, log=log)
    if not courses:
        return None
    start, end = (SeedSummary.of([course[place][1] for course in courses], log=log).mean for place in (0, -1))
    epochs = {(course[0][0], course[-1][0]) for course in courses}
    return Ends(start, end, epochs.pop() if len(epochs) == 1 else None)


def steps(lines: Iterable[Line], measure: str) -> dict[tuple[int, int], float]:
    """Decades by which a positive measure falls from one measured epoch to the next, means over the seeds.

    Examples
    --------
    >>> steps([{"seed": 0, "epoch": e, "nc1": nc1} for e, nc1 in [(0, 10.0), (5, 1.0), (9, 100.0)]], "nc1")
    {(0, 5): 1.0, (5, 9): -2.0}
    """
    falls: dict[tuple[int, int], list[float]] = defaultdict(list)
    for course in _courses(lines, measure, log=True):
        for (before, high), (after, low) in pairwise(course):
            falls[before, after].append(log10(high / low))
    return {step: sum(found) / len(found) for step, found in falls.items()}


def moved(start: float, end: float) -> tuple[str, str]:
    """Verb, and by how many decades, of a positive measure.

    Examples
    --------
    >>> moved(1.0, 0.1), moved(1.0, 100.0), moved(2.0, 2.0)
    (('falls', 'by 1 decade'), ('rises', 'by 2 decades'), ('stays', 'as it was'))
    """
    decades = log10(start / end)
    if abs(decades) <= STILL:
        return "stays", "as it was"
    text = f"{abs(decades):.2g}"
    return "falls" if decades > 0 else "rises", f"by {text} decade{'' if text == '1' else 's'}"


def _courses(lines: Iterable[Line], measure: str, *, log: bool) -> list[list[tuple[int, float]]]:
    """(epoch, value) in their order for each seed with two or more finite values, positive ones with ``log``."""
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for line in lines:
        value = line.get(measure)
        if value is not None and isfinite(value) and (value > 0 or not log):
            found[line["seed"]][line["epoch"]] = value
    return [sorted(course.items()) for course in found.values() if len(course) > 1]
