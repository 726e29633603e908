"""How a measure moves in a training, seed by seed, so that seeds which end at different times do not mix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from agop.charts.findings.changes import Change
from agop.runs import Line, SeedSummary

__all__ = ["Ends", "ends_of", "steps"]


@dataclass(frozen=True)
class Ends:
    """First and last values of the seeds of a training.

    Attributes
    ----------
    change
        From the first to the last.
    epochs
        First and last epoch; None if they are not the same for all seeds.
    """

    change: Change
    epochs: tuple[int, int] | None

    @property
    def moves(self) -> tuple[str, str]:
        """Verb, and by how many decades, of a positive measure."""
        words = {"stays": ("stays", "as it was"), "goes": ("moves", "by no more than the spread over seeds")}
        return words.get(self.change.verb) or (self.change.verb, self.change.decades)


def ends_of(lines: Iterable[Line], measure: str, *, log: bool = True) -> Ends | None:
    """Change from the first to the last value of each seed, geometric with ``log``.

    Seeds with fewer than two values are left out; None if all are.

    Examples
    --------
    >>> lines = [{"seed": s, "epoch": e, "nc1": 4.0 * (1 + s) / (1 + e)} for s, e in [(0, 0), (0, 7), (1, 0), (1, 7)]]
    >>> ends = ends_of(lines, "nc1")
    >>> ends.moves, ends.epochs
    (('falls', 'by 0.9 decades'), (0, 7))
    """
    courses = _courses(lines, measure, log=log)
    if not courses:
        return None
    start, end = (
        SeedSummary.of({seed: course[place][1] for seed, course in courses.items()}, log=log) for place in (0, -1)
    )
    change = Change.between(start, end, log=log)
    epochs = {(course[0][0], course[-1][0]) for course in courses.values()}
    return None if change is None else Ends(change, epochs.pop() if len(epochs) == 1 else None)


def steps(lines: Iterable[Line], measure: str) -> dict[tuple[int, int], Change]:
    """Changes of a positive measure from one measured epoch to the next, of the steps that all seeds make.

    Examples
    --------
    >>> found = steps([{"seed": 0, "epoch": e, "nc1": nc1} for e, nc1 in [(0, 10.0), (5, 1.0), (9, 100.0)]], "nc1")
    >>> {step: change.verb for step, change in found.items()}
    {(0, 5): 'falls', (5, 9): 'rises'}
    """
    courses = _courses(lines, measure, log=True)
    made: dict[tuple[int, int], dict[int, tuple[float, float]]] = defaultdict(dict)
    for seed, course in courses.items():
        for (before, high), (after, low) in pairwise(course):
            made[before, after][seed] = high, low
    changes = {
        step: Change.between(*(SeedSummary.of({seed: pair[k] for seed, pair in pairs.items()}) for k in (0, 1)))
        for step, pairs in made.items()
        if len(pairs) == len(courses)
    }
    return {step: change for step, change in changes.items() if change is not None}


def _courses(lines: Iterable[Line], measure: str, *, log: bool) -> dict[int, list[tuple[int, float]]]:
    """(epoch, value) in their order for each seed with two or more finite values, positive ones with ``log``."""
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for line in lines:
        value = line.get(measure)
        if value is not None and isfinite(value) and (value > 0 or not log):
            found[line["seed"]][line["epoch"]] = value
    return {seed: sorted(course.items()) for seed, course in found.items() if len(course) > 1}
