"""Work of ``agop reproduce``: a figure of a paper, from its runs to its verdicts."""

from __future__ import annotations

import time
from functools import lru_cache, partial
from pathlib import Path

from rich.status import Status
from rich.table import Table
from rich.text import Text

from agop import datasets
from agop.cli.app import readable_errors
from agop.cli.terminal import console, say, warn
from agop.errors import MissingExtraError
from agop.paper import (
    Figure,
    Scale,
    Verdict,
    figures_named,
    save_reproduction_picture,
    write_reproduction_readme,
)
from agop.paper import reproduce as run_figure
from agop.runs import Run

__all__ = ["reproduce"]

_MARKS = {
    True: Text("holds", "green"),
    False: Text("does not hold", "red"),
    None: Text("undecided", "yellow"),
}


def reproduce(
    name: str,
    scale: Scale,
    data: tuple[str, ...],
    data_dir: Path | None,
    out: Path,
    standardize: datasets.Standardization | None,
    device: str,
) -> None:
    """Make the figure of a name, or all, and print their verdicts."""
    with readable_errors():

        @lru_cache(maxsize=1)
        def load(data_set: str) -> datasets.Dataset:
            return datasets.load(data_set, data_dir)

        rows = []
        wished = figures_named(name)
        for place, figure in enumerate(wished, 1):
            own = name == "all" and figure.data is None  # the options are for the others
            wanted, how = ((), None) if own else (data, standardize)
            start = time.monotonic()
            title = figure.name if len(wished) == 1 else f"{figure.name} ({place} of {len(wished)})"
            title += f", budget {figure.budget} s" * (scale == "quick")
            with console.status(Text(title)) as status:
                run = run_figure(
                    figure,
                    out,
                    load=load,
                    scale=scale,
                    data=wanted,
                    device=device,
                    standardize=how,
                    observe=partial(_show, status, title),
                )
            _write(run, _command(figure, scale, wanted, how))
            rows.append((figure, run, time.monotonic() - start))
        _print_table(rows, scale)


def _show(status: Status, name: str, text: str) -> None:
    status.update(Text(f"{name}: {text}"))


def _command(figure: Figure, scale: str, data: tuple[str, ...], standardize: str | None) -> str:
    options = [*(f"--data {each}" for each in data), *([f"--standardize {standardize}"] if standardize else [])]
    return " ".join(["agop reproduce", figure.name, "--scale", scale, *options])


def _write(run: Run, command: str) -> None:
    """Draw the figure, or say what is missing for it, and write its page."""
    picture = None
    try:
        picture = save_reproduction_picture(run)
    except MissingExtraError as error:
        warn(f"Picture left out: {error}")
    page = write_reproduction_readme(run, command, picture)
    say(f"Page: {page}")


def _print_table(rows: list[tuple[Figure, Run, float]], scale: str) -> None:
    table = Table(title=f"What was found, scale {scale}", show_lines=True)
    table.add_column("figure", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim", overflow="fold")
    table.add_column("found", overflow="fold")
    for figure, run, seconds in rows:
        spent = f"{seconds:.0f} s" + (f", budget {figure.budget} s" if scale == "quick" else "")
        name = f"{figure.name}\n({spent})"
        for verdict in run.info()["verdicts"]:
            table.add_row(name, _MARKS[verdict["holds"]], verdict["claim"], Verdict.told(verdict))
            name = ""
    console.print(table)
