"""What records of one layer on parts of the data are merged by: statistics that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from agop.errors import InputError
from agop.moments import ClassMoments, LabeledMoments, TargetMoments
from agop.network.passes.gradients import LayerGradients, LayerWeight
from agop.network.passes.merging import Merging, added, merged
from agop.network.record.fact import fact_of
from agop.network.record.layer import LayerRecord
from agop.network.record.samples import SeenSamples
from agop.network.record.stage import Stage

__all__ = ["LayerParts"]

Value = TypeVar("Value", bound=Merging)

_MERGED_STAGES = ("input", "linear", "output")
"""Stages that do not depend on the AGOP, which changes with the data."""


@dataclass(frozen=True, eq=False)
class LayerParts:
    """Statistics of one layer on some parts of the data: a value that merges.

    Attributes
    ----------
    layer
        Record of the layer on the first part, for what is the same on all.
    n_samples
        Samples of the parts.
    n_reached
        Samples of those parts in which gradients reached the layer.
    n_rows
        Rows of all samples.
    activations
        Calls that made the output stage.
    is_classifier
        Whether the outputs of the layer are those of the network.
    moments
        Moments by stage, of the stages that all parts have.
    outside
        Moments of out-of-distribution samples by stage, where all parts have them.
    gradients
        Gradients that reached the layer; None if there were none.
    loss_gradient
        (out, in) sum over the samples of the gradients of their losses; None without.
    """

    layer: LayerRecord
    n_samples: int
    n_reached: int
    n_rows: float
    activations: frozenset[str | None]
    is_classifier: bool
    moments: Mapping[str, LabeledMoments | TargetMoments]
    outside: Mapping[str, ClassMoments]
    gradients: LayerGradients | None
    loss_gradient: Tensor | None

    @classmethod
    def of(cls, layer: LayerRecord, samples: SeenSamples) -> LayerParts:
        """Statistics of a layer that was measured on these samples; InputError if its record is compact."""
        if layer.is_compact:
            advice = "Measure with max_width=None to keep what merges."
            raise InputError(f"a full record of layer {layer.name}", "a compact one", advice)
        classes = np.array(samples.classes, dtype=np.int64)
        stages = {name: layer.stages[name] for name in _MERGED_STAGES if name in layer.stages}
        moments = {name: stage.moments for name, stage in stages.items() if stage.moments is not None}
        return cls(
            layer,
            samples.n_samples,
            0 if layer.gradients is None else samples.n_samples,
            samples.n_samples * layer.rows,
            frozenset([layer.activation]),
            layer.is_classifier,
            {
                name: LabeledMoments(classes, part) if isinstance(part, ClassMoments) else part
                for name, part in moments.items()
            },
            {name: stage.ood for name, stage in stages.items() if stage.ood is not None},
            layer.gradients,
            None if layer.loss_gradient is None else samples.n_samples * layer.loss_gradient,
        )

    def merge(self, other: LayerParts) -> LayerParts:
        """Statistics on the parts of both; InputError if the weights differ."""
        weight, another = self.layer.weight, other.layer.weight
        assert weight is not None  # noqa: S101 - the records are full
        assert another is not None  # noqa: S101
        if not torch.equal(weight, another):
            got = "another one in a part"
            raise InputError(f"layer {self.layer.name} with the same weight", got, "Merge records of one model only.")
        return LayerParts(
            self.layer,
            self.n_samples + other.n_samples,
            self.n_reached + other.n_reached,
            self.n_rows + other.n_rows,
            self.activations | other.activations,
            self.is_classifier and other.is_classifier,
            _merged_in_both(self.moments, other.moments),
            _merged_in_both(self.outside, other.outside),
            merged(self.gradients, other.gradients),
            added(self.loss_gradient, other.loss_gradient),
        )

    def record(self, samples: SeenSamples, groupings: Mapping[str, Sequence[int]]) -> LayerRecord:
        """The layer, measured on the samples of all parts; the error of random directions is None."""
        weight, gradients = self.layer.weight, self._gradients()
        assert weight is not None  # noqa: S101 - the records are full
        activation = next(iter(self.activations)) if len(self.activations) == 1 else None
        spectrum = None if gradients is None else gradients.spectrum(LayerWeight(weight))
        of_loss = None if self.loss_gradient is None else self.loss_gradient / self.n_samples
        return replace(
            self.layer,
            stages={
                name: self._stage(name, samples).with_superclasses(groupings)
                for name in self.moments
                if name != "output" or activation
            },
            activation=activation,
            gradients=gradients,
            spectrum=spectrum,
            nfa=None,
            agop_error=None,
            rows=self.n_rows / self.n_samples,
            is_classifier=self.is_classifier,
            fact=None if of_loss is None else fact_of(weight, of_loss),
            loss_gradient=of_loss,
        ).with_ansatz()

    def _stage(self, name: str, samples: SeenSamples) -> Stage:
        moments, weight = self.moments[name], self.layer.weight if name == "input" else None
        if isinstance(moments, TargetMoments):
            return Stage.of_targets(moments, weight)
        whole = moments.placed(np.array(samples.classes, dtype=np.int64))
        classifier = samples.classifier_of(weight) if weight is not None and self.is_classifier else None
        return Stage.of(whole, None, classifier, self.outside.get(name))

    def _gradients(self) -> LayerGradients | None:
        """Gradients of all samples; they are 0 in a part that none reached."""
        if self.gradients is None or self.n_reached == self.n_samples:
            return self.gradients
        product = self.gradients.product
        count = product.count * self.n_samples / self.n_reached
        return replace(self.gradients, product=replace(product, count=count))


def _merged_in_both(one: Mapping[str, Value], other: Mapping[str, Value]) -> dict[str, Value]:
    """Values under the keys that both have."""
    return {name: value.merge(other[name]) for name, value in one.items() if name in other}
