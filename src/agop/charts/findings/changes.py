"""How a measure changes between two places, seed by seed, and whether that is more than the spread over the seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, log10
from typing import Self, TypeVar

from agop.charts.findings.wording import SAME
from agop.runs import LEAST_FALL, SeedSummary

__all__ = ["Change", "is_still", "steepest"]

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
    verb
        "falls" or "rises"; "stays" where it hardly changes in any seed; "goes" where the change is inside the spread
        over several seeds, so that it is none.
    """

    start: float
    end: float
    by: SeedSummary
    verb: str

    @classmethod
    def between(cls, before: SeedSummary, after: SeedSummary, *, log: bool = True) -> Self | None:
        """Change from one summary to the other; None if no seed has both.

        Examples
        --------
        >>> before = SeedSummary.of({0: 1.0, 1: 100.0, 2: 7.0})
        >>> Change.between(before, SeedSummary.of({0: 0.5, 1: 50.0})).verb
        'falls'
        >>> Change.between(before, SeedSummary.of({0: 0.5, 1: 300.0})).verb
        'goes'
        """
        by = before.change_to(after, log=log)
        if by is None:
            return None
        seeds = dict(by.values)
        start, end = (
            SeedSummary.of({seed: value for seed, value in each.values if seed in seeds}, log=log).mean
            for each in (before, after)
        )
        return cls(start, end, by, _verb(start, end, by, log=log))

    @property
    def decades(self) -> str:
        """By how many decades a positive measure changes.

        Examples
        --------
        >>> Change.between(SeedSummary.of([1.0]), SeedSummary.of([0.1])).decades
        'by 1 decade'
        """
        text = f"{abs(log10(self.start / self.end)):.2g}"
        return f"by {text} decade{'' if text == '1' else 's'}"

    @property
    def within(self) -> str:
        """What is said of a change inside the spread; empty for others.

        Examples
        --------
        >>> Change.between(SeedSummary.of([1.0, 1.0]), SeedSummary.of([0.5, 0.01])).within
        'lower in 2 of 2 seeds, inside their spread'
        """
        lower = sum(by < 0 for _, by in self.by.values)
        return f"lower in {lower} of {self.by.n_seeds} seeds, inside their spread" if self.verb == "goes" else ""


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
    falls = {place: change for place, change in changes.items() if change.verb == "falls"}
    if not falls:
        return []
    best = min(falls.values(), key=lambda change: change.by.mean)
    tied = [place for place, change in falls.items() if change.by.mean - best.by.mean < log(SAME)]
    others = [dict(change.by.values) for place, change in changes.items() if place not in tied]
    contested = any(other.get(seed, by) < by for seed, by in best.by.values for other in others)
    return [] if contested else tied


def _verb(start: float, end: float, by: SeedSummary, *, log: bool) -> str:
    slight = 0.005 * max(abs(start), abs(end))
    if is_still(by) if log else all(abs(change) <= slight for _, change in by.values):
        return "stays"
    if not by.is_beyond_spread:
        return "goes"
    return "falls" if by.mean < 0 else "rises"
