"""``agop measure``: collapse and AGOP at every layer of a network of any file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agop import datasets
from agop.cli.app import app, console, readable_errors, say
from agop.cli.options import DataDir, settings_as_options
from agop.cli.report import show_report
from agop.network import MeasureSettings, run_measure
from agop.network.result import NetworkResult
from agop.runs import Run

__all__ = ["measure"]


@app.command("measure")
@settings_as_options("model", "data", images="--images/--rows-flat")
def measure(
    settings: MeasureSettings, out: Annotated[Path, typer.Option(help="Folder of the run.")], data_dir: DataDir = None
) -> None:
    """Measure collapse, AGOP and its cause at every layer of a network.

    Inputs are standardized by the training rows. Writes run.json, metrics.jsonl,
    network.safetensors and report.html into OUT.
    """
    with readable_errors():
        record = run_measure(settings, datasets.load(settings.data, data_dir), out, progress=console.is_terminal)
        console.print(record.table())
        for note in record.notes:
            console.print(f"• {note}")
        say(f"Record: {out / 'network.safetensors'}")
        show_report(NetworkResult.of(record, Run.open(out)), out)
