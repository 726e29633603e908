"""``agop figures``: the plots of a report as files for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from agop.cli.app import app, console, readable_errors
from agop.errors import InputError
from agop.reports import plots_of, read_results, save_figures

__all__ = ["figures"]


@app.command("figures")
def figures(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Folder of a run (deep-rfm, train, measure, explain --run, Tracker), or file of agop fit."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the figures; figures in the folder of a single run by default.")
    ] = None,
    format: Annotated[  # noqa: A002 (the name of the option)
        list[str] | None, typer.Option(help="pdf, svg or png; repeat for several. pdf and svg by default.")
    ] = None,
) -> None:
    """Draw every plot of a report on RUNS for print, one or two columns wide; several runs share their axes.

    Writes OUT/NAME.pdf and OUT/NAME.svg for each plot; the same runs give the same files.
    """
    with readable_errors():
        folder = folder_of(runs, out)
        suffixes = [f".{each}" for each in dict.fromkeys(format or ("pdf", "svg"))]
        for path in save_figures(plots_of(read_results(runs)), folder, suffixes):
            console.print(f"Figure: {escape(str(path))}", highlight=False, soft_wrap=True)


def folder_of(runs: list[Path], out: Path | None) -> Path:
    """Folder of the figures: as asked for, or in the folder of a single run."""
    if out is not None:
        return out
    if len(runs) == 1 and runs[0].is_dir():
        return runs[0] / "figures"
    got = "several runs" if len(runs) > 1 else f"{runs[0]}, which is no folder"
    raise InputError("--out", f"none with {got}", "Name a folder for the figures.")
