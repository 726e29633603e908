"""Run of convolutional RFM on a data set of images, measured at every iterate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import takewhile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.conv_rfm.filters import filters_of
from agop.conv_rfm.record import ConvRFMRecord
from agop.conv_rfm.recursion import ConvRFMStep, conv_rfm
from agop.conv_rfm.settings import ConvRFMSettings
from agop.datasets import Dataset, LabeledRows, coded_targets, subset
from agop.errors import InputError
from agop.rfm import Samples
from agop.runs import Run
from agop.runs.settings import check_settings
from agop.waiting import brief_waits

__all__ = ["run_conv_rfm", "shrunk", "tensor_name"]

_FILTERS = 8
"""Leading filters of a metric that are kept."""


@brief_waits()
def run_conv_rfm(
    settings: ConvRFMSettings,
    dataset: Dataset,
    out: Path,
    observe: Callable[[int, ConvRFMRecord], None] = lambda seed, record: None,
) -> Run:
    """Run every seed that the folder does not hold yet, and write what each iterate shows.

    Files of the folder:

    * ``run.json``: the settings, the machine, "image_shape" (channels, height, width), "n_classes" and the seeds that
      are finished;
    * ``metrics.jsonl``: a line for each (seed, iteration), in this order;
    * ``tensors.safetensors``: eigenvalues of the metrics, such as "seed0/iteration01/spectrum", and leading filters
      (k, channels, q, q), "seed0/iteration01/filters".

    Parameters
    ----------
    settings
        Settings of the run.
    dataset
        The full data set ``settings.data``.
    out
        Folder of the run. A folder of the same settings is resumed after the last finished seed.
    observe
        Called with the seed and the record of every iterate.

    Raises
    ------
    InputError
        If the settings or the folder cannot be used, or the data are no images.

    Examples
    --------
    >>> import tempfile
    >>> from agop.datasets import load
    >>> settings = ConvRFMSettings(samples=100, test_samples=100, shrink=2, depth=1, iterations=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lines = run_conv_rfm(settings, load("digits"), Path(folder, "run")).metrics()
    >>> [(line["iteration"], round(line["test_accuracy"], 1)) for line in lines]
    [(0, 0.9), (1, 0.8)]
    """
    dataset = _checked(settings, dataset)
    run = Run.create(out, asdict(settings), kind="conv-rfm")
    run.record(notes=list(dataset.notes), n_classes=dataset.n_classes, image_shape=dataset.image_shape)
    with run.working():
        before = run.info().get("finished_seeds", [])
        finished = list(takewhile(lambda seed: seed in before, settings.seeds))
        run.rewrite(line for line in run.metrics() if line["seed"] in finished)
        tensors = run.load_tensors()
        for seed in settings.seeds[len(finished) :]:
            for step, record in _iterates(settings, dataset, seed):
                run.append([{"seed": seed, **record.line()}])
                tensors |= _tensors(seed, step, record, dataset)
                observe(seed, record)
            finished.append(seed)
            run.save_tensors(tensors)
            run.record(finished_seeds=finished)  # last: marks this seed as finished
    run.finish()
    return run


def shrunk(dataset: Dataset, side: int) -> Dataset:
    """Data set whose pixels are means over squares of ``side`` pixels.

    Raises
    ------
    InputError
        If rows are no images, or their sides are no multiple of it.

    Examples
    --------
    >>> from agop.datasets import load
    >>> shrunk(load("digits"), 2).image_shape
    (1, 4, 4)
    """
    if dataset.image_shape is None:
        raise InputError("a data set of images", f"{dataset.name}, whose rows are none", "Choose another data set.")
    channels, height, width = dataset.image_shape
    if height % side or width % side:
        got = f"images of {height} x {width} pixels"
        raise InputError(f"sides that are multiples of {side}", got, "Choose another number to shrink by.")

    def means(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        squares = rows.reshape(len(rows), channels, height // side, side, width // side, side)
        return np.ascontiguousarray(squares.mean((3, 5)).reshape(len(rows), -1))

    shape = (channels, height // side, width // side)
    train, test = means(dataset.train_inputs), means(dataset.test_inputs)
    return replace(dataset, train_inputs=train, test_inputs=test, image_shape=shape)


def tensor_name(seed: int, iteration: int, what: str) -> str:
    """Name in ``tensors.safetensors``, such as "seed0/iteration01/filters"."""
    return f"seed{seed}/iteration{iteration:02d}/{what}"


def _checked(settings: ConvRFMSettings, dataset: Dataset) -> Dataset:
    """The data set in its size; InputError for settings that cannot run, before anything is written."""
    check_settings(settings)
    if not settings.seeds:
        raise InputError("one or more seeds", "none", "Name a seed.")
    dataset = shrunk(dataset, settings.shrink)
    shape = _image_shape(dataset)
    pair = torch.eye(2, shape[0] * shape[1] * shape[2], dtype=settings.torch_dtype(), device=settings.torch_device())
    next(conv_rfm(Samples.of(pair, torch.ones(2, 1)), shape, settings.iterate_settings(), settings.iterations))
    for seed in settings.seeds:
        subset(dataset, settings.samples, settings.test_samples, settings.subset, seed)
    return dataset


def _image_shape(dataset: Dataset) -> tuple[int, int, int]:
    channels, height, width = dataset.image_shape or (1, 1, dataset.train_inputs.shape[1])
    return channels, height, width


def _iterates(settings: ConvRFMSettings, dataset: Dataset, seed: int) -> Iterator[tuple[ConvRFMStep, ConvRFMRecord]]:
    """Iterates with their records; equal images of two classes count in the accuracy as one, of the more frequent."""
    shape, memory = _image_shape(dataset), settings.max_memory
    rows = LabeledRows.of(dataset, settings, seed, "channel")
    targets = coded_targets(rows.labels, rows.n_classes, settings.targets, rows.inputs.dtype)
    samples = Samples.of(rows.inputs, targets).merged()
    held_out = None if rows.test is None else (rows.test[0].reshape(-1, *shape), rows.test[1])
    steps = conv_rfm(samples, shape, settings.iterate_settings(), settings.iterations, seed=seed, max_memory=memory)
    for step in steps:
        yield step, ConvRFMRecord.of(step, samples.targets.argmax(1), held_out, memory)


def _tensors(seed: int, step: ConvRFMStep, record: ConvRFMRecord, dataset: Dataset) -> dict[str, Tensor]:
    """Spectrum and leading filters of the metric of an iterate; nothing of the identity."""
    if step.machine.metric is None or record.spectrum is None:
        return {}
    filters, _ = filters_of(step.machine.metric, _image_shape(dataset)[0])
    found = {"spectrum": record.spectrum, "filters": filters[:_FILTERS].contiguous()}
    return {tensor_name(seed, step.iteration, what): tensor.cpu() for what, tensor in found.items()}
