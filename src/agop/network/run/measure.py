"""A model of any file, measured on a data set or on data of one's own."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from agop.datasets import Dataset
from agop.errors import AgopError, InputError
from agop.network.capture.state import undisturbed
from agop.network.capture.weights import model_dtype
from agop.network.factory import current_directory
from agop.network.measure import measure
from agop.network.options import MeasureOptions
from agop.network.passes.batches import checked_batch
from agop.network.passes.forward import checked_result, moved
from agop.network.passes.loss_gradient import check_loss
from agop.network.record import NetworkRecord
from agop.network.run.named import batches_of, model_of, options_of
from agop.network.run.settings import MeasureSettings
from agop.ranks import Ranks, is_writer
from agop.runs import Run

__all__ = ["run_measure", "write_record"]


def run_measure(
    settings: MeasureSettings,
    dataset: Dataset | None,
    out: Path,
    progress: bool = False,
    group: dist.ProcessGroup | None = None,
) -> NetworkRecord:
    """Measure a model on a data set or on data of one's own, and write what was found.

    ``metrics.jsonl`` has a line for each layer and stage, ``network.safetensors`` the record, ``run.json`` the
    settings with the standardization that was used, and "image_shape", (channels, height, width) of the data set's
    images, flat rows or not; null if they are none. A folder of the same settings is written again.

    Parameters
    ----------
    settings
        Settings of the measurement.
    dataset
        The full data set ``settings.data``; None if that is MODULE:LOADER.
    out
        Folder of the run.
    progress
        Show a progress bar.
    group
        Processes that call this together, each of which measures a part of the data; rank 0 writes. None for this
        process alone.

    Returns
    -------
    NetworkRecord
        Record of all parts, the same on every rank.

    Raises
    ------
    InputError
        If the settings, the model, the data or the folder cannot be used.
    RankError
        If there is an error on another rank, or one is gone.

    Examples
    --------
    >>> import contextlib, tempfile
    >>> from agop.datasets import load
    >>> nets = "from torch import nn; mlp = lambda: nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))"
    >>> with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
    ...     _ = Path("digit_nets.py").write_text(nets)
    ...     record = run_measure(MeasureSettings("digit_nets:mlp", "digits", samples=100), load("digits"), Path("run"))
    ...     sorted(path.name for path in Path("run").glob("[!.]*"))
    ['metrics.jsonl', 'network.safetensors', 'run.json']
    >>> record.n_samples, list(record)
    (100, ['0', '2'])
    """
    ranks = Ranks(group)
    with current_directory():
        with ranks.together():
            settings, writes = settings.resolved(), is_writer(group)
            options = options_of(settings, progress and writes)
            model = model_of(settings)
            batches = batches_of(settings, dataset, model_dtype(model), ranks.rank, ranks.world)
            is_empty = _try(model, batches, settings, options)
            if is_empty and group is None:
                part = "" if settings.shard is None else f" in part {settings.shard}"
                raise InputError(f"samples of {settings.data}{part}", "none", "Take fewer parts, or other data.")
            run = Run.create(out, asdict(settings), kind="network") if writes else None
        with nullcontext() if run is None else run.working():
            record = measure(model, batches, options, group=group)
    if run is not None:
        notes, shape = ((), None) if dataset is None else (dataset.notes, dataset.image_shape)
        write_record(run, record, image_shape=shape, notes=[*notes, *record.notes])
    return record


def write_record(run: Run, record: NetworkRecord, **sections: Any) -> None:
    """Write a record into the folder of its run, with further sections of ``run.json``, and finish the run."""
    record.save(run.path / "network.safetensors")
    run.rewrite(record.lines())
    facts = {"n_samples": record.n_samples, "n_classes": record.n_classes, "accuracy": record.accuracy}
    run.record(**facts, **sections)
    run.finish()


def _try(model: nn.Module, batches: Any, settings: MeasureSettings, options: MeasureOptions) -> bool:
    """Raise if the model, or the loss, does not take the first batch, before anything is written; say if there is none.

    Errors in a function of the user's own come as they are, with their trace.
    """
    what = f"the batches of {settings.data}"
    try:
        with undisturbed(model, options.device) as device, torch.no_grad():
            batch = next(iter(batches), None)
            if batch is None:
                return True
            if not settings.has_own_data:
                batch = tuple(part[:2] for part in batch)
                what = f"inputs of shape {tuple(batch[0].shape)}"
            found = options.forward(model, moved(batch, device, model_dtype(model)))
    except AgopError:
        raise
    except (RuntimeError, TypeError, ValueError) as error:
        if settings.forward is not None:
            raise
        got = f"an error ({str(error).splitlines()[0]})"
        advice = "Choose flat rows or images as the model asks for, and a model for these data."
        if settings.has_own_data:
            advice = f"Return other batches from {settings.data}, or name a function of model and batch as forward."
        raise InputError(f"a model that takes {what}", got, advice) from error
    if options.loss is not None:
        tried = checked_batch(*checked_result(found))
        if tried.n_samples:
            check_loss(tried, options.loss)
    return False
