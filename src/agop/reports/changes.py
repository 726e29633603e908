"""How a measure changes between two places, seed by seed, and whether that is more than the spread over the seeds."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, log10
from typing import Self

from agop.records import SeedSummary
from agop.reports.wording import SAME

__all__ = ["Change"]


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
        "falls" or "rises"; "stays" where the mean hardly changes; "goes" where its change is inside the spread over
        several seeds, so that it is none.
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


def _verb(start: float, end: float, by: SeedSummary, *, log: bool) -> str:
    if abs(by.mean) < _LEAST if log else f"{start:.3g}" == f"{end:.3g}":
        return "stays"
    if not by.is_beyond_spread:
        return "goes"
    return "falls" if by.mean < 0 else "rises"


_LEAST = log(SAME)
