"""Work of ``agop measure``: collapse and AGOP at every layer of a network of any file."""

from __future__ import annotations

from pathlib import Path

from agop import datasets
from agop.cli.app import readable_errors
from agop.cli.report import show_report
from agop.cli.terminal import console, say
from agop.network import MeasureSettings, NetworkRecord, run_measure
from agop.network.result import NetworkResult
from agop.ranks import is_writer, launched_group
from agop.runs import Run

__all__ = ["measure", "show_record"]


def measure(settings: MeasureSettings, out: Path, data_dir: Path | None) -> None:
    """Measure into a folder, and print the record."""
    with readable_errors(), launched_group(settings.device) as group:
        dataset = None if settings.has_own_data else datasets.load(settings.data, data_dir)
        record = run_measure(settings, dataset, out, progress=console.is_terminal, group=group)
        if is_writer(group):
            show_record(record, out)


def show_record(record: NetworkRecord, out: Path) -> None:
    """Print the record of a run, with the notes on it, and write its page."""
    run = Run.open(out)
    console.print(record.table())
    for note in run.info()["notes"]:
        console.print(f"• {note}")
    say(f"Record: {out / 'network.safetensors'}")
    show_report(NetworkResult.of(record, run), out)
