"""Options of ``agop figures``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agop.cli.app import app
from agop.cli.options import Runs

__all__ = ["figures"]


@app.command("figures")
def figures(
    runs: Runs,
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
    from agop.cli.figures import figures

    figures(runs, out, [f".{each}" for each in dict.fromkeys(format or ("pdf", "svg"))])
