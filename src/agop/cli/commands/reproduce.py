"""Options of ``agop reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agop.cli.app import app
from agop.cli.options import DataDir
from agop.datasets import NAMES, Standardization
from agop.paper import FIGURES, Scale

__all__ = ["reproduce"]


@app.command("reproduce")
def reproduce(
    name: Annotated[str, typer.Argument(help=f"Figure: {', '.join(FIGURES)}, or all.")],
    scale: Annotated[
        Scale, typer.Option(help="quick: minutes for all on two cores; cpu: about an hour; paper: all rows, on a GPU.")
    ] = "quick",
    data: Annotated[
        list[str] | None,
        typer.Option(help=f"Data set: {', '.join(NAMES)}; repeat for several. By default those of the scale."),
    ] = None,
    data_dir: DataDir = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of all figures of a scale; runs/reproduce/SCALE by default.")
    ] = None,
    standardize: Annotated[
        Standardization | None,
        typer.Option(
            help="One mean and deviation a feature (pixel) or a channel; by default a feature for Deep RFM and the "
            "theory, as published, and a channel for networks."
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Device, such as cpu or cuda; auto takes a GPU if there is one.")
    ] = "auto",
) -> None:
    """Repeat a figure of a paper: make its runs, draw it, and say which claims the numbers bear out.

    Writes run.json, metrics.jsonl, verdicts.json, figure.svg and README.md into OUT/NAME. What is there is not made
    again; figures that need the same runs share them in OUT/parts.
    """
    from agop.cli.reproduce import reproduce

    reproduce(name, scale, tuple(data or ()), data_dir, out or Path("runs", "reproduce", scale), standardize, device)
