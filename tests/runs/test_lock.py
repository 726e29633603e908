"""One process writes a run folder at a time; the lock ends with its holder, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from agop.errors import InputError
from agop.runs import Run

SETTINGS = {"depth": 2}

HOLDER = """
import sys, time
from agop.runs import Run
run = Run.create(sys.argv[1], {"depth": 2})
run.append([{"layer": 1}])
print("holds", flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that writes the run in ``run``."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "run")], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"holds\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_writer_is_told_who_writes(holder, tmp_path):
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(InputError, match=rf"no other writer of .*run, got process {holder.pid} on .* since") as caught:
        Run.create(tmp_path / "run", SETTINGS)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    assert Run.open(tmp_path / "run").metrics() == [{"layer": 1}]  # one may look


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_a_writer_that_was_killed_holds_nothing(holder, tmp_path, ending):
    os.kill(holder.pid, ending)
    holder.wait()
    run = Run.create(tmp_path / "run", SETTINGS)
    run.append([{"layer": 2}])
    assert run.metrics() == [{"layer": 1}, {"layer": 2}]


def test_what_the_lock_says_of_its_holder_may_be_damaged(tmp_path):
    Run.create(tmp_path / "run", SETTINGS).finish()
    (tmp_path / "run" / ".lock").write_bytes(b"\xff\x00" * 1000)
    assert Run.create(tmp_path / "run", SETTINGS).is_started()


def other_process_can_write(path):
    code = "import sys; from agop.runs import Run; Run.create(sys.argv[1], {'depth': 2})"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "no other writer" in done.stderr
    return done.returncode == 0


def test_a_run_is_free_when_it_is_finished_interrupted_or_forgotten(tmp_path):
    finished = Run.create(tmp_path / "finished", SETTINGS)
    assert not other_process_can_write(finished.path)
    finished.finish()
    assert other_process_can_write(finished.path)
    interrupted = Run.create(tmp_path / "interrupted", SETTINGS)
    with pytest.raises(KeyboardInterrupt), interrupted.working():
        raise KeyboardInterrupt
    assert other_process_can_write(interrupted.path)
    forgotten = Run.create(tmp_path / "forgotten", SETTINGS)
    del forgotten
    assert other_process_can_write(tmp_path / "forgotten")


def test_one_process_may_create_a_run_twice(tmp_path):
    first, second = (Run.create(tmp_path / "run", SETTINGS) for _ in range(2))
    assert first == second
