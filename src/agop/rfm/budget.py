"""A time budget for any recursion."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from agop.errors import InputError

__all__ = ["within_time"]

Step = TypeVar("Step")


def within_time(steps: Iterable[Step], seconds: float | None) -> Iterator[Step]:
    """Yield steps until the next one, as long as the longest so far, would overrun ``seconds``.

    The first step is always taken; None means no limit.

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
        if seconds is not None and now - start + longest > seconds:
            return
