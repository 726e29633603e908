"""The table of commands: what it says, and that it comes without torch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import agop
from agop.cli.app import COMMANDS
from commands import invoke, words


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_help_of_each_begins_with(name):
    assert words(COMMANDS[name]) in words(invoke("--help").stdout)
    usage, _, text = words(invoke(name, "--help").stdout).partition(" Options ")[0].partition("[OPTIONS]")
    assert words(COMMANDS[name]) in text, usage


def test_an_unknown_command_is_one_error():
    result = invoke("mesure")
    assert result.exit_code == 2
    assert "mesure" in words(result.stderr)


def test_help_and_errors_of_usage_come_without_torch():
    """Nor does the package itself import what takes seconds."""
    code = """if True:
        import sys, agop
        from agop.cli.app import COMMANDS
        from commands import invoke
        calls = [["--help"], *([name, option] for name in COMMANDS for option in ("--help", "--nothing"))]
        for arguments in calls:
            assert invoke(*arguments).exit_code == (0 if arguments[-1] == "--help" else 2), arguments
            slow = {"torch", "sklearn", "scipy", "pandas"} & {*sys.modules}
            assert not slow, (arguments, slow)
    """
    path = os.pathsep.join(["tests", *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there():
    assert set(agop.__all__) <= set(dir(agop))
    for name in agop.__all__:
        assert getattr(agop, name).__name__.split(".")[-1] == name
    with pytest.raises(AttributeError, match="nothing"):
        agop.nothing  # noqa: B018


def test_version():
    result = invoke("--version")
    assert result.exit_code == 0
    assert result.stdout.split() == ["agop", agop.__version__]
