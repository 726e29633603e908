"""What the documentation names is there: commands with their options, extras, and files."""

from __future__ import annotations

import functools
import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import typer

from agop.cli import app
from agop.cli.app import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.rst"), *ROOT.glob("results/**/README.md")])
TEXTS = {str(page.relative_to(ROOT)): page.read_text() for page in PAGES if "notebooks" not in page.parts}

UsageError = typer.BadParameter.__base__  # of click, which typer may bring along itself

_FILE = re.compile(r"``((?:tests|benchmarks|docs)/[\w./-]+)``|`((?:tests|benchmarks|docs)/[\w./-]+)`")


def commands(text):
    """Commands of agop in a text, as their arguments."""
    joined = re.sub(r" *\\\n *", " ", text)
    shown = re.findall(r"^ *\$ (?:.*-m )?agop .*$|^ +agop [a-z-]+ .*--.*$", joined, re.MULTILINE)
    return [shlex.split(line.partition("agop ")[2], comments=True) for line in shown]


@functools.cache
def commands_there():
    """The commands by name."""
    for name in COMMANDS:
        import_module(f"agop.cli.commands.{name.replace('-', '_')}")
    return typer.main.get_command(app).commands


def refused(arguments):
    """Why a command does not take these arguments; None if it does."""
    name, *rest = arguments
    if name not in COMMANDS:
        return f"no command {name}"
    try:
        commands_there()[name].make_context(name, rest)
    except UsageError as error:
        return f"{name}: {error.format_message()}"
    return None


def missing_files(text):
    named = [one or other for one, other in _FILE.findall(text)]
    made = [name for name in named if "/_" in name]  # by the build of the documentation
    return [name for name in named if name not in made and not (ROOT / name).exists()]


@pytest.mark.parametrize("page", TEXTS)
def test_commands_take_the_options_that_are_shown(page):
    assert [told for told in map(refused, commands(TEXTS[page])) if told] == []


def test_commands_are_found():
    assert {arguments[0] for text in TEXTS.values() for arguments in commands(text)} == set(COMMANDS)


@pytest.mark.parametrize("line", ["$ agop fitt a.csv", "$ agop fit a.csv --targe y", "$ agop merge \\\n  --x a"])
def test_a_command_that_does_not_work_is_found(line):
    (arguments,) = commands(line)
    assert refused(arguments)


@pytest.mark.parametrize("page", TEXTS)
def test_options_in_a_sentence_exist(page):
    told = set(re.findall(r"``(--[a-z][\w-]*)", TEXTS[page]))
    there = {option for each in commands_there().values() for p in each.params for option in p.opts}
    assert told <= there


@pytest.mark.parametrize("page", TEXTS)
def test_files_that_are_named_exist(page):
    assert missing_files(TEXTS[page]) == []


def test_a_file_that_is_missing_is_found():
    assert missing_files("``tests/test_nothing.py`` and ``tests/test_documented.py``") == ["tests/test_nothing.py"]


def test_every_extra_is_in_the_installation():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    listed = re.findall(r"^``(\w+)``", (ROOT / "docs/install.rst").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(extras)
