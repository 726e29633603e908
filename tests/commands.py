"""Commands called as from a terminal."""

from __future__ import annotations

import re

from typer.testing import CliRunner

from agop.cli import app

__all__ = ["invoke", "words"]


def invoke(*arguments, **environment):
    """Result of ``agop`` with these arguments, in a wide terminal."""
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "250", "AGOP_DATA": "", **environment})


def words(text):
    """Text without colors, frames and line breaks."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─┌┐└┘┃━├┤┼]", " ", text).split())
