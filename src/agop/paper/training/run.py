"""Train a network as the paper does, measured while it learns; a training that stops goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import nn

from agop.datasets import Dataset, subset
from agop.errors import InputError
from agop.network import NetworkRecord, Tracker
from agop.network.capture.weights import Weights
from agop.network.factory import load_weights
from agop.paper.groupings import groupings_of
from agop.paper.training.checkpoints import load_checkpoint, save_checkpoint
from agop.paper.training.gathered import gather, notes_of, seed_folder
from agop.paper.training.rows import TrainingRows, input_shape, training_rows
from agop.paper.training.settings import TrainSettings
from agop.runs import Run, files, storage

__all__ = ["Observe", "run_train", "trained_network"]

Observe = Callable[[int, int, float | None, NetworkRecord | None], None]
"""Function of seed, epoch, mean loss over the epoch's steps (None before the first), and the record, if any."""

CHECKPOINT_SECONDS = 30.0
"""Least time from one checkpoint to the next."""


def run_train(
    settings: TrainSettings,
    dataset: Dataset,
    out: Path,
    observe: Observe = lambda seed, epoch, loss, record: None,
) -> Run:
    """Train one network for every seed, measure it as it learns, and write what was found.

    Inputs are standardized by the training rows, as ``settings.standardize`` says. The network is measured before the
    first step, after every ``settings.every`` epochs and after the last. Files of the folder:

    * ``run.json``: the settings, the machine, "n_classes", the shape of the inputs, and "image_shape", which is null
      for rows that are no images;
    * ``metrics.jsonl``: a line for every seed, measured epoch, layer and stage, in this order, with "loss",
      "train_accuracy", "test_loss" and "test_accuracy" of the network in evaluation mode at that time (null without
      test rows), "accuracy" on the measured rows and the columns of :meth:`agop.network.NetworkRecord.lines`;
    * ``epochs.jsonl``: a line for every seed and epoch, with "running_loss" and "running_accuracy", the means over the
      steps of that epoch while the weights changed;
    * ``seed0/`` and so on: the run of a :class:`~agop.network.Tracker` with ``network.safetensors``, the record of the
      last measurement for :meth:`agop.network.NetworkRecord.load`; ``checkpoint.safetensors`` until the training ends,
      and then ``weights.safetensors``, the state dict.

    A folder of the same settings is continued from the last checkpoint, at most 30 seconds and one epoch ago. Weights,
    batches and labels depend on seed and epoch alone: on a CPU with the same number of threads, the numbers are those
    of a training that was never interrupted.

    Parameters
    ----------
    settings
        Settings of the training.
    dataset
        The full data set ``settings.data``.
    out
        Folder of the run.
    observe
        Called before the first step and after every epoch.

    Raises
    ------
    InputError
        If the settings or the folder cannot be used, or the loss becomes infinite or NaN.

    Examples
    --------
    >>> import tempfile
    >>> from agop.datasets import load
    >>> settings = TrainSettings(samples=100, width=16, fc_layers=1, lr=0.1, batch_size=25, epochs=30, every=30)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = run_train(settings, load("digits"), Path(folder, "run"))
    ...     lines = [line for line in run.metrics() if line["stage"] == "input"]
    >>> [(line["epoch"], line["layer"], round(line["nc1_trace_ratio"], 1)) for line in lines]
    [(0, 'fc.1', 0.6), (0, 'fc.output', 0.6), (30, 'fc.1', 0.6), (30, 'fc.output', 0.1)]
    """
    device = _check(settings, dataset)
    run = Run.create(out, asdict(settings), kind="network")
    shapes = {"input_shape": input_shape(dataset), "image_shape": dataset.image_shape}
    run.record(notes=list(dataset.notes), device=str(device), n_classes=dataset.n_classes, **shapes)
    for seed in settings.seeds:
        with run.working():
            try:
                _train(settings, dataset, seed, seed_folder(run, seed), device, observe)
            finally:  # an interrupted training was measured too
                gather(run, settings.seeds)
                run.record(notes=list(dict.fromkeys([*dataset.notes, *notes_of(run, settings.seeds)])))
    run.finish()
    return run


def trained_network(run: Run, seed: int) -> nn.Module:
    """Network of a seed after its training, on the CPU in evaluation mode.

    Its inputs are rows in the shape ``run.info()["input_shape"]``, standardized as the settings say. Before training it
    was ``TrainSettings.of(info["settings"]).network(info["input_shape"], info["n_classes"], seed)``.

    Raises
    ------
    DataFileError
        If that training is not finished, or its weights are not those that it finished with.

    Examples
    --------
    >>> import tempfile
    >>> from agop.datasets import load
    >>> settings = TrainSettings(samples=20, width=16, fc_layers=2, epochs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = run_train(settings, load("digits"), Path(folder, "run"))
    ...     trained_network(run, seed=0)(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 10])
    """
    info = run.info()
    network = TrainSettings.of(info["settings"]).network(info["input_shape"], info["n_classes"], seed)
    load_weights(network, run.tensors_file(f"{seed_folder(run, seed).name}/weights.safetensors"))
    return network.eval()


def _check(settings: TrainSettings, dataset: Dataset) -> torch.device:
    """Raise for what cannot run, before anything is written; return the device."""
    settings.check()
    device = settings.torch_device()
    for seed in settings.seeds:
        part = subset(dataset, settings.samples, settings.test_samples, settings.subset, seed)
        subset(part, settings.measure_samples)
    shape = input_shape(dataset)
    network = settings.network(shape, dataset.n_classes, settings.seeds[0])
    Weights(network, settings.layers)
    n_rows = min(2, settings.batch_size, len(part.train_labels))
    try:
        network(torch.zeros(n_rows, *shape))
    except ValueError as error:  # BatchNorm on a single value a channel
        got = f"batches of {settings.batch_size} ({error})"
        raise InputError(f"batches that {settings.model} can learn from", got, "Enlarge batch_size.") from error
    return device


def _train(
    settings: TrainSettings, dataset: Dataset, seed: int, folder: Path, device: torch.device, observe: Observe
) -> None:
    """Train the network of a seed to its end, from where it was."""
    weights, checkpoint = folder / "weights.safetensors", folder / "checkpoint.safetensors"
    if weights.exists():
        files.remove(checkpoint)
        return
    train, test = training_rows(settings, dataset, seed, device)
    model = settings.network(input_shape(dataset), dataset.n_classes, seed).to(device)
    optimizer = settings.make_optimizer(model)
    tracker = Tracker(
        model,
        train.batches(settings.measure_samples),
        folder,
        time_share=None,
        keep_record=True,
        layers=settings.layers,
        rows=settings.measure_rows,
        loss=settings.mean_loss,
        chance=settings.chance,
        superclasses=groupings_of(settings.superclasses, settings.data),
    )
    history = load_checkpoint(checkpoint, model, optimizer) if checkpoint.exists() else []
    saved = time.monotonic()
    while True:
        epoch, losses = len(history), [entry["running_loss"] for entry in history]
        ended, record = settings.is_over(losses), None
        if ended or epoch % settings.every == 0:
            record = tracker.step(epoch, **_scores(settings, model, train), **_scores(settings, model, test, "test_"))
        observe(seed, epoch, losses[-1] if losses else None, record)
        if ended:
            break
        history.append(_epoch(settings, model, optimizer, train, seed, epoch + 1))
        if time.monotonic() - saved >= CHECKPOINT_SECONDS:
            save_checkpoint(checkpoint, model, optimizer, history)
            saved = time.monotonic()
    tracker.finish()
    storage.save(weights, model.state_dict(), {"history": history})
    files.remove(checkpoint)


def _epoch(
    settings: TrainSettings,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    train: TrainingRows,
    seed: int,
    epoch: int,
) -> dict[str, Any]:
    """One pass over the rows."""
    model.train()
    total = torch.zeros(2, dtype=torch.float64, device=train.labels.device)
    for inputs, labels in train.steps(settings.batch_size, seed, epoch):
        outputs = model(inputs)
        loss = settings.mean_loss(outputs, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += torch.stack([loss.detach().double() * len(labels), (outputs.argmax(1) == labels).sum().double()])
    mean_loss, accuracy = (total / len(train.labels)).tolist()
    if not isfinite(mean_loss):
        got = f"{mean_loss} in epoch {epoch} of seed {seed}"
        advice = f"Train in another folder with a learning rate below {settings.lr:g}, or a smaller gain."
        raise InputError("a finite training loss", got, advice)
    return {"epoch": epoch, "running_loss": mean_loss, "running_accuracy": accuracy}


def _scores(settings: TrainSettings, model: nn.Module, rows: TrainingRows, prefix: str = "") -> dict[str, float | None]:
    """Loss and accuracy in evaluation mode, None without rows."""
    names = f"{prefix}loss", f"{prefix or 'train_'}accuracy"
    if not len(rows.labels):
        return dict.fromkeys(names)
    model.eval()
    with torch.no_grad():
        outputs = torch.cat([model(inputs) for inputs, _ in rows.batches()])
    accuracy = (outputs.argmax(1) == rows.labels).double().mean()
    return dict(zip(names, (float(settings.mean_loss(outputs, rows.labels)), float(accuracy)), strict=True))
