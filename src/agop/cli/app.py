"""The application that the commands register with, and how errors reach a person."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from agop.charts.document import NumberTable
from agop.charts.terminal import Column, TerminalTable
from agop.errors import AgopError

__all__ = ["app", "console", "print_numbers", "progress_bar", "readable_errors", "say", "warn"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

_PLAIN = {"markup": False, "emoji": False, "highlight": False}
"""Texts are printed as they are: names of columns and layers may hold brackets and colons."""

console = Console(**_PLAIN)  # type: ignore[arg-type]


@app.callback()
def main() -> None:
    """Measure, explain and build deep neural collapse from the average gradient outer product."""


@contextmanager
def readable_errors() -> Iterator[None]:
    """Print agop's own errors as a sentence, and say after Ctrl-C how to go on."""
    try:
        yield
    except AgopError as error:
        errors = Console(stderr=True, **_PLAIN)  # type: ignore[arg-type]
        errors.print("Error: ", style="bold red", end="")
        errors.print(str(error))
        raise typer.Exit(code=2) from error
    except KeyboardInterrupt as error:
        Console(stderr=True).print("Interrupted. Repeat the command to go on with what it finished.")
        raise typer.Exit(code=130) from error


def say(text: str) -> None:
    """Print a sentence as it is, in one line where the terminal does not break it."""
    console.print(text, soft_wrap=True)


def warn(text: str) -> None:
    """Print what a person must know, in yellow."""
    console.print(text, style="yellow", soft_wrap=True)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar with a description that is printed as it is; warnings are printed above it."""
    text = TextColumn("{task.description}", style="progress.description", markup=False)
    with (
        Progress(text, BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console) as progress,
        warnings.catch_warnings(),
    ):
        warnings.showwarning = lambda message, *_, **__: warn(str(message))
        yield progress


def print_numbers(numbers: NumberTable, title: str) -> None:
    """Print a table of a report; the first column names the rows."""
    columns = [Column(name, "number" if place else "name") for place, name in enumerate(numbers.columns)]
    console.print(TerminalTable(title, columns, numbers.rows))
