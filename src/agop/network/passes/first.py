"""The first pass over the data: moments of every stage, and gradients for the AGOP of every layer."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from agop.errors import InputError, MemoryBudgetError
from agop.moments import ClassMoments
from agop.network.capture.calls import Capture
from agop.network.passes.batches import IGNORED, Batch
from agop.network.passes.directions import Directions
from agop.network.passes.features import CallFeatures
from agop.network.passes.gradients import GradientPass
from agop.network.passes.rows import UnalignedRowsError

__all__ = ["FirstPass", "SeenLayer"]


@dataclass
class SeenLayer:
    """What the first pass found at one layer.

    Attributes
    ----------
    moments
        By stage.
    activations
        Calls that made the output stage; None for a use without one.
    is_last
        Whether its outputs are those of the network.
    patch
        (channels, height, width) of the input rows of a 2-d convolution; None for other layers.
    is_unmasked
        Whether samples have several rows that may be tokens, and nothing says which are real.
    """

    moments: dict[str, ClassMoments] = field(default_factory=dict)
    activations: set[str | None] = field(default_factory=set)
    is_last: bool = True
    patch: tuple[int, int, int] | None = None
    is_unmasked: bool = False

    def add(self, features: CallFeatures, n_classes: int) -> None:
        """Add a call."""
        for stage in features.stages:
            total = self.moments.get(stage)
            for rows, labels, scores in features.of(stage):
                part = ClassMoments.of(rows, labels, n_classes)
                if total is not None and total.means.shape != part.means.shape:
                    got = f"{total.means.shape[1]} and {part.means.shape[1]} numbers"
                    raise InputError("rows='flatten' with vectors of one length", got, "Use rows='each' or 'mean'.")
                total = part if total is None else total.merge(part)
                if stage == "linear":
                    self.is_last = self.is_last and torch.equal(rows, scores)
            if total is not None:
                self.moments[stage] = total
        self.activations.add(features.call.activation)
        self.patch = features.call.linear.patch
        self.is_unmasked = self.is_unmasked or features.is_unmasked

    @property
    def activation(self) -> str | None:
        """Call that made the output stage, if it was the same in all uses."""
        return next(iter(self.activations)) if len(self.activations) == 1 else None

    @property
    def stages(self) -> dict[str, ClassMoments]:
        """Moments of the stages that all uses have alike."""
        return {name: part for name, part in self.moments.items() if name != "output" or self.activation}


class FirstPass:
    """Accumulates batches; holds what they showed.

    Parameters
    ----------
    directions
        Along which the outputs are differentiated.
    max_memory
        Bytes for the statistics of all layers.

    Attributes
    ----------
    layers
        What was seen, by layer, in the order of the calls.
    gradients
        Sums behind the AGOPs.
    outputs, dtype
        Moments of the network's outputs, and their data type.
    n_samples, n_dropped, n_correct
        Samples that count, those that do not, and those classified correctly.
    skipped
        Layers that could not be measured, and why.
    """

    def __init__(self, directions: Directions, max_memory: int | None) -> None:
        self.layers: dict[str, SeenLayer] = {}
        self.gradients = GradientPass(directions)
        self.outputs: ClassMoments | None = None
        self.dtype = torch.float32
        self.n_samples = self.n_dropped = self.n_correct = 0
        self.skipped: dict[str, str] = {}
        self._max_memory = max_memory

    @property
    def n_classes(self) -> int:
        """Number of classes C."""
        return 0 if self.outputs is None else len(self.outputs.counts)

    def add(self, batch: Batch, calls: list[CallFeatures], capture: Capture, number: int) -> None:
        """Add the calls of batch ``number``.

        Raises
        ------
        InputError
            If no layer was called, or an exact AGOP is asked of outputs that depend on other samples.
        MemoryBudgetError
            If the statistics do not fit.
        """
        if not calls:
            advice = "Layers are found by their parameters in linear maps, convolutions and matrix products."
            raise InputError("a model that calls a selected layer", "none in a forward pass", advice)
        self.outputs, self.dtype = batch.add_to(self.outputs), batch.outputs.dtype
        self.n_samples += len(batch.samples)
        self.n_dropped += int((batch.labels == IGNORED).sum())
        if not len(batch.samples):
            return
        self.n_correct += int((batch.scores.argmax(1) == batch.labels)[batch.samples].sum())
        usable = [features for features in calls if self._add_moments(features, batch.n_classes)]
        for features in usable:
            self.gradients.watch(features)
        self._check_memory()
        self.gradients.add(batch, usable, capture, number)

    def check(self) -> None:
        """Raise unless there were samples of two classes and a layer that can be measured."""
        if self.outputs is None:
            raise InputError("samples that count", "none", "Are all labels those to ignore?")
        self.outputs.drop_empty().centered_means()
        if not self.layers:
            raise InputError("a layer that can be measured", "; ".join(self.skipped.values()), "Select other layers.")

    def _add_moments(self, features: CallFeatures, n_classes: int) -> bool:
        name = features.name
        if name in self.skipped:
            return False
        layer = self.layers.get(name) or SeenLayer()
        try:
            layer.add(features, n_classes)
        except UnalignedRowsError as error:
            self.skipped[name] = str(error)
            self.layers.pop(name, None)
            return False
        self.layers[name] = layer
        return True

    def _check_memory(self) -> None:
        """Five stages of moments, twice for the second pass, the outer products and what comes of them."""
        numbers = 0
        for name, layer in self.layers.items():
            rank, width = len(self.gradients.sums[name].total), self.gradients.sums[name].matrix.shape[1]
            numbers += sum(2 * moments.means.numel() for moments in layer.moments.values())
            numbers += 4 * layer.moments["input"].means.numel() + 2 * rank * rank + rank * width
        if self._max_memory is not None and 8 * numbers > self._max_memory:
            expected, got = (f"{size / 2**20:.0f} MiB" for size in (self._max_memory, 8 * numbers))
            advice = "Allow more memory, or select layers."
            raise MemoryBudgetError(f"statistics within {expected}", f"about {got}", advice)
