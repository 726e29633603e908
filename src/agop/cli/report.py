"""``agop report``: one page that people look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from agop.cli.app import app, console, readable_errors
from agop.cli.fit import check_out
from agop.errors import InputError, MissingExtraError
from agop.reports import document_of, read_results, write_page

__all__ = ["report", "show_report"]


@app.command("report")
def report(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Folder of a run (deep-rfm, train, measure, explain --run, Tracker), or file of agop fit."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="HTML file; report.html in the folder of a single run by default.")
    ] = None,
) -> None:
    """Write one self-contained HTML page about RUNS; several are drawn on the same axes.

    The page needs no network. Above each plot stands what it shows for these numbers; its data come as CSV and JSON.
    """
    with readable_errors():
        page = page_of(runs, out)
        check_out(page, *runs)
        document = document_of(read_results(runs))
        write_page(document, page)
        for finding in document.findings:
            console.print(f"• {escape(finding)}", highlight=False)
        console.print(f"Report: {escape(str(page))}", highlight=False, soft_wrap=True)


def page_of(runs: list[Path], out: Path | None) -> Path:
    """File of the page: as asked for, or in the folder of a single run."""
    if out is not None:
        return out
    if len(runs) == 1 and runs[0].is_dir():
        return runs[0] / "report.html"
    got = "several runs" if len(runs) > 1 else f"{runs[0]}, which is no folder"
    raise InputError("--out", f"none with {got}", "Name the HTML file.")


def show_report(run: Path) -> None:
    """Write the page of a run into its folder, or say what is missing for it."""
    try:
        page = write_page(document_of(read_results([run])), run / "report.html")
    except MissingExtraError as error:
        console.print(f"[yellow]Report left out: {escape(str(error))}[/]")
    else:
        console.print(f"Report: {escape(str(page))}", highlight=False, soft_wrap=True)
