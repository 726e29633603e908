"""Options of ``agop train``."""

from __future__ import annotations

from agop.cli.app import app
from agop.cli.options import DataDir, RunFolder, settings_as_options
from agop.paper import TrainSettings

__all__ = ["train"]


@app.command("train")
@settings_as_options("model", "data", seeds="--seed", measure_rows="--rows")
def train(settings: TrainSettings, out: RunFolder, data_dir: DataDir = None) -> None:
    """Train a network of the paper and measure collapse and its cause at every layer while it learns.

    Writes run.json, metrics.jsonl, epochs.jsonl, report.html and a folder a seed with the weights into OUT.
    """
    from agop.cli.train import train

    train(settings, out, data_dir)
