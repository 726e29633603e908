"""Whatever call to the disk fails, whenever the process is killed: old files are whole, and a repetition ends the same.

A few calls and kills of each command here, many by ``make faults``.
"""

from __future__ import annotations

import itertools
import os
import time

import numpy as np
import pytest

from agop.errors import OutputError
from faults import ERRORS, Killed, failing_disk
from jobs import JOBS, assert_readable, found
from processes import start

ALL = os.environ.get("AGOP_FAULTS") == "all"
CALLS, KILLS = (None, 10) if ALL else (8, 1)
"""Calls of each command that fail, None for all of them in every way, and processes of each that are killed."""

FAULTS = (*ERRORS, Killed)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What commands leave that nothing disturbs, and how many calls to the disk they take."""
    wholes = {}
    for name, command in JOBS.items():
        folder = tmp_path_factory.mktemp(name)
        with failing_disk(Killed, 10**9) as disk:
            command(folder)
        wholes[name] = found(folder), 10**9 - disk.left
    return wholes


def tried(name, n_calls):
    """Calls that fail, and how."""
    if CALLS is None:
        return itertools.product(range(1, n_calls + 1), FAULTS)
    chosen = chance(name).permutation(n_calls)[:CALLS] + 1
    return zip(sorted(chosen.tolist()), itertools.cycle(FAULTS), strict=False)


def chance(name):
    return np.random.default_rng(list(name.encode()))


@pytest.mark.parametrize("name", JOBS)
def test_every_call_to_the_disk_may_fail(name, whole, tmp_path):
    command, (expected, n_calls) = JOBS[name], whole[name]
    for n, fault in tried(name, n_calls):
        folder = tmp_path / f"{n}-{FAULTS.index(fault)}"
        folder.mkdir()
        try:
            with failing_disk(fault, n):
                command(folder)
        except (OutputError, Killed) as error:
            said = str(error)
            assert fault is Killed if isinstance(error, Killed) else os.strerror(fault) in said  # noqa: PT017
            assert "\n" not in said
        assert_readable(folder)
        command(folder)
        assert found(folder) == expected, (n, fault)


@pytest.mark.skipif(os.name == "nt", reason="processes of POSIX")
@pytest.mark.parametrize("name", JOBS)
def test_a_process_may_be_killed_at_any_time(name, tmp_path):
    command, moments = JOBS[name], chance(name)
    code, seconds = ended(command, tmp_path / "whole")
    assert code == 0
    expected = found(tmp_path / "whole")
    for n in range(KILLS):
        folder = tmp_path / str(n)
        ended(command, folder, after=moments.uniform(0, seconds))
        assert_readable(folder)
        assert ended(command, folder)[0] == 0
        assert found(folder) == expected, n


def ended(command, folder, after=None):
    """Exit code of a process that works in a folder and is killed after some seconds, and the seconds that it took."""
    folder.mkdir(exist_ok=True)
    process, began = start(command, folder)
    process.join(after)
    process.kill()
    process.join()
    return process.exitcode, time.monotonic() - began
