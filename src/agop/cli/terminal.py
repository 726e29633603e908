"""What commands print, and the names that they may write to."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from agop.charts.console import PlainConsole
from agop.charts.document import NumberTable
from agop.charts.findings import Finding, findings_table
from agop.charts.terminal import TerminalTable
from agop.errors import InputError, TimeBudgetWarning
from agop.runs.files import check_writable

__all__ = [
    "check_out",
    "console",
    "print_findings",
    "print_numbers",
    "printed_warnings",
    "progress_bar",
    "quiet_unless",
    "say",
    "warn",
    "working",
    "working_towards",
]

console = PlainConsole()


@contextmanager
def quiet_unless(prints: bool) -> Iterator[None]:
    """Context in which this process prints, or leaves that to another one; errors it prints in any case."""
    before, console.quiet = console.quiet, not prints
    try:
        yield
    finally:
        console.quiet = before


def check_out(out: Path, *inputs: Path) -> None:
    """Raise InputError unless ``out`` is a name in a folder that can be written to, and none of the inputs."""
    if out.is_dir():
        raise InputError("a file name as --out", f"the folder {out}", "Add a name.")
    if not out.parent.is_dir():
        raise InputError(f"a folder {out.parent} for {out.name}", "no such folder", "Create it first.")
    if out.exists() and any(path.exists() and out.samefile(path) for path in inputs):
        raise InputError("another name for --out than that of an input", str(out), "Choose a new name.")
    check_writable(out)


def say(text: str) -> None:
    """Print a sentence as it is, in one line where the terminal does not break it."""
    console.print(text, soft_wrap=True)


def warn(text: str) -> None:
    """Print what a person must know, in yellow."""
    console.print(text, style="yellow", soft_wrap=True)


@contextmanager
def printed_warnings() -> Iterator[None]:
    """Print warnings as sentences, above a bar if there is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", TimeBudgetWarning)
        warnings.showwarning = lambda message, *_, **__: warn(str(message))
        yield


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar with a description that is printed as it is; warnings are printed above it."""
    text = TextColumn("{task.description}", style="progress.description", markup=False)
    columns = text, BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress, printed_warnings():
        yield progress


@contextmanager
def working(what: str, pieces: int | None = None) -> Iterator[Callable[[], None]]:
    """Show in a terminal what is being done, until it is: for how long, or of some pieces also how much is left.

    The function that it gives is called after each piece. In a file nothing is shown.
    """
    with _transient(what, pieces) as (progress, task):
        yield lambda: progress.advance(task)


@contextmanager
def working_towards(what: str) -> Iterator[Callable[[float], None]]:
    """Show in a terminal what is being done, and how much time is left; called with the share that is done."""
    with _transient(what, 1.0) as (progress, task):
        yield lambda share: progress.update(task, completed=share)


@contextmanager
def _transient(what: str, total: float | None) -> Iterator[tuple[Progress, TaskID]]:
    """A line about a task that is shown in a terminal until it is done."""
    text = TextColumn("{task.description}", markup=False)
    left = () if total is None else (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    columns = SpinnerColumn(), text, *left, TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_interactive) as progress:
        yield progress, progress.add_task(what, total=total)


def print_numbers(numbers: NumberTable, title: str) -> None:
    """Print a table of a report."""
    console.print(TerminalTable.of(numbers, title))


def print_findings(findings: Sequence[Finding]) -> None:
    """Print what was found."""
    if findings:
        print_numbers(findings_table(findings), "What was found")
