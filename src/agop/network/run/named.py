"""Model, options and batches that the settings of a measurement name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from agop.datasets import Dataset, shard_batches
from agop.errors import InputError
from agop.inputs import usable_device
from agop.network.factory import function_of, load_weights, make_model
from agop.network.losses import loss_of
from agop.network.options import MeasureOptions
from agop.network.passes.directions import Rademacher
from agop.network.passes.forward import default_forward
from agop.network.run.data import checked_rows, dataset_batches, loader_of
from agop.network.run.settings import MeasureSettings
from agop.ranks import local_device

__all__ = ["batches_of", "model_of", "options_of"]

_SAME = ("rows", "min_count", "classifier", "common_inputs", "collapse", "chance", "max_memory")
"""Settings that are options as they are."""


def model_of(settings: MeasureSettings) -> nn.Module:
    """Model with its weights, on the CPU."""
    model = make_model(settings.model, settings.seed)
    if settings.weights is not None:
        load_weights(model, Path(settings.weights))
    return model


def options_of(settings: MeasureSettings, progress: bool = False) -> MeasureOptions:
    """Options of the measurement, with a device that is there."""
    forward = default_forward
    if settings.forward is not None:
        forward = function_of(settings.forward, "a function of the model and a batch as MODULE:FUNCTION", 2)
    return MeasureOptions(
        forward=forward,
        layers=settings.layers or None,
        outputs=_outputs(settings),
        loss=None if settings.loss is None else loss_of(settings.loss),
        max_samples=settings.samples if settings.has_own_data else None,
        device=usable_device(local_device(settings.device)),
        max_width=settings.max_width or ("auto" if settings.shard is None else None),
        second_pass=settings.looks_twice,
        progress=progress,
        **{name: getattr(settings, name) for name in _SAME},
    )


def batches_of(
    settings: MeasureSettings, dataset: Dataset | None, dtype: torch.dtype, rank: int = 0, world: int = 1
) -> Iterable[Any]:
    """Batches of a rank of several: inputs of a data set in a dtype with labels; of one's own as they come."""
    place = settings.place(rank, world)
    if dataset is None:
        settings.check_own_data(place)
        return shard_batches(loader_of(settings.data), *place)
    rows = range(checked_rows(dataset, settings.test, settings.samples))[place[0] :: place[1]]
    standardization, batch_size = settings.standardize or "channel", settings.batch_size or 256
    found = dataset_batches(dataset, settings.test, rows, standardization, settings.images, batch_size)
    return [(inputs.to(dtype), labels) for inputs, labels in found]


def _outputs(settings: MeasureSettings) -> Literal["exact"] | Rademacher:
    """Outputs that are differentiated, or random directions of them; InputError for what is neither."""
    if settings.outputs == "exact":
        return "exact"
    if not (settings.outputs.isdecimal() and int(settings.outputs) >= 1):
        advice = "A number is one of random directions."
        raise InputError('outputs "exact" or a number >= 1', repr(settings.outputs), advice)
    return Rademacher(int(settings.outputs), settings.seed)
