"""Threads that wait for each other asleep while other processes want their cores."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

__all__ = ["brief_waits", "one_thread"]

_PARALLEL = 2**20
"""Entries of an operation that takes all threads."""

_TASKS = Path("/proc/self/task")
_PERIOD = 0.02
"""Seconds between two looks at how long threads have waited for a core."""

_CROWDED = 0.3
"""Cores for which threads wait all the time, as seen at two looks in turn, from which on waits are brief."""

_PATIENCE = 1.0
"""Seconds of brief waits, after which it is looked again whether they are needed."""


@contextmanager
def brief_waits() -> Iterator[None]:
    """Let the threads of an operation wait for each other asleep while they have to wait for cores.

    The threads of an operation end it together. Where another process has the core of one of them, the others wait: GNU
    OpenMP, which torch computes with, lets them do so awake for some ms, which takes the cores from whoever is to be
    waited for, so that a small operation may take a hundred times as long. In a process with more threads than
    cores it lets them sleep after some microseconds. That costs a third of the time of small fits, so it is done only
    while the threads of this process wait for cores: then a second team of threads is started, which sleeps. Where the
    system does not say how long they wait, it is there all the time. What is computed does not depend on it.

    With a single thread, or another OpenMP, this does nothing.

    References
    ----------
    GNU libgomp manual, ``GOMP_SPINCOUNT`` and ``OMP_WAIT_POLICY``; Linux, Documentation/scheduler/sched-stats.

    Examples
    --------
    >>> with brief_waits():
    ...     torch.ones(2, 2) @ torch.ones(2, 2)
    tensor([[2., 2.],
            [2., 2.]])
    """
    if torch.get_num_threads() == 1:
        yield
        return
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(ended,), name="agop-brief-waits", daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let operations of this thread take one core, as for a timing: processor time of several counts their waits too.

    Examples
    --------
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _watch(ended: threading.Event) -> None:
    """Keep a second team asleep while threads wait for cores."""
    looks, then, waited = 0, time.monotonic(), _seconds_waited()
    while waited is not None and not ended.wait(_PERIOD):
        last, before = waited, then
        waited, then = _seconds_waited(), time.monotonic()
        looks = looks + 1 if waited is None or waited - last > _CROWDED * (then - before) else 0
        if looks == 2:
            _with_second_team(ended, _PATIENCE)
            looks, waited, then = 0, _seconds_waited(), time.monotonic()
    _with_second_team(ended)


def _with_second_team(ended: threading.Event, seconds: float | None = None) -> None:
    """Wait until the end, at most some seconds, while there is a second team: it ends with the thread that has it."""

    def team() -> None:
        torch.ones(_PARALLEL).exp_()
        ended.wait(seconds)

    if not ended.is_set():
        thread = threading.Thread(target=team, name="agop-second-team", daemon=True)
        thread.start()
        thread.join()


def _seconds_waited() -> float | None:
    """Seconds that the threads of this process have waited for a core; None where the system does not say."""
    ran, waited = 0, 0
    for file in _TASKS.glob("*/schedstat"):
        with suppress(OSError):  # of a thread that has just ended
            spent = file.read_text().split()
            ran, waited = ran + int(spent[0]), waited + int(spent[1])
    return waited / 1e9 if ran else None
