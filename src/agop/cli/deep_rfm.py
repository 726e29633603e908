"""Work of ``agop deep-rfm``: Deep RFM on a data set, with collapse at every layer."""

from __future__ import annotations

from pathlib import Path

import torch.distributed as dist

from agop import datasets
from agop.cli.app import readable_errors
from agop.cli.report import show_run
from agop.cli.terminal import progress_bar, quiet_unless
from agop.deep_rfm import DeepRFMRecord, DeepRFMSettings, run_deep_rfm
from agop.ranks import is_writer, launched_group
from agop.runs import Run

__all__ = ["deep_rfm"]


def deep_rfm(settings: DeepRFMSettings, out: Path, data_dir: Path | None) -> None:
    """Run into a folder, and print what was measured."""
    with readable_errors(), launched_group(settings.device) as group, quiet_unless(is_writer(group)):
        run = _run(settings, out, data_dir, group)
        if is_writer(group):
            show_run(run, f"Deep RFM on {settings.data}: means over seeds (geometric for NC1 and NC2)")


def _run(settings: DeepRFMSettings, out: Path, data_dir: Path | None, group: dist.ProcessGroup | None) -> Run:
    """Run with a progress bar."""
    total = settings.depth * len(settings.seeds) * (1 + settings.control)
    dataset = datasets.load(settings.data, data_dir)
    with progress_bar() as progress:
        task = progress.add_task(f"Deep RFM on {settings.data}", total=total)

        def observe(control: bool, seed: int, record: DeepRFMRecord) -> None:
            collapse = record.stages["input"].collapse
            found = None if collapse is None else collapse.nc1_trace_ratio
            nc1 = "undefined" if found is None else f"{found:.3g}"
            what = f"{'control, ' if control else ''}seed {seed}, layer {record.layer}: NC1 {nc1}"
            progress.update(task, advance=1, description=what)

        run = run_deep_rfm(settings, dataset, out, observe, group)
        progress.update(task, completed=total, description="done")
    return run
