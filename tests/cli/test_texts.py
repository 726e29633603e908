"""What commands print is printed as it is, and no number is cut in a narrow terminal."""

from __future__ import annotations

import warnings

import pytest
import typer

from agop.charts.document import NumberTable
from agop.cli.app import readable_errors
from agop.cli.terminal import console, print_numbers, progress_bar, say, warn, working
from agop.errors import InputError

NAMES = ["mass [kg]", "rate [/h]", "[bold]x[/]", "ratio:key:", "a\\[b]\\"]


@pytest.fixture
def printed(monkeypatch, capsys):
    """What the commands print at a width, to read once."""

    def at(width):
        monkeypatch.setenv("COLUMNS", str(width))
        return lambda: capsys.readouterr().out

    return at


@pytest.mark.parametrize("name", NAMES)
def test_brackets_are_no_markup(name, printed):
    found = printed(80)
    say(name)
    warn(name)
    print_numbers(NumberTable(name, ["column", name], [[name, "1.5"]]), f"table of {name}")
    assert found().count(name) == 5


@pytest.mark.parametrize("name", NAMES)
def test_brackets_in_progress_and_warnings(name, printed):
    found = printed(120)
    with progress_bar() as progress:
        progress.add_task(name, total=1)
        warnings.simplefilter("always")  # in the commands they are no errors
        warnings.warn(f"column {name} is constant", stacklevel=1)
    text = found()
    assert f"column {name} is constant" in text
    assert text.count(name) >= 2


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_is_told_what_is_being_done_and_a_file_is_not(terminal, monkeypatch, printed):
    monkeypatch.setattr(console, "_force_terminal", terminal)
    monkeypatch.setattr(console, "is_interactive", terminal)
    monkeypatch.setenv("TERM", "xterm")
    found = printed(80)
    with working("reading 2 runs [of 3]"):
        pass
    with working("drawing", pieces=2) as advance:
        advance()
    text = found()
    assert ("reading 2 runs [of 3]" in text) is ("50%" in text) is terminal
    assert terminal or text == ""


@pytest.mark.parametrize("name", NAMES)
def test_brackets_in_errors(name, capsys):
    with pytest.raises(typer.Exit), readable_errors():
        raise InputError("a column", name, "Check --target.")
    assert name in capsys.readouterr().err.replace("\n", "")


def test_numbers_of_many_columns_are_whole_in_80_columns(printed):
    found = printed(80)
    columns = ["layer", *(f"NC1 of stage {k}" for k in range(9))]
    rows = [[f"backbone.layer{row}.1.conv2", *(f"{k}.{row}23e-0{k}" for k in range(9))] for row in range(3)]
    print_numbers(NumberTable("layers", columns, rows), "layers")
    text = found()
    assert max(map(len, text.splitlines())) <= 80
    for row in rows:
        assert all(number in text.split() for number in row[1:])
