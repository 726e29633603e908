"""Options of a measurement, written once for the call, the tracker, the callback of Lightning and the command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from types import MappingProxyType
from typing import Any, Literal

import torch

from agop.errors import InputError
from agop.network.capture.checks import check_layers
from agop.network.capture.weights import LayerSelection
from agop.network.passes.directions import Directions, Rademacher, directions_of
from agop.network.passes.forward import Forward, Loss, default_forward
from agop.network.passes.groupings import groupings_of
from agop.network.passes.rows import Rows
from agop.ranks import Ranks, require_same
from agop.runs.storage import JSON

__all__ = ["MeasureOptions"]

_EXECUTION = ("device", "max_memory", "max_width", "progress")
"""Options that change how the measurement works and not what it finds."""

_FULL_BYTES, _FULL_WIDTH = 2**28, 256
"""Statistics that are recorded in full, and inputs up to which layers are where there are more."""


@dataclass(frozen=True)
class MeasureOptions:
    """Options of a measurement.

    Attributes
    ----------
    forward
        Function from the model and a batch to outputs (B, K) and targets, and if rows are padded a mask (B, T): 1 for
        real rows (tokens), 0 for padding. Targets are integer labels (B,), whose classes are those that occur, or
        numbers (B,) or (B, t) of a regression. Samples labeled -100 and padding are left out of everything. The default
        takes the mask of a batch with an "attention_mask"; ``next_token_forward`` is that of language models.
    layers
        Names, globs or module types of the layers; all if None.
    outputs
        "exact" differentiates every output, which asks that the outputs of a sample depend on it alone;
        ``Rademacher(k, seed)`` uses k random directions, the choice for many outputs and for tokens.
    rows
        Contribution of a layer with several rows a sample (positions, tokens) to the measures of collapse: "each" row,
        their "mean", or one "flatten" vector. The AGOP always sums over rows.
    loss
        Function from outputs (m, K) and targets to the mean loss of m samples, such as
        ``torch.nn.functional.cross_entropy``, that training with weight decay minimized: one backward pass more a
        batch for the agreement of :math:`W^T W` with the Features at Convergence Theorem. None leaves it out.
    ood_loader
        Batches of out-of-distribution samples for NC5; their labels do not matter.
    max_samples
        Number of samples to use; all if None. Several ranks take equal shares of them.
    min_count
        Samples that a class must have to take part in collapse; those of rarer classes are in the AGOPs alone.
    classifier
        Whether output c is the score of class c, which accuracy, NC3 and NC4 ask for. If None it is, if there is an
        output for each label up to the largest and no other, or if the largest outputs agree with the labels of so
        many classes as outputs without names would in 1 % of all cases; two or three classes can seldom show it.
    common_inputs
        Whether to measure what is read by several layers, too, as the input of queries, keys and values: as the one
        layer that they are together, with their weights one below the other, under the name of their module.
    collapse
        Whether to measure collapse; the AGOPs and the ansatz alone if not.
    chance
        Draws of random labels for which NC1 and NC2 of the same features are measured, too, in the second pass: 39 tell
        where those of another draw lie in 95 % of all cases. Each takes as much memory as the class means.
    superclasses
        Groupings by name, each a mapping from the label of a class to the number of its superclass, from 0: how far
        class means of one superclass lie together.
    second_pass
        Whether to look at the data again, once the class means and AGOPs are known. One look gives the AGOPs and what
        class means and scatter traces determine; NC1 by the pseudo-inverse, NC4, NC5 and the stages after the AGOP need
        the second. With one look samples may be of one class, as a part of the data that is to be merged.
    device
        Device to run the model on; the one where it is if None.
    max_width
        Inputs of a layer up to which its record is in full, and merges; wider ones are :meth:`compact
        <agop.network.LayerRecord.compact>`. None keeps all in full, "auto" as well while they take 256 MiB together at
        most, and else those of 256 inputs or fewer.
    max_memory
        Bytes that the statistics of all layers and the outputs of a batch may take; unlimited if None.
    progress
        Show a progress bar.

    Raises
    ------
    InputError
        If an option is out of range.

    Examples
    --------
    >>> MeasureOptions(rows="mean").rows
    'mean'
    """

    forward: Forward = default_forward
    layers: LayerSelection = None
    outputs: Literal["exact"] | Rademacher = "exact"
    rows: Rows = "each"
    loss: Loss | None = None
    ood_loader: Iterable[Any] | None = None
    max_samples: int | None = None
    min_count: int = 1
    classifier: bool | None = None
    common_inputs: bool = False
    collapse: bool = True
    chance: int = 0
    superclasses: Mapping[str, Mapping[int, int]] = field(default_factory=lambda: MappingProxyType({}))
    second_pass: bool = True
    max_width: int | Literal["auto"] | None = "auto"
    device: torch.device | str | None = None
    max_memory: int | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without a model."""
        directions_of(self.outputs)
        check_layers(self.layers)
        if not callable(self.forward):
            raise InputError("forward to be a function", repr(self.forward), "It takes the model and a batch.")
        if self.loss is not None and not callable(self.loss):
            raise InputError("loss to be a function", repr(self.loss), "It takes outputs and targets.")
        if self.rows not in ("each", "mean", "flatten"):
            raise InputError("rows 'each', 'mean' or 'flatten'", repr(self.rows), "Choose one of them.")
        if self.max_samples is not None and self.max_samples < 1:
            raise InputError("max_samples >= 1", str(self.max_samples), "None takes all.")
        if self.min_count < 1:
            raise InputError("min_count >= 1", str(self.min_count), "1 takes all classes that occur.")
        if not (self.max_width in (None, "auto") or (isinstance(self.max_width, int) and self.max_width >= 0)):
            raise InputError("max_width >= 0, None or 'auto'", repr(self.max_width), "None keeps all in full.")
        if self.chance and (self.chance < 2 or not self.looks_twice):
            got = f"chance={self.chance}" + ("" if self.looks_twice else " without a second pass")
            raise InputError("2 draws or more, in a second pass", got, "39 tell 95 %; 0 leaves it out.")
        if self.ood_loader is not None and not self.looks_twice:
            got = "second_pass=False" if self.collapse else "collapse=False"
            raise InputError("a second pass for NC5", got, "Leave one of the two out.")

    @property
    def looks_twice(self) -> bool:
        """Whether the data are looked at again, as collapse of classes asks for."""
        return self.collapse and self.second_pass

    @property
    def directions(self) -> Directions:
        """Directions in which the outputs are differentiated."""
        return directions_of(self.outputs)

    def groupings(self, classes: Sequence[int]) -> dict[str, list[int]]:
        """Superclasses of these classes by the name of the grouping; of one look those that its classes can show.

        Raises
        ------
        InputError
            If a class has no superclass, or there are as many superclasses as classes.
        """
        return groupings_of(self.superclasses, classes, of_part=not self.looks_twice)

    def widest(self, size: int) -> int | None:
        """Inputs up to which layers are recorded in full where statistics take so many bytes; None for all."""
        if self.max_width != "auto":
            return self.max_width
        return None if size <= _FULL_BYTES else _FULL_WIDTH

    def as_settings(self) -> tuple[dict[str, JSON], dict[str, JSON]]:
        """Options as JSON that stays the same from session to session: those that decide what is found, and others."""
        named = {field.name: _described(getattr(self, field.name)) for field in fields(self)}
        found = {name: value for name, value in named.items() if name not in _EXECUTION}
        return found, {name: value for name, value in named.items() if name in _EXECUTION}

    def way(self) -> dict[str, Any]:
        """What records that merge have alike, but for superclasses, of which those are kept that all have alike."""
        found: dict[str, Any] = {"outputs": str(self.outputs), "rows": self.rows, "max_samples": self.max_samples}
        if self.loss is not None:
            found["loss"] = _described(self.loss)
        if self.superclasses:
            found["superclasses"] = {
                name: {int(label): int(number) for label, number in grouping.items()}
                for name, grouping in self.superclasses.items()
            }
        return found

    def check_same(self, ranks: Ranks) -> None:
        """Raise unless all ranks have the same options, the loader for NC5 apart, of which each has its part."""
        own = {name: part for name, part in self.as_settings()[0].items() if name != "ood_loader"}
        require_same(ranks, own | {"max_width": self.max_width}, "options")


def _described(value: Any) -> JSON:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_described(item) for item in value]
        case Mapping():
            return {str(name): _described(item) for name, item in value.items()}
        case torch.device():
            return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return repr(value)
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"
