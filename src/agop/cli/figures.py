"""``agop figures``: the plots of a report as files for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agop.charts import save_figures
from agop.cli.app import app, readable_errors
from agop.cli.report import Runs, place_of
from agop.cli.terminal import say, working
from agop.reports import plots_of, read_results

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
    with readable_errors():
        folder = place_of(runs, out, "figures", "Name a folder for the figures.")
        suffixes = [f".{each}" for each in dict.fromkeys(format or ("pdf", "svg"))]
        with working(f"reading {len(runs)} run{'s' * (len(runs) > 1)}"):
            plots = plots_of(read_results(runs))
        paths = []
        with working(f"drawing {len(plots)} plots", len(plots)) as advance:
            for plot in plots:
                paths += save_figures([plot], folder, suffixes)
                advance()
        for path in paths:
            say(f"Figure: {path}")
