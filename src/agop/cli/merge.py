"""``agop merge``: one run from those of the parts of the data, as array jobs leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agop.cli.app import app, readable_errors
from agop.cli.measure import show_record
from agop.cli.terminal import working
from agop.network import merge_runs

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
    with readable_errors():
        with working(f"merging {len(runs)} runs", len(runs) + 1) as advance:  # the last piece is the measurement
            record = merge_runs(runs, out, advance)
        show_record(record, out)
