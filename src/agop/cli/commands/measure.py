"""Options of ``agop measure``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agop.cli.app import app
from agop.cli.options import DataDir, settings_as_options
from agop.network import MeasureSettings

__all__ = ["measure"]


@app.command("measure")
@settings_as_options("model", images="--images/--rows-flat")
def measure(
    settings: MeasureSettings, out: Annotated[Path, typer.Option(help="Folder of the run.")], data_dir: DataDir = None
) -> None:
    """Measure collapse, AGOP and its cause at every layer of a network.

    Inputs of a data set are standardized by the training rows. Writes run.json, metrics.jsonl, network.safetensors
    and report.html into OUT. Processes that torchrun starts each measure a part of the data, and the first writes.
    """
    from agop.cli.measure import measure

    measure(settings, out, data_dir)
