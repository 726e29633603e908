"""Work of ``agop train``: a network of the paper, measured while it learns."""

from __future__ import annotations

from pathlib import Path

from agop import datasets
from agop.cli.app import readable_errors
from agop.cli.report import show_run
from agop.cli.terminal import progress_bar
from agop.network import NetworkRecord
from agop.paper import TrainSettings, run_train
from agop.runs import Run

__all__ = ["train"]


def train(settings: TrainSettings, out: Path, data_dir: Path | None) -> None:
    """Train into a folder, and print what was measured."""
    with readable_errors():
        run = _run(settings, out, data_dir)
        show_run(run, f"{settings.model} on {settings.data}, last measurement, means over seeds")


def _run(settings: TrainSettings, out: Path, data_dir: Path | None) -> Run:
    """Train with a progress bar over the epochs of all seeds."""
    total = settings.epochs * len(settings.seeds)
    dataset = datasets.load(settings.data, data_dir)
    with progress_bar() as progress:
        task = progress.add_task(f"{settings.model} on {settings.data}", total=total)
        nc1 = ""

        def observe(seed: int, epoch: int, loss: float | None, record: NetworkRecord | None) -> None:
            nonlocal nc1
            if record is not None:
                nc1 = _last_nc1(record)
            what = f"seed {seed}, epoch {epoch}{'' if loss is None else f': loss {loss:.3g}'}{nc1}"
            done = settings.seeds.index(seed) * settings.epochs + epoch
            progress.update(task, completed=done, description=what)

        run = run_train(settings, dataset, out, observe)
        progress.update(task, completed=total, description="done")
    return run


def _last_nc1(record: NetworkRecord) -> str:
    """NC1 of the features that the last measured layer reads."""
    last = list(record.values())[-1]
    nc1 = None if last.input is None else last.input.nc1_trace_ratio
    return "" if nc1 is None else f", NC1 {nc1:.3g} at {last.name}"
