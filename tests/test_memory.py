"""Memory stays where it is told to: in an hour of measuring, and whatever the size of the matrices.

Seconds and a part of the cases here, an hour and all of them by ``make soak``.
"""

from __future__ import annotations

import os
from multiprocessing import Pipe
from pathlib import Path

import pytest

from bounded import WORKS, measure_stream, tell_end, track
from processes import start

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")

MIB = 2**20
SOAK = float(os.environ.get("AGOP_SOAK", "0"))
SECONDS = SOAK / 2 or 4.0
"""Time that each of two streams takes."""

GROWTH = 4 * MIB
OVERHEAD = 64 * MIB
"""What a process may take beside ``max_memory``: the rows, their copies, and blocks."""


def told(work, *arguments):
    """What a process of its own says."""
    here, there = Pipe(duplex=False)
    process, _ = start(work, there, *arguments)
    there.close()
    try:
        return here.recv()
    finally:
        process.join()


@pytest.mark.parametrize("work", [measure_stream, track])
def test_memory_does_not_grow_with_time(work):
    taken = told(work, SECONDS)
    warm = taken[len(taken) // 4]
    assert len(taken) >= 8
    assert max(taken[len(taken) // 4 :]) - warm < GROWTH


@pytest.mark.parametrize("name", WORKS if SOAK else ["rfm", "measure"])
def test_memory_is_bounded(name):
    """No more is asked of the system; a process that is not told what it may take would ask for it."""
    size, max_memory = (1024, 64 * MIB) if name == "measure" else (8000 if SOAK else 4000, 32 * MIB)
    allowed = max_memory + OVERHEAD
    assert told(tell_end, name, size, max_memory, allowed) == "done"
    if name == "measure":
        size *= 2
    assert told(tell_end, name, size, None, allowed) == "refused"
