"""Options of ``agop deep-rfm``."""

from __future__ import annotations

from agop.cli.app import app
from agop.cli.options import DataDir, RunFolder, settings_as_options
from agop.deep_rfm import DeepRFMSettings

__all__ = ["deep_rfm"]


@app.command("deep-rfm")
@settings_as_options("data", seeds="--seed")
def deep_rfm(settings: DeepRFMSettings, out: RunFolder, data_dir: DataDir = None) -> None:
    """Run Deep RFM layer by layer and measure neural collapse at the three stages of every layer.

    Writes run.json, metrics.jsonl, tensors.safetensors and report.html into OUT. Processes that torchrun starts share
    the matrices over pairs of samples, and the first writes.
    """
    from agop.cli.deep_rfm import deep_rfm

    deep_rfm(settings, out, data_dir)
