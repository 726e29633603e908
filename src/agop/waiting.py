"""Threads that wait for each other asleep, so that a fit is not held up by other processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["brief_waits"]

_PARALLEL = 2**20
"""Entries of an operation that takes all threads."""


@contextmanager
def brief_waits() -> Iterator[None]:
    """Let the threads of an operation wait for each other asleep.

    The threads of an operation end it together. Where another process has the core of one of them, the others wait: GNU
    OpenMP, which torch computes with, lets them do so awake for some ms, which takes the cores from whoever is to be
    waited for, so that a small operation may take a hundred times as long. In a process with more threads than
    cores it lets them sleep after some microseconds. So a second team of threads is started, which sleeps until the
    end; what is computed does not depend on it.

    With a single thread, or another OpenMP, this does nothing.

    References
    ----------
    GNU libgomp manual, ``GOMP_SPINCOUNT`` and ``OMP_WAIT_POLICY``.

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
    started, ended = threading.Event(), threading.Event()

    def team() -> None:
        torch.ones(_PARALLEL).exp_()
        started.set()
        ended.wait()

    thread = threading.Thread(target=team, name="agop-brief-waits", daemon=True)
    thread.start()
    started.wait()
    try:
        yield
    finally:
        ended.set()
        thread.join()
