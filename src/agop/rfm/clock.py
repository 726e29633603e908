"""A time budget: what fits into it, and when it has run out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any, Self, TypeVar

from agop.errors import InputError
from agop.ranks import ALONE, Ranks

__all__ = ["Clock", "within_time"]

Step = TypeVar("Step")
Decision = TypeVar("Decision")

_FEWEST_ROWS = 200
"""Rows to which no budget reduces a piece of work: a choice among kernels by so few takes 0.1 s, all else some ms."""

_END: Any = object()

_STEP = 0.9
"""Ratio of one number of rows that is tried to the next."""


def within_time(steps: Iterable[Step], seconds: float | None, ranks: Ranks = ALONE) -> Iterator[Step]:
    """Yield steps until the next one, as long as the longest so far, would overrun ``seconds``.

    The first step is always taken; None means no limit. Ranks that take the steps together end them together.

    Raises
    ------
    InputError
        If ``seconds`` is not positive.

    Examples
    --------
    >>> list(within_time(range(3), None))
    [0, 1, 2]
    """
    if seconds is not None and not seconds > 0:
        raise InputError("a positive time budget in seconds", repr(seconds), "Use None for no limit.")
    start = last = time.monotonic()
    longest = 0.0
    for step in steps:
        yield step
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        if any(ranks.exchange(seconds is not None and now - start + longest > seconds)):
            return


def _nothing() -> float:
    return 0.0


@dataclass(eq=False)
class Clock:
    """The seconds that a fit may take, and how long its pieces take beside what was predicted of them.

    Predictions are for cores without other work, and rough. The pace, which is the time that the last pieces took over
    the time predicted of them, corrects those of the pieces that follow.

    Ranks that fit together have clocks of one budget, and go by that of the first: they ask together.

    Attributes
    ----------
    began
        Reading of ``time.monotonic`` at the start.
    budget
        Seconds; None for no limit, where nothing is predicted.
    first_pace
        The pace before any piece was done, asked for where it is needed.
    cuts
        What there was no time for.
    ranks
        The processes that go by the clock of the first.

    Examples
    --------
    >>> clock = Clock.start(60.0)
    >>> clock.most(100_000, lambda rows: 1e-8 * rows**2, share=0.5)
    53144
    >>> Clock.start(None).most(100_000, lambda rows: 1e-8 * rows**2)
    100000
    """

    began: float
    budget: float | None
    first_pace: Callable[[], float] = lambda: 1.0
    cuts: list[str] = field(default_factory=list)
    ranks: Ranks = ALONE
    _ratios: list[float] = field(default_factory=list, repr=False)

    @classmethod
    def start(cls, budget: float | None, first_pace: Callable[[], float] = lambda: 1.0, ranks: Ranks = ALONE) -> Clock:
        """Begin now."""
        return cls(time.monotonic(), budget, first_pace, ranks=ranks)

    @property
    def alone(self) -> Self:
        """The same clock, for what one of the ranks does while the others wait."""
        return replace(self, ranks=ALONE)

    @property
    def pace(self) -> float:
        """Time of the last two pieces over the time that was predicted of them."""
        if not self._ratios:
            self._ratios.append(self.first_pace())
        last = self._ratios[-2:]
        return sum(last) / len(last)

    def cut(self, what: str) -> None:
        """Note what there was no time for."""
        self.cuts.append(what)

    def left(self, share: float = 1.0, later: Callable[[], float] = _nothing) -> float | None:
        """A share of the seconds that are left, always positive; None for no limit.

        ``later`` is the predicted time of work that must follow; at most half of the budget is kept for it.
        """
        return self._agreed(lambda: self._left(share, later))

    def fits(self, predicted: Callable[[], float], share: float = 1.0) -> bool:
        """Whether a piece of work fits into a share of the seconds that are left."""

        def fit() -> bool:
            left = self._left(share)
            return left is None or self.pace * predicted() <= left

        return self._agreed(fit)

    def most(
        self, n: int, predicted: Callable[[int], float], share: float = 1.0, later: Callable[[], float] = _nothing
    ) -> int:
        """The number of rows, n at most, whose predicted time fits into a share of the seconds that are left."""

        def fitting() -> int:
            left, rows = self._left(share, later), n
            while left is not None and rows > _FEWEST_ROWS and self.pace * predicted(rows) > left:
                rows = max(_FEWEST_ROWS, int(_STEP * rows))
            return rows

        return self._agreed(fitting)

    @contextmanager
    def measured(self, predicted: Callable[[], float]) -> Iterator[None]:
        """Learn the pace from a piece of work, whose time is predicted at its end."""
        start = time.monotonic()
        yield
        self._measure(start, predicted)

    def steps(
        self,
        steps: Iterable[Step],
        predicted: Callable[[int], float],
        cut: Callable[[int], str],
        *,
        least: int = 1,
        later: Callable[[], float] = _nothing,
    ) -> Iterator[Step]:
        """Yield steps until the next one does not fit into the seconds that are left.

        A step lasts until the next one is asked for: what is done with it counts.

        Parameters
        ----------
        steps
            Steps that are computed as they are asked for.
        predicted
            Predicted seconds of each step, by its number from 0.
        cut
            What is noted if there is no time for a step, by its number.
        least
            Number of steps that are taken in any case.
        later
            Predicted seconds of work that must follow.
        """
        ahead = iter(steps)

        def ends(number: int) -> bool:
            left = self._left(later=later)
            return left is not None and number >= least and self.pace * predicted(number) > left

        for number in count():
            if self._agreed(partial(ends, number)):
                self.cut(cut(number))
                return
            start = time.monotonic()
            if (step := next(ahead, _END)) is _END:
                return
            yield step
            self._measure(start, partial(predicted, number))

    def _left(self, share: float = 1.0, later: Callable[[], float] = _nothing) -> float | None:
        """What is left by the clock of this process."""
        if self.budget is None:
            return None
        kept = min(self.pace * later(), self.budget / 2)
        return max(share * (self.budget - kept - (time.monotonic() - self.began)), 1e-9)

    def _agreed(self, decision: Callable[[], Decision]) -> Decision:
        """What the first of the ranks decides; without a budget all decide alike."""
        own = decision()
        return own if self.budget is None else self.ranks.exchange(own)[0]

    def _measure(self, start: float, predicted: Callable[[], float]) -> None:
        seconds = time.monotonic() - start
        if self.budget is not None and (expected := predicted()) > 0:
            self._ratios.append(seconds / expected)
