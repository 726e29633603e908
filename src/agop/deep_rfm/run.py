"""Run of Deep RFM and its control on a data set, measured at every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from agop.datasets import Dataset, LabeledRows, coded_targets, subset
from agop.deep_rfm.layer import DeepRFMLayer, LayerSettings
from agop.deep_rfm.record import DeepRFMRecord, deep_rfm_records
from agop.deep_rfm.recursion import deep_rfm
from agop.deep_rfm.settings import DeepRFMSettings
from agop.deep_rfm.writer import DeepRFMWriter, most_of_a_class
from agop.errors import InputError
from agop.ranks import Ranks, is_writer, require_same
from agop.rfm import Samples
from agop.runs import Run
from agop.runs.settings import check_settings
from agop.waiting import brief_waits

__all__ = ["run_deep_rfm"]


@brief_waits()
def run_deep_rfm(
    settings: DeepRFMSettings,
    dataset: Dataset,
    out: Path,
    observe: Callable[[bool, int, DeepRFMRecord], None] = lambda control, seed, record: None,
    group: dist.ProcessGroup | None = None,
) -> Run:
    """Run every (control, seed) that the folder does not hold yet, and write what each layer shows.

    Files of the folder:

    * ``run.json``: the settings, the machine, "n_classes", "image_shape" (channels, height, width; null for rows that
      are no images), "gram_counts" (samples of each class in the Gram pictures), and the precision of every part;
    * ``metrics.jsonl``: a line for each (control, seed, layer, stage), in this order;
    * ``tensors.safetensors``: the spectra of the AGOPs, such as "agop/seed0/layer01/spectrum"; of the first seed also
      class-sorted Gram pictures, "agop/seed0/layer01/gram/input" and so on, and the leading eigenvectors of the AGOP
      at the standardized inputs, "agop/seed0/layer01/eigenvectors". These are the rows of a (k, d) matrix, float64,
      with k = min(8, d); the entry of largest magnitude is positive.

    Parameters
    ----------
    settings
        Settings of the run.
    dataset
        The full data set ``settings.data``.
    out
        Folder of the run. A folder of the same settings is resumed after the last finished seed.
    observe
        Called with control, seed and the record of every layer.
    group
        Processes that call this together with the same settings and share the work; rank 0 writes. None for this
        process alone.

    Returns
    -------
    Run
        The folder, which rank 0 has written.

    Raises
    ------
    InputError
        If the settings or the folder cannot be used.
    RankError
        If there is an error on another rank, or one is gone.

    Examples
    --------
    >>> import tempfile
    >>> from agop.datasets import load
    >>> settings = DeepRFMSettings(samples=100, test_samples=100, depth=3, width=64)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lines = run_deep_rfm(settings, load("digits"), Path(folder, "run")).metrics()
    >>> [(line["layer"], round(line["nc1_trace_ratio"], 1)) for line in lines if line["stage"] == "input"]
    [(1, 0.8), (2, 0.2), (3, 0.1)]
    """
    ranks = Ranks(group)
    pairs = [(control, seed) for control in (False, True)[: 1 + settings.control] for seed in settings.seeds]
    with ranks.together():
        _check(settings, dataset)
        require_same(ranks, asdict(settings))
        writer = _writer(settings, dataset, out, pairs) if is_writer(group) else None
        n_finished = ranks.exchange(0 if writer is None else writer.n_finished)[0]
        with nullcontext() if writer is None else writer.run.working():
            for control, seed in pairs[n_finished:]:
                for layer, record, labels in _layers(settings, dataset, control, seed, group):
                    if writer is not None:
                        writer.add(control, seed, layer, record, labels)
                    observe(control, seed, record)
                if writer is not None:
                    writer.finish_seed()
        if writer is not None:
            writer.run.finish()
    return Run(out)


def _writer(settings: DeepRFMSettings, dataset: Dataset, out: Path, pairs: list[tuple[bool, int]]) -> DeepRFMWriter:
    """Folder of the run, with what it holds of these (control, seed)."""
    run = Run.create(out, asdict(settings), kind="deep-rfm")
    facts = {"n_classes": dataset.n_classes, "image_shape": dataset.image_shape}
    run.record(notes=_notes(settings, dataset), **facts, gram_counts=_gram_counts(settings, dataset))
    return DeepRFMWriter.of(run, pairs, settings.depth)


def _check(settings: DeepRFMSettings, dataset: Dataset) -> None:
    """Raise for settings that cannot run, before anything is written: one layer on two samples, every subset."""
    check_settings(settings)
    if not settings.seeds:
        raise InputError("one or more seeds", "none", "Name a seed.")
    pair = torch.eye(2, dtype=settings.torch_dtype(), device=settings.torch_device())
    layer = _layer_settings(settings)
    for seed in settings.seeds:
        next(deep_rfm(Samples.of(pair, pair), layer, settings.depth, seed=seed))
        subset(dataset, settings.samples, settings.test_samples, settings.subset, seed)


def _layer_settings(settings: DeepRFMSettings, *, agop: bool = True) -> LayerSettings:
    return LayerSettings(
        settings.make_kernel(), settings.make_features(), settings.ridge, agop=agop, agop_scale=settings.agop_scale
    )


def _layers(
    settings: DeepRFMSettings, dataset: Dataset, control: bool, seed: int, group: dist.ProcessGroup | None
) -> Iterator[tuple[DeepRFMLayer, DeepRFMRecord, Tensor]]:
    """Layers with their records and the labels that were fitted."""
    rows = LabeledRows.of(dataset, settings, seed, settings.standardize)
    targets = coded_targets(rows.labels, rows.n_classes, settings.targets, rows.inputs.dtype)
    layer_settings = _layer_settings(settings, agop=not control)
    memory, samples = settings.max_memory, Samples.of(rows.inputs, targets)
    layers = deep_rfm(samples, layer_settings, settings.depth, seed=seed, max_memory=memory, group=group)
    for layer, record in deep_rfm_records(layers, rows.labels, rows.n_classes, rows.test):
        yield layer, record, rows.labels


def _gram_counts(settings: DeepRFMSettings, dataset: Dataset) -> list[int]:
    """Samples of each class in the Gram pictures, which are of the first seed; permuted labels have the same."""
    part = subset(dataset, settings.samples, settings.test_samples, settings.subset, settings.seeds[0])
    most = most_of_a_class(part.n_classes)
    return [min(int((part.train_labels == label).sum()), most) for label in range(part.n_classes)]


def _notes(settings: DeepRFMSettings, dataset: Dataset) -> list[str]:
    """Notes of the data set, and on classes that have no scatter in the rows of a seed."""
    found = set()
    for seed in settings.seeds:
        part = subset(dataset, settings.samples, settings.test_samples, settings.subset, seed)
        found |= {label for label in range(part.n_classes) if (part.train_labels == label).sum() == 1}
    single = ", ".join(dataset.class_names[label] for label in sorted(found))
    note = f"one sample of {single}, which has no scatter within the class: left out of NC1"
    return [*dataset.notes, *([note] if single else [])]
