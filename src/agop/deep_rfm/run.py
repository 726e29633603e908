"""Run of Deep RFM and its control on a data set, measured at every layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agop.datasets import Dataset, permute_labels, standardized_inputs, subset
from agop.deep_rfm.gram_picture import class_sorted_gram
from agop.deep_rfm.record import DeepRFMRecord, deep_rfm_records
from agop.deep_rfm.recursion import DeepRFMLayer, LayerSettings, deep_rfm
from agop.deep_rfm.settings import DeepRFMSettings
from agop.errors import InputError
from agop.linalg import largest_positive
from agop.rfm import Samples
from agop.runs import Run
from agop.runs.settings import check_settings

__all__ = ["run_deep_rfm", "tensor_name"]

_EIGENVECTORS = 8
"""Number of eigenvectors of the first AGOP that are kept."""


def run_deep_rfm(
    settings: DeepRFMSettings,
    dataset: Dataset,
    out: Path,
    observe: Callable[[bool, int, DeepRFMRecord], None] = lambda control, seed, record: None,
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

    Raises
    ------
    InputError
        If the settings or the folder cannot be used.
    """
    _check(settings, dataset)
    run = Run.create(out, asdict(settings), kind="deep-rfm")
    facts = {"n_classes": dataset.n_classes, "image_shape": dataset.image_shape}
    run.record(notes=_notes(settings, dataset), **facts, gram_counts=_gram_counts(settings, dataset))
    tensors = run.load_tensors()
    pairs = [(control, seed) for control in (False, True)[: 1 + settings.control] for seed in settings.seeds]
    finished = _finished(run, pairs, settings.depth)
    run.rewrite(line for line in run.metrics() if (line["control"], line["seed"]) in finished)
    precision = [part for part in run.info().get("precision", []) if (part["control"], part["seed"]) in finished]
    with run.working():
        for control, seed in pairs[len(finished) :]:
            for layer, record, labels in _layers(settings, dataset, control, seed):
                run.append({"seed": seed, "control": control, **line} for line in record.lines())
                precision.append({"control": control, "seed": seed, "layer": layer.index, **record.precision})
                tensors |= _tensors(settings, control, seed, layer, record, labels)
                observe(control, seed, record)
            run.save_tensors(tensors)
            run.record(precision=precision)  # last: marks this seed as finished
    run.finish()
    return run


def tensor_name(control: bool, seed: int, layer: int, what: str) -> str:
    """Name in ``tensors.safetensors``, such as "agop/seed0/layer03/gram/input"."""
    return f"{'control' if control else 'agop'}/seed{seed}/layer{layer:02d}/{what}"


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


def _layers(settings: DeepRFMSettings, dataset: Dataset, control: bool, seed: int) -> Any:
    """Layers with their records and the labels that were fitted."""
    part = subset(dataset, settings.samples, settings.test_samples, settings.subset, seed)
    labels = part.train_labels
    if settings.permute_labels:
        labels = permute_labels(labels, seed)
    train, test = standardized_inputs(part, settings.standardize)

    def tensor(values: Any) -> Tensor:
        result = torch.from_numpy(values).to(settings.device)
        return result.to(settings.torch_dtype()) if result.is_floating_point() else result

    codes, n_classes = tensor(labels), part.n_classes
    inputs = tensor(train)
    targets = 2 * torch.nn.functional.one_hot(codes, n_classes).to(inputs) - 1
    layer_settings = _layer_settings(settings, agop=not control)
    layers = deep_rfm(Samples.of(inputs, targets), layer_settings, settings.depth, seed=seed)
    held_out = (tensor(test), tensor(part.test_labels)) if len(test) else None
    for layer, record in deep_rfm_records(layers, codes, n_classes, held_out):
        yield layer, record, codes


def _tensors(
    settings: DeepRFMSettings,
    control: bool,
    seed: int,
    layer: DeepRFMLayer,
    record: DeepRFMRecord,
    labels: Tensor,
) -> dict[str, Tensor]:
    """Spectrum of the AGOP, and for the first seed Gram pictures of the three stages and eigenvectors at the inputs."""
    tensors = {}
    if record.spectrum is not None:
        tensors[tensor_name(control, seed, layer.index, "spectrum")] = record.spectrum
    if seed == settings.seeds[0]:
        n_classes = layer.fit.machine.coefficients.shape[1]
        for stage, features in layer.stages.items():
            gram = class_sorted_gram(features, labels, n_classes, per_class=_per_class(n_classes))
            tensors[tensor_name(control, seed, layer.index, f"gram/{stage}")] = gram.half()
        if layer.index == 1 and layer.agop is not None:
            tensors[tensor_name(control, seed, 1, "eigenvectors")] = _leading_eigenvectors(layer.agop)
    return {name: tensor.cpu() for name, tensor in tensors.items()}


def _per_class(n_classes: int) -> int:
    """Samples of a class in a Gram picture at most."""
    return max(2, 200 // n_classes)


def _gram_counts(settings: DeepRFMSettings, dataset: Dataset) -> list[int]:
    """Samples of each class in the Gram pictures, which are of the first seed; permuted labels have the same."""
    part = subset(dataset, settings.samples, settings.test_samples, settings.subset, settings.seeds[0])
    return [min(int((part.train_labels == label).sum()), _per_class(part.n_classes)) for label in range(part.n_classes)]


def _notes(settings: DeepRFMSettings, dataset: Dataset) -> list[str]:
    """Notes of the data set, and on classes that have no scatter in the rows of a seed."""
    found = set()
    for seed in settings.seeds:
        part = subset(dataset, settings.samples, settings.test_samples, settings.subset, seed)
        found |= {label for label in range(part.n_classes) if (part.train_labels == label).sum() == 1}
    single = ", ".join(dataset.class_names[label] for label in sorted(found))
    note = f"one sample of {single}, which has no scatter within the class: left out of NC1"
    return [*dataset.notes, *([note] if single else [])]


def _leading_eigenvectors(agop: Tensor) -> Tensor:
    """Eigenvectors as rows (k, d), float64, largest eigenvalue first."""
    rows: Tensor = torch.linalg.eigh(agop.double()).eigenvectors.flip(1)[:, :_EIGENVECTORS].mT
    return largest_positive(rows)


def _finished(run: Run, pairs: list[tuple[bool, int]], depth: int) -> list[tuple[bool, int]]:
    """The leading (control, seed) of which every layer was written, to the last file."""
    lines = Counter((line["control"], line["seed"]) for line in run.metrics())
    layers = Counter((entry["control"], entry["seed"]) for entry in run.info().get("precision", []))
    return list(takewhile(lambda pair: layers[pair] == depth and lines[pair] == 3 * depth, pairs))
