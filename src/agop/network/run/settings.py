"""Settings of a measurement, as a command takes them; what they name is made by ``named``, which knows torch."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeAlias, get_args

from agop import runs
from agop.datasets import NAMES, Standardization
from agop.errors import InputError
from agop.network.loss_names import LossName
from agop.network.passes.rows import Rows
from agop.runs.settings import AtLeast, Count, Seed

__all__ = ["MeasureSettings", "Place"]

Place: TypeAlias = tuple[int, int]
"""Number of a part, from 0, and the number of parts."""

Data = Annotated[str, f"The data sets are {', '.join(NAMES)}."]
NamedLoss = Annotated[str, f"The losses are {', '.join(get_args(LossName))}."]


@dataclass(frozen=True)
class MeasureSettings:
    """Settings of a measurement.

    Attributes
    ----------
    model
        MODULE:FACTORY, a function without arguments that returns the model.
    data
        Name of a data set, or MODULE:LOADER, a function without arguments that returns batches as the model takes
        them: a DataLoader or a list.
    weights
        File with the model's state dict, .safetensors, .pt or .pth; those of the factory by default.
    forward
        MODULE:FUNCTION from the model and a batch to outputs and labels; inputs and labels of a pair or mapping by
        default.
    layers
        Name or glob of layers to measure; repeat for several; all layers by default.
    outputs
        "exact", or the number of random directions.
    rows
        Contribution of a layer with several rows a sample, positions or tokens.
    loss
        Loss that was minimized, for the agreement of WᵀW with the Features at Convergence Theorem: a name, or
        MODULE:FUNCTION from outputs and targets to the mean over samples; none by default.
    min_count
        Samples that a class must have to take part in collapse.
    classifier
        Whether output c is the score of class c; found from the outputs by default.
    common_inputs
        Measure what several layers read, too, such as the input of queries, keys and values.
    collapse
        Measure collapse; the AGOPs and the ansatz alone otherwise.
    chance
        Draws of random labels for the level of NC1 and NC2 that chance has; 39 tell 95 %. They take a second look at
        the data.
    samples
        Rows to measure, the first ones; all by default.
    shard
        Part of the data to measure, "3/16" for the third of 16 parts; all by default. ``agop merge`` puts them
        together.
    second_pass
        Look at the data twice; by default unless they are a part. One look leaves out what merged parts lack too: NC1
        by the pseudo-inverse, NC4 and the stages after the AGOP.
    test
        Measure the test rows of a data set instead of the training rows.
    batch_size
        Rows a batch of a data set; 256 by default.
    standardize
        Pixels of a data set that share a mean and a deviation over the training rows: all of a "channel", or one
        "feature". By default that of the training whose weights these are, if they lie in the folder of one, else
        "channel".
    images
        Inputs of shape (channels, height, width) from a data set instead of (features,).
    seed
        Seed of the factory and of the random directions.
    device
        Device of the model, such as cpu or cuda.
    max_width
        Inputs of a layer up to which its record is in full, and merges. By default all of a part of the data and of
        a small network, else 256.
    max_memory
        Bytes that the statistics of all layers and the outputs of a batch may take; unlimited by default.
    """

    model: str
    data: Data
    weights: str | None = None
    forward: str | None = None
    layers: tuple[str, ...] = ()
    outputs: str = "exact"
    rows: Rows = "each"
    loss: NamedLoss | None = None
    min_count: Count = 1
    classifier: bool | None = None
    common_inputs: bool = False
    collapse: bool = True
    chance: Annotated[int, AtLeast(0)] = 0
    samples: Count | None = None
    shard: str | None = None
    second_pass: bool | None = None
    test: bool = False
    batch_size: Count | None = None
    standardize: Standardization | None = None
    images: bool = False
    seed: Seed = 0
    device: str = "cpu"
    max_width: Count | None = None
    max_memory: Count | None = None

    @property
    def has_own_data(self) -> bool:
        """Whether the data come from a loader of one's own."""
        return ":" in self.data

    def resolved(self) -> MeasureSettings:
        """These settings with the passes, the batch size and the standardization that are used.

        The last two are None for data of one's own.

        Raises
        ------
        InputError
            If ``standardize`` is another one than in the training that made the weights, or a setting is for data sets
            only, or ``shard`` is no part, or a part shall leave out classes that are rare in it.
        """
        place = self.place()
        if self.shard is not None and self.min_count > 1:
            got, advice = f"min_count={self.min_count} in part {self.shard}", "Leave it out, or measure all at once."
            raise InputError("all classes of a part, which may be common in others", got, advice)
        settings = replace(self, second_pass=self.looks_twice)
        if self.has_own_data:
            self.check_own_data(place)
            return settings
        trained = None if self.weights is None else _trained_with(Path(self.weights))
        if trained and self.standardize not in (None, trained):
            got, advice = f"standardize={self.standardize!r}", "Leave it out: the weights say which."
            raise InputError(f"inputs as in the training of {self.weights}: {trained!r}", got, advice)
        standardize = trained or self.standardize or "channel"
        return replace(settings, standardize=standardize, batch_size=self.batch_size or 256)

    def place(self, rank: int = 0, world: int = 1) -> Place:
        """Place of the samples to measure, the part of a rank within the shard.

        Examples
        --------
        >>> MeasureSettings("nets:mlp", "digits", shard="3/4").place(rank=1, world=2)
        (6, 8)
        """
        if self.shard is None:
            return rank, world
        found = re.fullmatch(r"(\d+)/(\d+)", self.shard)
        part, parts = map(int, found.groups()) if found else (0, 0)
        if not 1 <= part <= parts:
            raise InputError('a shard such as "3/16", the first one 1/16', repr(self.shard), "Name one of the parts.")
        return part - 1 + parts * rank, parts * world

    @property
    def looks_twice(self) -> bool:
        """Whether the data are looked at twice."""
        return self.shard is None if self.second_pass is None else self.second_pass

    def check_own_data(self, place: Place) -> None:
        """Raise InputError for settings that a loader of one's own decides itself."""
        values = {name: getattr(self, name) for name in ("test", "batch_size", "standardize", "images")}
        given = ", ".join(f"{name}={value!r}" for name, value in values.items() if value)
        if given:
            advice = f"Leave it out: {self.data} gives batches as the model takes them."
            raise InputError("settings that hold for data of one's own", given, advice)
        if self.samples is not None and place[1] > 1:
            got, advice = f"samples={self.samples} of parts of them", f"Let {self.data} return fewer."
            raise InputError("all samples of data of one's own", got, advice)


def _trained_with(weights: Path) -> Standardization | None:
    """Standardization of the training in whose folder RUN/seed0 the weights lie; None if they lie in no such."""
    run = runs.Run(weights.absolute().parent.parent)
    return run.info()["settings"].get("standardize") if run.is_started() else None
