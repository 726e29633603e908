"""Options of ``agop conv-rfm``."""

from __future__ import annotations

from agop.cli.app import app
from agop.cli.options import DataDir, RunFolder, settings_as_options
from agop.conv_rfm import ConvRFMSettings

__all__ = ["conv_rfm"]


@app.command("conv-rfm")
@settings_as_options("data", seeds="--seed")
def conv_rfm(settings: ConvRFMSettings, out: RunFolder, data_dir: DataDir = None) -> None:
    """Learn filters from images by kernel machines alone: the accuracy of every iterate, and the filters as pictures.

    Writes run.json, metrics.jsonl, tensors.safetensors and report.html into OUT.
    """
    from agop.cli.conv_rfm import conv_rfm

    conv_rfm(settings, out, data_dir)
