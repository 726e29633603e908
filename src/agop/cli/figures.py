"""Work of ``agop figures``: the plots of a report as files for a paper."""

from __future__ import annotations

from pathlib import Path

from agop.charts import save_figures
from agop.cli.app import readable_errors
from agop.cli.report import place_of, reading
from agop.cli.terminal import say, working
from agop.reports import count_plots, plots_of

__all__ = ["figures"]


def figures(runs: list[Path], out: Path | None, suffixes: list[str]) -> None:
    """Draw the plots, and print the names of the files."""
    with readable_errors():
        folder = place_of(runs, out, "figures", "Name a folder for the figures.")
        results = reading(runs)
        with working("computing the plots", count_plots(results)) as advance:
            plots = plots_of(results, advance)
        paths = []
        with working(f"drawing {len(plots)} plots", len(plots)) as advance:
            for plot in plots:
                paths += save_figures([plot], folder, suffixes)
                advance()
        for path in paths:
            say(f"Figure: {path}")
