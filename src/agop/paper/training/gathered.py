"""Folders of the seeds of a training, and what these have found, gathered into the folder of the run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agop.network.tracked_run import whole_lines
from agop.runs import Run, files, storage
from agop.runs.jsonl import as_text

__all__ = ["gather", "notes_of", "seed_folder"]


def seed_folder(run: Run, seed: int) -> Path:
    """Folder of a seed in that of a training.

    Examples
    --------
    >>> seed_folder(Run(Path("training")), 3).name
    'seed3'
    """
    return run.path / f"seed{seed}"


def gather(run: Run, seeds: Sequence[int]) -> None:
    """Write what all seeds have found so far into ``metrics.jsonl`` and ``epochs.jsonl`` of the whole run."""
    run.rewrite({"seed": seed, **line} for seed in seeds for line in _measured(Run(seed_folder(run, seed))))
    epochs = ({"seed": seed, **entry} for seed in seeds for entry in _history(seed_folder(run, seed)))
    files.write_text_atomic(run.path / "epochs.jsonl", as_text(epochs))


def notes_of(run: Run, seeds: Sequence[int]) -> list[str]:
    """Notes of the measurements of all seeds."""
    runs = [Run(seed_folder(run, seed)) for seed in seeds]
    return [note for each in runs if each.is_started() for note in each.info().get("notes", [])]


def _measured(run: Run) -> Iterable[dict[str, Any]]:
    """Lines of the measurements that were written as a whole."""
    return whole_lines(run) if run.is_started() else []


def _history(folder: Path) -> list[dict[str, Any]]:
    """Epochs up to the last checkpoint, or all."""
    states = [folder / "weights.safetensors", folder / "checkpoint.safetensors"]
    found = next((file for file in states if file.exists()), None)
    return [] if found is None else list(storage.load(found)[1]["history"])
