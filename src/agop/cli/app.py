"""The application that the commands register with, and how errors reach a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agop.errors import AgopError
from agop.reports.document import NumberTable

__all__ = ["app", "console", "print_numbers", "readable_errors"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()


@app.callback()
def main() -> None:
    """Measure, explain and build deep neural collapse from the average gradient outer product."""


@contextmanager
def readable_errors() -> Iterator[None]:
    """Print agop's own errors as a sentence, and say after Ctrl-C how to go on."""
    try:
        yield
    except AgopError as error:
        Console(stderr=True).print(f"[bold red]Error:[/] {escape(str(error))}", highlight=False)
        raise typer.Exit(code=2) from error
    except KeyboardInterrupt as error:
        Console(stderr=True).print("Interrupted. Repeat the command to go on with what it finished.")
        raise typer.Exit(code=130) from error


def print_numbers(numbers: NumberTable, title: str) -> None:
    """Print a table of a report; where it is narrow, names are broken into lines and nothing is cut."""
    name, *columns = numbers.columns
    table = Table(title=escape(title), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(name, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    for row in numbers.rows:
        table.add_row(*map(escape, row))
    console.print(table)
