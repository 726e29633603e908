"""A model of any file, measured on a data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from agop.datasets import DataName, Dataset, Standardization, standardized_inputs
from agop.errors import InputError
from agop.inputs import usable_device
from agop.network.capture.state import undisturbed
from agop.network.capture.weights import model_dtype
from agop.network.factory import load_weights, make_model
from agop.network.measure import measure
from agop.network.options import MeasureOptions
from agop.network.passes.directions import Rademacher
from agop.network.passes.rows import Rows
from agop.network.record import NetworkRecord
from agop.runs import Run
from agop.runs.settings import Count, Seed

__all__ = ["MeasureSettings", "run_measure"]


@dataclass(frozen=True)
class MeasureSettings:
    """Settings of a measurement.

    Attributes
    ----------
    model
        MODULE:FACTORY, a function without arguments that returns the model.
    data
        Data set.
    weights
        File with the model's state dict, .safetensors, .pt or .pth; those of the factory by default.
    layers
        Name or glob of layers to measure; repeat for several; all layers by default.
    outputs
        "exact", or the number of random directions.
    rows
        Contribution of a layer with several rows a sample, positions or tokens.
    samples
        Rows to measure, the first ones; all by default.
    test
        Measure the test rows instead of the training rows.
    batch_size
        Rows a batch.
    standardize
        Pixels that share a mean and a deviation over the training rows: all of a "channel", or one "feature". By
        default that of the training whose weights these are, if they lie in the folder of one, else "channel".
    images
        Inputs of shape (channels, height, width) instead of (features,).
    seed
        Seed of the factory and of the random directions.
    device
        Device of the model, such as cpu or cuda.
    """

    model: str
    data: DataName = "digits"
    weights: str | None = None
    layers: tuple[str, ...] = ()
    outputs: str = "exact"
    rows: Rows = "each"
    samples: Count | None = None
    test: bool = False
    batch_size: Count = 256
    standardize: Standardization | None = None
    images: bool = False
    seed: Seed = 0
    device: str = "cpu"

    def resolved(self) -> MeasureSettings:
        """These settings with the standardization of the training that made the weights.

        Raises
        ------
        InputError
            If ``standardize`` is another one.
        """
        trained = None if self.weights is None else _trained_with(Path(self.weights))
        if trained and self.standardize not in (None, trained):
            got, advice = f"standardize={self.standardize!r}", "Leave it out: the weights say which."
            raise InputError(f"inputs as in the training of {self.weights}: {trained!r}", got, advice)
        return replace(self, standardize=trained or self.standardize or "channel")

    def make_model(self) -> nn.Module:
        """Model with its weights, on the CPU."""
        model = make_model(self.model, self.seed)
        if self.weights is not None:
            load_weights(model, Path(self.weights))
        return model

    def options(self, progress: bool = False) -> MeasureOptions:
        """Options of the measurement, with a device that is there."""
        outputs: Literal["exact"] | Rademacher = "exact"
        if self.outputs != "exact":
            if not (self.outputs.isdecimal() and int(self.outputs) >= 1):
                advice = "A number is one of random directions."
                raise InputError('outputs "exact" or a number >= 1', repr(self.outputs), advice)
            outputs = Rademacher(int(self.outputs), self.seed)
        device = usable_device(self.device)
        return MeasureOptions(
            layers=self.layers or None, outputs=outputs, rows=self.rows, device=device, progress=progress
        )

    def batches(self, dataset: Dataset, dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
        """Inputs, standardized by all training rows, with their labels."""
        part = "test" if self.test else "training"
        labels = dataset.test_labels if self.test else dataset.train_labels
        count = len(labels) if self.samples is None else self.samples
        if not 1 <= count <= len(labels):
            got = f"a wish for {count}"
            raise InputError(
                f"1 .. {len(labels)} {part} rows of {dataset.name}", got, "Ask for a number in that range."
            )
        rows = standardized_inputs(dataset, self.standardize or "channel")[self.test][:count]
        inputs = torch.from_numpy(rows).to(dtype)
        if self.images:
            if dataset.image_shape is None:
                raise InputError(f"images in {dataset.name}", "rows that are none", "Leave the inputs as flat rows.")
            inputs = inputs.reshape(-1, *dataset.image_shape)
        parts = (torch.split(tensor, self.batch_size) for tensor in (inputs, torch.from_numpy(labels[:count])))
        return list(zip(*parts, strict=True))


def run_measure(settings: MeasureSettings, dataset: Dataset, out: Path, progress: bool = False) -> NetworkRecord:
    """Measure a model on a data set, and write what was found.

    ``metrics.jsonl`` has a line for each layer and stage, ``network.safetensors`` the record, ``run.json`` the
    settings with the standardization that was used, and "image_shape", (channels, height, width) of the data set's
    images, flat rows or not; null if they are none. A folder of the same settings is written again.

    Parameters
    ----------
    settings
        Settings of the measurement.
    dataset
        The full data set ``settings.data``.
    out
        Folder of the run.
    progress
        Show a progress bar.

    Raises
    ------
    InputError
        If the settings, the model or the folder cannot be used.
    """
    settings = settings.resolved()
    options = settings.options(progress)
    model = settings.make_model()
    batches = settings.batches(dataset, model_dtype(model))
    _try(model, batches[0][0][:2], usable_device(settings.device))
    run = Run.create(out, asdict(settings), kind="network")
    with run.working():
        record = measure(model, batches, options)
    record.save(run.path / "network.safetensors")
    run.rewrite(record.lines())
    run.record(
        n_samples=record.n_samples,
        n_classes=record.n_classes,
        image_shape=dataset.image_shape,
        accuracy=record.accuracy,
        notes=[*dataset.notes, *record.notes],
    )
    run.finish()
    return record


def _trained_with(weights: Path) -> Standardization | None:
    """Standardization of the training in whose folder RUN/seed0 the weights lie; None if they lie in no such."""
    run = Run(weights.absolute().parent.parent)
    return run.info()["settings"].get("standardize") if run.is_started() else None


def _try(model: nn.Module, inputs: Tensor, device: torch.device) -> None:
    """Raise if the model does not take such inputs, before anything is written."""
    try:
        with undisturbed(model, device), torch.no_grad():
            model(inputs.to(device))
    except (RuntimeError, ValueError) as error:
        got = f"an error ({str(error).splitlines()[0]})"
        advice = "Choose flat rows or images as the model asks for, and a model for these data."
        raise InputError(f"a model that takes inputs of shape {tuple(inputs.shape)}", got, advice) from error
