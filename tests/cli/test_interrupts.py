"""Ctrl-C and SIGTERM at any stage of a command, wherever in Python they come."""

from __future__ import annotations

import os
import subprocess
import sys
from signal import SIGINT, SIGTERM

import pytest

COMMAND = """if True:
    import os, signal, sys
    from agop.__main__ import main

    stage, number = sys.argv[1], int(sys.argv[2])

    def send(*_):
        os.kill(os.getpid(), number)

    class Import:
        "A module of which an import is about to begin, where exceptions get lost as in callbacks and compiled modules."

        def find_spec(name, *_):
            if name == stage:
                try:
                    send()
                except BaseException:
                    pass

    sys.meta_path.insert(0, Import)
    sys.argv[1:] = sys.argv[3:]
"""
MERGE = ["merge", "nothing", "--out", "nowhere"]


def ended(stage, number, *arguments, begin=""):
    """Exit code and standard error of a command to which a signal is sent at a stage."""
    command = [sys.executable, "-c", f"{COMMAND}\n    {begin}\n    main()", stage, str(int(number)), *arguments]
    imports_nothing_else = {name: value for name, value in os.environ.items() if name != "AGOP_SEED"}
    done = subprocess.run(command, env=imports_nothing_else, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
@pytest.mark.parametrize("module", ["typer.models", "agop.cli.commands.merge", "torch._C", "sklearn.base"])
def test_an_end_during_the_imports_is_one_sentence(module, number, heeded_ctrl_c):
    assert ended(module, number, *MERGE) == (130, "Interrupted. Nothing was begun.\n")


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_an_end_during_the_work_says_what_there_is(number, heeded_ctrl_c):
    begin = "import agop.cli.merge; agop.cli.merge.merge_runs = send"
    code, said = ended("nothing", number, *MERGE, begin=begin)
    assert code == 130
    assert " ".join(said.split()) == "Interrupted. Repeat the command to go on with what it finished."


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (MERGE, 2)])
def test_a_signal_after_the_end_changes_nothing(number, arguments, code):
    """As Python takes itself down, when it has no handlers of its own any more."""
    begin = "sys.last = type('Last', (), {'__del__': lambda _, kill=os.kill, own=os.getpid(): kill(own, number)})()"
    assert ended("nothing", number, *arguments, begin=begin)[0] == code


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_a_signal_that_is_ignored_stays_so(number):
    """As those of a command in the background, or under nohup."""
    assert ended("typer.models", number, "--help", begin="signal.signal(number, signal.SIG_IGN)") == (0, "")
