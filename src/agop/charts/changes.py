"""Changes of a measure between two places, seed by seed, and whether they are more than the spread over the seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp, isfinite, log
from typing import Literal, Self, TypeAlias, TypeVar

from agop.runs import LEAST_FALL, Line, SeedSummary

__all__ = ["SAME", "Change", "Direction", "ends_of", "is_still", "plain_change", "steepest", "steps"]

SAME = 1.005
"""Ratio of values that are called the same."""

Direction: TypeAlias = Literal["falls", "rises", "same", "unsettled"]
"""Same: hardly changes in any seed. Unsettled: inside the spread over several seeds, so that it is no change."""

K = TypeVar("K")


@dataclass(frozen=True)
class Change:
    """A measure at two places, of the seeds that have it at both.

    Attributes
    ----------
    start, end
        Means over these seeds, geometric for changes of the logarithm.
    by
        Change of each seed: the logarithm of end over start, or end less start.
    direction
        Direction, if the change is more than the spread over seeds.
    factor
        Factor in each step of a change of the logarithm; None for another.
    step
        Name of a step, such as "layer"; the change is one step if it has none.
    span
        First and last epoch of a training; None if they are not known or not the same for all seeds.
    """

    start: float
    end: float
    by: SeedSummary
    direction: Direction
    factor: float | None = None
    step: str = ""
    span: tuple[int, int] | None = None

    @property
    def verb(self) -> str:
        """Verb of a sentence on the change."""
        others = {"same": "hardly changes", "unsettled": "changes within the spread"}
        return others.get(self.direction, self.direction)

    @classmethod
    def between(
        cls, before: SeedSummary, after: SeedSummary, *, log: bool = True, steps: int = 1, step: str = ""
    ) -> Self | None:
        """Change from one summary to the other in equal steps; None if no seed has both.

        Examples
        --------
        >>> before = SeedSummary.of({0: 1.0, 1: 100.0, 2: 7.0})
        >>> falls, unsettled = (Change.between(before, SeedSummary.of({0: 0.5, 1: end})) for end in (50.0, 300.0))
        >>> falls.direction, falls.factor, unsettled.direction
        ('falls', 0.5, 'unsettled')
        """
        by = before.change_to(after, log=log)
        if by is None:
            return None
        seeds = dict(by.values)
        start, end = (
            SeedSummary.of({seed: value for seed, value in each.values if seed in seeds}, log=log).mean
            for each in (before, after)
        )
        slight = 0.005 * max(abs(start), abs(end))
        direction: Direction = "falls" if by.mean < 0 else "rises"
        if is_still(by) if log else all(abs(change) <= slight for _, change in by.values):
            direction = "same"
        elif not by.is_beyond_spread:
            direction = "unsettled"
        return cls(start, end, by, direction, exp(by.mean / max(1, steps)) if log else None, step)


def plain_change(start: float, end: float) -> Change | None:
    """Change of a number that is no mean over seeds."""
    return Change.between(*(SeedSummary.of([value], log=False) for value in (start, end)), log=False)


def is_still(by: SeedSummary) -> bool:
    """Whether a logarithm hardly changes: not in the mean, and by less than 5 % in each of several seeds.

    Examples
    --------
    >>> is_still(SeedSummary.of([0.001, -0.02, 0.02], log=False)), is_still(SeedSummary.of([2.0, -2.0], log=False))
    (True, False)
    """
    return abs(by.mean) < log(SAME) and all(abs(change) < LEAST_FALL for _, change in by.values)


def steepest(changes: Mapping[K, Change]) -> list[K]:
    """Places of the largest fall of a logarithm, several if it is the same there.

    There are none where nothing falls, or where one of the seeds falls more at another place.

    Examples
    --------
    >>> before = SeedSummary.of([1.0, 1.0])
    >>> ends = {"a": SeedSummary.of([0.5, 0.4]), "b": SeedSummary.of([0.1, 0.1]), "c": SeedSummary.of([0.01, 0.2])}
    >>> changes = {name: Change.between(before, end) for name, end in ends.items()}
    >>> steepest({name: changes[name] for name in "ab"}), steepest(changes)
    (['b'], [])
    """
    falls = {place: change for place, change in changes.items() if change.direction == "falls"}
    if not falls:
        return []
    best = min(falls.values(), key=lambda change: change.by.mean)
    tied = [place for place, change in falls.items() if change.by.mean - best.by.mean < log(SAME)]
    others = [dict(change.by.values) for place, change in changes.items() if place not in tied]
    contested = any(other.get(seed, by) < by for seed, by in best.by.values for other in others)
    return [] if contested else tied


def ends_of(lines: Iterable[Line], measure: str, *, log: bool = True) -> Change | None:
    """Change from the first to the last epoch of each seed, so that seeds which end at different times do not mix.

    Seeds with fewer than two values are left out; None if all are.

    Examples
    --------
    >>> lines = [{"seed": s, "epoch": e, "nc1": 4.0 * (1 + s) / (1 + e)} for s, e in [(0, 0), (0, 7), (1, 0), (1, 7)]]
    >>> ends = ends_of(lines, "nc1")
    >>> ends.factor, ends.span
    (0.125, (0, 7))
    """
    courses = _courses(lines, measure, log=log)
    if not courses:
        return None
    start, end = (
        SeedSummary.of({seed: course[place][1] for seed, course in courses.items()}, log=log) for place in (0, -1)
    )
    change = Change.between(start, end, log=log)
    spans = {(course[0][0], course[-1][0]) for course in courses.values()}
    return change and replace(change, span=spans.pop() if len(spans) == 1 else None)


def steps(lines: Iterable[Line], measure: str) -> dict[tuple[int, int], Change]:
    """Changes of a positive measure from one measured epoch to the next, of the steps that all seeds make.

    Examples
    --------
    >>> found = steps([{"seed": 0, "epoch": e, "nc1": nc1} for e, nc1 in [(0, 10.0), (5, 1.0), (9, 100.0)]], "nc1")
    >>> {step: change.direction for step, change in found.items()}
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
