"""The first pass over the data: moments of every stage, and gradients for the AGOP of every layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from agop.errors import InputError, MemoryBudgetError
from agop.moments import ClassMoments
from agop.network.options import MeasureOptions
from agop.network.passes.batches import IGNORED
from agop.network.passes.directions import Exact
from agop.network.passes.gradients import LayerGradients, check_independence, layer_gradients
from agop.network.passes.merging import add_part, merged, merged_by_key
from agop.network.passes.rows import UnalignedRowsError
from agop.network.passes.seen_layer import SeenLayer
from agop.network.passes.sweep import SeenBatch, Sweep
from agop.network.record.stage import Stage
from agop.outer_product import OuterProduct

__all__ = ["FirstPass", "first_pass"]


def first_pass(sweep: Sweep, loader: Iterable[Any]) -> FirstPass:
    """Look at the data for the first time.

    Raises
    ------
    InputError
        If there are no samples of two classes, no layer that can be measured, or an exact AGOP is asked of outputs that
        depend on other samples.
    MemoryBudgetError
        If the statistics do not fit.
    """
    total = FirstPass()
    for seen in sweep.batches(loader, gradients=True):
        total = total.merge(FirstPass.of(seen, sweep.options, total))
    if total.outputs is None:
        raise InputError("samples that count", "none", "All labels are those to ignore.")
    total.outputs.drop_empty().centered_means()
    if not total.layers:
        raise InputError("a layer that can be measured", "; ".join(total.skipped.values()), "Select other layers.")
    return total


@dataclass(frozen=True, eq=False)
class FirstPass:
    """Statistics of the first pass: a value that merges, empty by default.

    Attributes
    ----------
    layers
        Statistics by layer, in the order of the calls.
    outputs, dtype
        Moments of the network's outputs, and their data type.
    n_samples, n_dropped, n_correct
        Samples that count, those that do not, and those classified correctly.
    skipped
        Layers that could not be measured, and why.
    checked
        Sizes of batches of which the samples were found independent.
    """

    layers: Mapping[str, SeenLayer] = field(default_factory=dict)
    outputs: ClassMoments | None = None
    dtype: torch.dtype = torch.float32
    n_samples: int = 0
    n_dropped: int = 0
    n_correct: int = 0
    skipped: Mapping[str, str] = field(default_factory=dict)
    checked: frozenset[int] = frozenset()

    @classmethod
    def of(cls, seen: SeenBatch, options: MeasureOptions, before: FirstPass) -> FirstPass:
        """Pass over one batch; what was found ``before`` about the model is not found again.

        Raises
        ------
        InputError
            If no layer was called, or an exact AGOP is asked of outputs that depend on other samples.
        MemoryBudgetError
            If the statistics do not fit.
        """
        if not seen.calls:
            advice = "Layers are found by their parameters in linear maps, convolutions and matrix products."
            raise InputError("a model that calls a selected layer", "none in a forward pass", advice)
        batch = seen.batch
        found = cls(
            outputs=batch.moments(),
            dtype=batch.outputs.dtype,
            n_samples=len(batch.samples),
            n_dropped=int((batch.labels == IGNORED).sum()),
            n_correct=int((batch.scores.argmax(1) == batch.labels)[batch.samples].sum()),
        )
        if not found.n_samples:
            return found
        layers, skipped = _layers(seen, before)
        _check_memory({**before.layers, **layers}, options.max_memory)
        found = replace(found, layers=layers, skipped=skipped)
        if not batch.outputs.requires_grad:
            return found
        calls, size = [features for features in seen.calls if features.name in layers], len(batch.labels)
        if isinstance(options.directions, Exact) and size not in before.checked:
            check_independence(seen, calls)
        weights = {name: layer.weight for name, layer in layers.items()}
        gradients = layer_gradients(seen, calls, weights, options.directions)
        layers = {name: replace(layer, gradients=gradients.get(name)) for name, layer in layers.items()}
        return replace(found, layers=layers, checked=frozenset([size]))

    def merge(self, other: FirstPass) -> FirstPass:
        """Both together; a layer that one of them had to skip is left out."""
        skipped = {**other.skipped, **self.skipped}
        layers = merged_by_key(self.layers, other.layers)
        return FirstPass(
            {name: layer for name, layer in layers.items() if name not in skipped},
            merged(self.outputs, other.outputs),
            other.dtype,
            self.n_samples + other.n_samples,
            self.n_dropped + other.n_dropped,
            self.n_correct + other.n_correct,
            skipped,
            self.checked | other.checked,
        )

    def gradients(self, n_averaged: int) -> dict[str, LayerGradients]:
        """Gradients by layer, of those that one reached; samples that did not reach it count, with gradients of 0."""
        count = float(self.n_samples * n_averaged)
        found = {name: layer.gradients for name, layer in self.layers.items() if layer.gradients is not None}
        return {name: replace(part, product=OuterProduct(count, part.product.total)) for name, part in found.items()}

    def stages(self) -> dict[str, dict[str, Stage]]:
        """Stages by layer, with the measures that need no second pass."""
        return {
            name: {stage: Stage.of(part, weight=layer.classifier(stage)) for stage, part in layer.stages.items()}
            for name, layer in self.layers.items()
        }


def _layers(seen: SeenBatch, before: FirstPass) -> tuple[dict[str, SeenLayer], dict[str, str]]:
    """Layers of a batch, and why others are skipped."""
    layers: dict[str, SeenLayer] = {}
    skipped: dict[str, str] = {}
    for features in seen.calls:
        name = features.name
        if name in before.skipped or name in skipped:
            continue
        try:
            found = SeenLayer.of(features, seen.batch.n_classes, layers.get(name) or before.layers.get(name))
        except UnalignedRowsError as error:
            skipped[name] = str(error)
            layers.pop(name, None)
        else:
            add_part(layers, name, found)
    return layers, skipped


def _check_memory(layers: Mapping[str, SeenLayer], max_memory: int | None) -> None:
    size = 8 * sum(layer.numbers for layer in layers.values())
    if max_memory is not None and size > max_memory:
        expected, got = (f"{part / 2**20:.0f} MiB" for part in (max_memory, size))
        advice = "Allow more memory, or select layers."
        raise MemoryBudgetError(f"statistics within {expected}", f"about {got}", advice)
