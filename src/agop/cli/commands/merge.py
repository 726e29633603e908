"""Options of ``agop merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agop.cli.app import app

__all__ = ["merge"]


@app.command("merge")
def merge(
    runs: Annotated[list[Path], typer.Argument(help="Folders of agop measure --shard, or of earlier merges.")],
    out: Annotated[Path, typer.Option(help="Folder of the merged run.")],
) -> None:
    """Merge the RUNS of agop measure on parts of the data into one run, as if all had been measured at once.

    What needs another look at all the data is left out: NC1 by the pseudo-inverse, NC4 and the stages after the AGOP.
    Writes run.json, metrics.jsonl, network.safetensors and report.html into OUT.
    """
    from agop.cli.merge import merge

    merge(runs, out)
