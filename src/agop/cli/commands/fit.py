"""Options of ``agop fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from agop.cli.app import app
from agop.tables.task import MOST_CLASSES

__all__ = ["fit"]


@app.command("fit")
def fit(
    table: Annotated[Path, typer.Argument(help="CSV, also compressed, or Parquet: one row a sample.")],
    target: Annotated[str, typer.Option(help="Column that is to be predicted.")],
    out: Annotated[Path, typer.Option(help="Model file, by custom .safetensors; replaced if it exists.")],
    task: Annotated[
        Literal["auto", "regression", "classification"],
        typer.Option(
            help="auto: classification if the target is text, categories, true/false, or whole numbers with "
            f"{MOST_CLASSES} distinct values at most; else regression."
        ),
    ] = "auto",
    power: Annotated[
        str,
        typer.Option(help="Power of the AGOP that is the metric; loo chooses of 1/4, 1/2, 1 (published)."),
    ] = "loo",
    time_budget: Annotated[
        float | None, typer.Option(min=0, help="Seconds that the fit may take; a sentence says what they leave out.")
    ] = None,
    max_memory: Annotated[
        float | None, typer.Option(min=0, help="GiB for matrices over pairs of rows; no limit by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random rows.")] = 0,
    verbose: Annotated[
        int, typer.Option(min=0, max=2, help="0 is quiet, 1 shows a bar, 2 also a line an iterate.")
    ] = 1,
) -> None:
    """Fit a recursive feature machine to a table, all other columns as they are, and write it to OUT.

    Kernel, bandwidth, ridge, power and iterate are chosen by left-out predictions. Rows without a target are left out.
    Processes that torchrun starts share the matrices over pairs of rows, and the first writes.
    """
    from agop.cli.fit import fit

    fit(table, target, out, task, power, time_budget, max_memory, seed, verbose)
