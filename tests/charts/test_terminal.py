"""Tables at any width: every name and number is there whole."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from agop.charts.console import PlainConsole
from agop.charts.terminal import Column, TerminalTable

NUMBERS = ("NC1 φ", "Wφ", "σ(Wφ)", "AGOP½φ", "NC2 φ", "NFA", "NFA½", "share of W")
COLUMNS = [Column("layer", "name"), *map(Column, NUMBERS), Column("", "bar")]
NAMES = ["backbone.layer3.1.conv2", "mass [kg]", "rate [/h]", "[bold]x[/]", "price [$] :key:"]
ROWS = [
    [name, *(f"{row + 1}.{place}7e-0{place}" for place in range(len(NUMBERS))), "████░░"]
    for row, name in enumerate(NAMES)
]


def printed(table, width, **options):
    console = Console(width=width, **options)
    with console.capture() as found:
        console.print(table)
    return found.get()


@pytest.mark.parametrize("width", [200, 100, 80, 60, 40, 24])
def test_no_number_is_cut_at_any_width(width):
    text = printed(TerminalTable("runs [a]", COLUMNS, ROWS), width)
    assert max(map(len, text.splitlines())) <= width
    words = text.split()
    for row in ROWS:
        for number in row[1:-1]:
            assert words.count(number) == 1
    assert "…" not in text
    assert "runs [a]" in text


@pytest.mark.parametrize("width", [200, 80, 60])
def test_names_with_brackets_are_whole(width):
    text = printed(TerminalTable("", COLUMNS, ROWS), width)
    for name in NAMES[1:]:
        assert name in text


def test_long_names_are_broken_and_keep_every_letter():
    text = printed(TerminalTable("", COLUMNS[:4], ROWS[:1]), 40)
    first = "".join(re.match(r" ?(\S*)", line)[1] for line in text.splitlines()[2:])
    assert NAMES[0] in first


def test_bars_go_first():
    table = TerminalTable("", [Column("layer", "name"), Column("share"), Column("", "bar")], [["fc", "0.50", "████"]])
    assert "████" in printed(table, 40)
    assert "0.50" in printed(table, 14)
    assert "█" not in printed(table, 14)


def test_a_number_stays_beside_the_name_it_belongs_to():
    columns = [Column("column", "name"), Column("effect"), Column("coupled with", "name"), Column("")]
    text = printed(TerminalTable("", columns, [["age", "0.123456789", "mass [kg]", "0.25"]]), 30)
    (line,) = [line for line in text.splitlines() if "mass [kg]" in line]
    assert line.split()[-1] == "0.25"
    assert "0.123456789" in text


def test_a_table_without_rows():
    assert "layer" in printed(TerminalTable("", COLUMNS, []), 80)


def test_the_table_as_a_text(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = str(TerminalTable("runs", COLUMNS, ROWS))
    assert max(map(len, text.splitlines())) <= 60
    assert all(name in text for name in NAMES[1:])


HOSTILE = "\x1b[31mmass\x1b]0;owned\x07 \x9b2J\u202eetar\r\x08"


def test_names_cannot_command_the_terminal():
    """Colors of our own stay; those, windows' names and directions that come in a name do not."""
    out = io.StringIO()
    console = PlainConsole(file=out, force_terminal=True, color_system="standard", width=80)
    console.print(HOSTILE, style="yellow")
    console.print(TerminalTable(HOSTILE, [Column(HOSTILE, "name")], [[HOSTILE]]))
    text = out.getvalue()
    assert "\x1b[33m[31mmass" in text
    assert text.count("mass]0;owned 2Jetar") == 4
    assert not re.search("\x1b[]]|\x1b\\[31|[\x07\x08\r\x9b\u202e]", text)
    assert "[31mmass]0;owned 2Jetar" in str(TerminalTable("", [Column("", "name")], [[HOSTILE]]))
