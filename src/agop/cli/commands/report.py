"""Options of ``agop report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agop.cli.app import app
from agop.cli.options import Runs

__all__ = ["report"]


@app.command("report")
def report(
    runs: Runs,
    out: Annotated[
        Path | None, typer.Option(help="HTML file; report.html in the folder of a single run by default.")
    ] = None,
    png: Annotated[
        bool,
        typer.Option("--png", help="Take a picture of the page too, by an installed Chromium, Chrome or Edge."),
    ] = False,
) -> None:
    """Write one self-contained HTML page about RUNS; several are drawn on the same axes.

    The page needs no network. Above each plot stands what it shows for these numbers; its data come as CSV and JSON.
    """
    from agop.cli.report import report

    report(runs, out, png)
