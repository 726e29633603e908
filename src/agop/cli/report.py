"""Work of ``agop report``: one page that people look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agop.charts import write_page
from agop.charts.document import Document
from agop.charts.kind import Result
from agop.charts.page.picture import browser, write_picture
from agop.cli.app import readable_errors
from agop.cli.terminal import check_out, print_findings, print_numbers, say, warn, working
from agop.errors import InputError, MissingExtraError
from agop.reports import count_plots, document_of, read_results, result_of
from agop.runs import Run

__all__ = ["place_of", "reading", "report", "show_report", "show_run"]


def report(runs: list[Path], out: Path | None, png: bool) -> None:
    """Write the page, and print what was found."""
    with readable_errors():
        if png:
            browser()
        page = place_of(runs, out, "report.html", "Name the HTML file.")
        check_out(page, *runs)
        results = reading(runs)
        with working("computing what is found", count_plots(results)) as advance:
            document = document_of(results, advance)
        with working(f"writing a page of {len(document.plots)} plots"):
            write_page(document, page)
        print_findings(document.findings)
        say(f"Report: {page}")
        if png:
            with working("taking a picture of the page"):
                picture = write_picture(page, page.with_suffix(".png"))
            say(f"Picture: {picture}")


def reading(runs: Sequence[Path]) -> list[Result]:
    """Results of runs, read while a line says so."""
    several = len(runs) > 1
    with working(f"reading {len(runs)} run{'s' * several}", len(runs) if several else None) as advance:
        return read_results(runs, advance)


def place_of(runs: Sequence[Path], out: Path | None, name: str, advice: str) -> Path:
    """Path to write to: as asked for, or under a name in the folder of a single run."""
    if out is not None:
        return out
    if len(runs) == 1 and runs[0].is_dir():
        return runs[0] / name
    got = "several runs" if len(runs) > 1 else f"{runs[0]}, which is no folder"
    raise InputError("--out", f"none with {got}", advice)


def show_run(run: Run, title: str) -> None:
    """Print the numbers of a run and what they say, and write its page into its folder."""
    with working("reading the run"):
        document = document_of([result_of(run)])
    print_numbers(document.tables[0], title)
    print_findings(document.findings)
    _write(document, run.path)


def show_report(result: Result, folder: Path) -> None:
    """Write the page of a result into the folder of its run, or say what is missing for it."""
    _write(document_of([result]), folder)


def _write(document: Document, folder: Path) -> None:
    try:
        page = write_page(document, folder / "report.html")
    except MissingExtraError as error:
        warn(f"Report left out: {error}")
    else:
        say(f"Report: {page}")
