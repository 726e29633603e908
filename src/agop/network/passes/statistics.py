"""Statistics of the first pass over the data: a value that merges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from agop.errors import InputError
from agop.moments import LabeledMoments
from agop.network.capture.weights import Weights
from agop.network.options import MeasureOptions
from agop.network.passes.checks import check_alike
from agop.network.passes.gradients import LayerGradients
from agop.network.passes.merging import merged, merged_by_key
from agop.network.passes.over_ranks import over_ranks
from agop.network.passes.seen_layer import SeenLayer
from agop.network.record.samples import SeenSamples
from agop.network.record.stage import Stage
from agop.outer_product import OuterProduct
from agop.ranks import Ranks

__all__ = ["FirstPass"]


@dataclass(frozen=True, eq=False)
class FirstPass:
    """Statistics of the first pass: a value that merges, empty by default.

    Attributes
    ----------
    layers
        Statistics by layer, in the order of the calls.
    outputs
        Moments of the network's outputs, or of few random combinations of many, by class; of a regression as of one
        class.
    n_outputs, dtype
        Number of outputs K, and their data type.
    n_samples, n_dropped
        Samples that count, and those that do not.
    correct
        Moments by class of 1 where the largest output is that of the label, and 0 elsewhere; None for a regression.
    skipped
        Layers that could not be measured, and why.
    checked
        Sizes of batches of which the samples were found independent.
    """

    layers: Mapping[str, SeenLayer] = field(default_factory=dict)
    outputs: LabeledMoments | None = None
    n_outputs: int = 0
    dtype: torch.dtype = torch.float32
    n_samples: int = 0
    n_dropped: int = 0
    correct: LabeledMoments | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)
    checked: frozenset[int] = frozenset()

    def merge(self, other: FirstPass) -> FirstPass:
        """Both together; a layer that one of them had to skip is left out."""
        skipped = {**other.skipped, **self.skipped}
        layers = merged_by_key(self.layers, other.layers)
        return FirstPass(
            {name: layer for name, layer in layers.items() if name not in skipped},
            merged(self.outputs, other.outputs),
            other.n_outputs or self.n_outputs,
            other.dtype if other.n_outputs else self.dtype,
            self.n_samples + other.n_samples,
            self.n_dropped + other.n_dropped,
            merged(self.correct, other.correct),
            skipped,
            self.checked | other.checked,
        )

    def over_ranks(self, ranks: Ranks, device: torch.device) -> FirstPass:
        """Pass over the data of all ranks; weights of layers that a rank has not called come from one that has.

        Raises
        ------
        InputError
            If outputs or targets of two ranks are of different kinds.
        """
        if ranks.group is None:
            return self
        outlines = ranks.exchange(self)
        check_alike(outlines)
        whole = over_ranks(self, outlines, ranks, device)
        first = {name: rank for rank in reversed(range(ranks.world)) for name in outlines[rank].layers}
        missing = [
            name
            for name, layer in whole.layers.items()
            if not layer.weight.sharded and any(name not in part.layers for part in outlines)
        ]
        own = {name: self.layers[name].weight for name in missing if first[name] == ranks.rank}
        weights = {name: layer.weight for name, layer in self.layers.items()} | ranks.share(own, device)
        layers = {name: replace(layer, weight=weights.get(name, layer.weight)) for name, layer in whole.layers.items()}
        return replace(whole, layers=layers)

    def samples(self, options: MeasureOptions) -> SeenSamples:
        """Samples and their classes.

        Raises
        ------
        InputError
            If fewer classes have enough samples than collapse asks for: two, or one in a single pass, whose record may
            be that of a part of the data.
        """
        assert self.outputs is not None  # noqa: S101 - there were samples
        counts = correct = None
        if self.correct is not None:
            labels, found = self.correct.classes.tolist(), self.correct.moments
            counts = dict(zip(labels, found.counts.tolist(), strict=True))
            correct = dict(zip(labels, (found.means[:, 0] * found.counts).round().long().tolist(), strict=True))
        samples = SeenSamples(
            self.n_samples,
            self.n_dropped,
            self.n_outputs,
            counts,
            correct,
            options.classifier,
            options.min_count,
        )
        if options.collapse and counts is not None and len(samples.classes) < 1 + options.looks_twice:
            number = "two or more classes" if options.looks_twice else "a class"
            got = f"{len(samples.classes)} of {len(counts)}"
            advice = "Collapse compares the means of classes: second_pass=False measures a part that is to be merged."
            raise InputError(f"{number} of {samples.min_count} samples or more", got, advice)
        return samples

    def stages(self, name: str, samples: SeenSamples, classifier: Tensor | None) -> dict[str, Stage]:
        """Stages of a layer, for the classes of the samples, with the measures that need no second pass."""
        classes = np.array(samples.classes, dtype=np.int64)
        return {
            stage: Stage.of(part.placed(classes), weight=classifier if stage == "input" else None)
            for stage, part in self.layers[name].stages.items()
            if isinstance(part, LabeledMoments)
        }

    @property
    def costs(self) -> dict[str, float]:
        """Operations of the decompositions of a layer, in proportion."""
        shapes = {name: layer.weight.matrix.shape for name, layer in self.layers.items()}
        return {name: float(max(shape) * min(shape) ** 2 + shape[1] ** 3) for name, shape in shapes.items()}

    def classifier(self, name: str, samples: SeenSamples, weights: Weights) -> Tensor | None:
        """Rows for the classes of the weight of a layer whose outputs are their scores; None of other layers.

        Of a sharded model all ranks ask together.
        """
        layer = self.layers[name]
        return samples.classifier_of(layer.weight.whole(weights).matrix) if layer.makes_outputs else None

    def gradients(self, n_averaged: int) -> dict[str, LayerGradients]:
        """Gradients by layer, of those that one reached; samples that did not reach it count, with gradients of 0."""
        count = float(self.n_samples * n_averaged)
        found = {name: layer.gradients for name, layer in self.layers.items() if layer.gradients is not None}
        return {name: replace(part, product=OuterProduct(count, part.product.total)) for name, part in found.items()}

    def loss_gradients(self) -> dict[str, Tensor]:
        """Gradient (out, in) of the mean loss with respect to the weight, of layers that it reaches.

        Waits for the device.

        Raises
        ------
        InputError
            If one of them is not finite.
        """
        found = {name: layer.loss_gradient for name, layer in self.layers.items()}
        means = {name: total / self.n_samples for name, total in found.items() if total is not None}
        finite = torch.stack([mean.isfinite().all() for mean in means.values()]).tolist() if means else []
        if not all(finite):
            name = next(name for name, is_finite in zip(means, finite, strict=True) if not is_finite)
            advice = "Look at the loss of outputs that are far from their targets."
            raise InputError("a loss with finite gradients", f"NaN or infinity in {name}", advice)
        return means

    def only(self, classes: Sequence[int]) -> FirstPass:
        """The same with moments of these classes, so that the memory of those that are rare is free."""
        kept = np.array(classes, dtype=np.int64)
        return replace(self, layers={name: layer.only(kept) for name, layer in self.layers.items()})

    def without(self, *parts: Literal["gradients", "moments"]) -> FirstPass:
        """The same without large parts of the layers that are no longer needed, so that their memory is free."""
        return replace(self, layers={name: layer.without(*parts) for name, layer in self.layers.items()})
