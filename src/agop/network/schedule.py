"""When to measure while a network trains."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable

from agop.errors import InputError

__all__ = ["Schedule"]


class Schedule:
    r"""Indices at which to measure: the first, and every so many after it, within a share of the time.

    With t the seconds since the first measurement, s those of them that measurements took and d those that the last one
    took, one more fits if :math:`s + d \le \mathrm{time\_share} \cdot (t + d)`.

    Parameters
    ----------
    every
        A measurement is due where the index is a multiple of this, until it takes place.
    time_share
        Largest share of the time that measurements after the first may take, 0 < share <= 1; no limit if None.

    Attributes
    ----------
    is_due
        Whether a measurement is due, and waits for its share of the time.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> schedule, found = Schedule(every=3, time_share=None), []
    >>> for index in range(1, 8):
    ...     if schedule.wants(index):
    ...         schedule.count(seconds=0.1)
    ...         found.append(index)
    >>> found
    [1, 3, 6]
    """

    def __init__(self, every: int, time_share: float | None) -> None:
        if operator.index(every) < 1:
            raise InputError("every >= 1", str(every), "Measure at every index with every=1.")
        if time_share is not None and not 0 < time_share <= 1:
            advice = "0.1 lets measurements take a tenth of the time."
            raise InputError("0 < time_share <= 1, or None", str(time_share), advice)
        self.is_due = False
        self._every, self._time_share = every, time_share
        self._last: float | None = None
        self._begin, self._spent = time.monotonic(), 0.0

    def wants(self, index: int, agreed: Callable[[bool], bool] = bool) -> bool:
        """Whether to measure at an index; of several processes each asks, and ``agreed`` is what holds for all."""
        self.is_due = self.is_due or self._last is None or index % self._every == 0
        return self.is_due and agreed(self._fits())

    def count(self, seconds: float) -> None:
        """Take note of the seconds that a measurement took, which has just ended, or was made in an earlier session."""
        if self._last is None:
            self._begin = time.monotonic()
        else:
            self._spent += seconds
        self.is_due, self._last = False, seconds

    def _fits(self) -> bool:
        if self._time_share is None or self._last is None:
            return True
        elapsed = time.monotonic() - self._begin
        return self._spent + self._last <= self._time_share * (elapsed + self._last)
