"""Work of ``agop conv-rfm``: convolutional RFM on a data set of images, with its filters."""

from __future__ import annotations

from pathlib import Path

from agop import datasets
from agop.cli.app import readable_errors
from agop.cli.report import show_run
from agop.cli.terminal import progress_bar
from agop.conv_rfm import ConvRFMRecord, ConvRFMSettings, run_conv_rfm
from agop.runs import Run

__all__ = ["conv_rfm"]


def conv_rfm(settings: ConvRFMSettings, out: Path, data_dir: Path | None) -> None:
    """Run into a folder, and print what was measured."""
    with readable_errors():
        run = _run(settings, out, data_dir)
        show_run(run, f"Convolutional RFM on {settings.data}: means over seeds")


def _run(settings: ConvRFMSettings, out: Path, data_dir: Path | None) -> Run:
    """Run with a progress bar."""
    total = (settings.iterations + 1) * len(settings.seeds)
    dataset = datasets.load(settings.data, data_dir)
    with progress_bar() as progress:
        task = progress.add_task(f"Convolutional RFM on {settings.data}", total=total)

        def observe(seed: int, record: ConvRFMRecord) -> None:
            known = record.train_accuracy if record.test_accuracy is None else record.test_accuracy
            what = f"seed {seed}, {record.iteration} updates: accuracy {known:.3f}"
            progress.update(task, advance=1, description=what)

        run = run_conv_rfm(settings, dataset, out, observe)
        progress.update(task, completed=total, description="done")
    return run
