"""The application, the table of its commands, each imported when it is called, and how errors reach a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from agop import __version__
from agop.charts.console import PlainConsole
from agop.errors import AgopError
from agop.interrupts import raise_when_interrupted

__all__ = ["COMMANDS", "NOTHING_WRITTEN", "app", "readable_errors"]

COMMANDS = {
    "measure": "Measure collapse, AGOP and its cause at every layer of a network.",
    "merge": "Merge the RUNS of agop measure on parts of the data into one run, as if all had been measured at once.",
    "train": "Train a network of the paper and measure collapse and its cause at every layer while it learns.",
    "deep-rfm": "Run Deep RFM layer by layer and measure neural collapse at the three stages of every layer.",
    "conv-rfm": "Learn filters from images by kernel machines alone: the accuracy of every iterate, and the filters as "
    "pictures.",
    "fit": "Fit a recursive feature machine to a table, all other columns as they are, and write it to OUT.",
    "predict": 'Predict every row of TABLE, some thousands at a time, into the column "prediction" of OUT.',
    "explain": "Say which columns matter, which pairs of them interact, and along which directions the prediction is "
    "steep.",
    "report": "Write one self-contained HTML page about RUNS; several are drawn on the same axes.",
    "figures": "Draw every plot of a report on RUNS for print, one or two columns wide; several runs share their axes.",
    "reproduce": "Repeat a figure of a paper: make its runs, draw it, and say which claims the numbers bear out.",
}
"""First sentence of the help of each command, which its module in ``commands`` registers with ``app``."""

NOTHING_WRITTEN = "Nothing was written."
"""Sentence of `readable_errors` on a command that leaves no file when it is interrupted."""


class _Commands(TyperGroup):
    """Commands that are listed without importing them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        listed = TyperCommand(cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None
        return self.commands.get(cmd_name, listed)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] in COMMANDS:
            import_module(f"agop.cli.commands.{args[0].replace('-', '_')}")
            self.commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
        return super().resolve_command(ctx, args)

    def make_context(self, *names: Any, **options: Any) -> Any:
        with _printed_errors():
            return super().make_context(*names, **options)

    def invoke(self, ctx: Any) -> Any:
        with _printed_errors():
            return super().invoke(ctx)


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        PlainConsole().print(f"agop {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """Measure, explain and build deep neural collapse from the average gradient outer product."""


@contextmanager
def readable_errors(interrupted: str = "Repeat the command to go on with what it finished.") -> Iterator[None]:
    """Begin work: print agop's own errors and those of files as a sentence, and say after Ctrl-C what there is."""
    try:
        raise_when_interrupted()
        with _printed_errors():
            yield
    except KeyboardInterrupt as error:
        PlainConsole(stderr=True).print(f"Interrupted. {interrupted}")
        raise typer.Exit(code=130) from error


@contextmanager
def _printed_errors() -> Iterator[None]:
    """Print agop's own errors and those of files as a sentence."""
    try:
        yield
    except (AgopError, OSError) as error:
        errors = PlainConsole(stderr=True)
        errors.print("Error: ", style="bold red", end="")
        errors.print(_sentence(error), soft_wrap=True)
        raise typer.Exit(code=2) from error


def _sentence(error: AgopError | OSError) -> str:
    """What an error says, without the number that the system gives it."""
    if isinstance(error, AgopError) or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}." if error.filename is not None else f"{error.strerror}."
