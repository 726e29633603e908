"""What records of parts of the data are merged by: statistics that add up, from which everything is measured once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from agop.errors import InputError
from agop.moments import ClassMoments, LabeledMoments, TargetMoments
from agop.network.passes.gradients import LayerGradients, LayerWeight
from agop.network.passes.groupings import groupings_of
from agop.network.passes.merging import Merging, added, merged
from agop.network.record.fact import fact_of
from agop.network.record.layer import LayerRecord
from agop.network.record.notes import few
from agop.network.record.samples import SeenSamples
from agop.network.record.stage import Stage

if TYPE_CHECKING:
    from agop.network.record.network import NetworkRecord

__all__ = ["LayerParts", "NetworkParts"]

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


@dataclass(frozen=True, eq=False)
class NetworkParts:
    """Statistics of a network on some parts of the data: a value that merges.

    Attributes
    ----------
    layers
        Statistics by layer.
    samples
        Samples of the parts.
    rare
        Labels that were too rare in a part for their class to be in its moments.
    settings
        Settings of the measurements, with the superclasses that all parts have alike.
    omissions
        Sentences on what could not be measured.
    lost
        Names of what some parts have and all together have not: the level of chance, and superclasses that differ.
    """

    layers: Mapping[str, LayerParts]
    samples: SeenSamples
    rare: frozenset[int]
    settings: Mapping[str, Any]
    omissions: tuple[str, ...]
    lost: frozenset[str]

    @classmethod
    def of(cls, record: NetworkRecord) -> NetworkParts:
        """Statistics of a record; InputError if it is compact."""
        samples = record.samples
        rare = frozenset(samples.counts or ()).difference(samples.classes)
        layers = {name: LayerParts.of(layer, samples) for name, layer in record.items()}
        stages = [stage for layer in record.values() for stage in layer.stages.values()]
        lost = ["level of chance"] * any(stage.chance is not None for stage in stages)
        return cls(layers, samples, rare, record.settings, record.omissions, frozenset(lost))

    def merge(self, other: NetworkParts) -> NetworkParts:
        """Statistics on the parts of both; InputError if layers, weights or ways of measuring differ."""
        self._check_alike(other)
        mine, others = self._superclasses, other._superclasses
        alike = {name: grouping for name, grouping in mine.items() if others.get(name) == grouping}
        lost = {f"superclasses {name}" for name in (mine.keys() | others.keys()) - alike.keys()}
        return NetworkParts(
            {name: layer.merge(other.layers[name]) for name, layer in self.layers.items()},
            self.samples.merge(other.samples),
            self.rare | other.rare,
            _without_superclasses(self.settings) | ({"superclasses": alike} if alike else {}),
            tuple(dict.fromkeys([*self.omissions, *other.omissions])),
            self.lost | other.lost | lost,
        )

    def layer_records(self) -> dict[str, LayerRecord]:
        """Layers, measured on the samples of all parts.

        Raises
        ------
        InputError
            If a class that is rare in a part, and so not in its moments, is not rare in all of them together.
        """
        if common := sorted(self.rare.intersection(self.samples.classes)):
            expected = f"moments of all samples of class {few(common)}"
            got = f"parts where fewer than {self.samples.min_count} of them were left out"
            raise InputError(expected, got, "Measure the parts with min_count=1.")
        groupings = groupings_of(self._superclasses, self.samples.classes, of_part=True)
        return {name: layer.record(self.samples, groupings) for name, layer in self.layers.items()}

    def notes(self) -> tuple[str, ...]:
        """Omissions of the parts, and what a merged record lacks."""
        lost = ", no ".join(self._lost())
        return tuple(dict.fromkeys([*self.omissions, *([f"merged: no {lost}"] if lost else [])]))

    def _lost(self) -> Iterator[str]:
        """Names of what needs another look at all the data, or all parts do not have."""
        if any(layer.moments for layer in self.layers.values()):
            yield from () if self.samples.counts is None else ("NC1 pinv", "NC4")
            yield "stages after the AGOP"
        yield from sorted(self.lost)
        if self.settings.get("outputs") != "exact":
            yield "error of the AGOP"

    def _check_alike(self, other: NetworkParts) -> None:
        if lacking := self.layers.keys() ^ other.layers.keys():
            got = f"{few(sorted(lacking))} in some of them only"
            raise InputError("records of the same layers", got, "Measure all parts alike.")
        mine, others = self._way, other._way
        differ = [name for name in mine.keys() | others.keys() if mine.get(name) != others.get(name)]
        if differ:
            told = (", ".join(f"{name}={way.get(name)!r}" for name in sorted(differ)) for way in (mine, others))
            raise InputError(f"parts all measured with {next(told)}", next(told), "Measure all parts alike.")

    @property
    def _superclasses(self) -> dict[str, dict[int, int]]:
        """Superclass of each label, by the name of the grouping."""
        found: dict[str, dict[int, int]] = self.settings.get("superclasses", {})
        return found

    @property
    def _way(self) -> dict[str, Any]:
        """Way of measuring, which is the same for all parts."""
        samples = self.samples
        targets = "numbers" if samples.counts is None else "labels"
        given = {"classifier": samples.classifier, "min_count": samples.min_count}
        alike = _without_superclasses(self.settings)
        return {**alike, **given, "n_outputs": samples.n_outputs, "targets": targets}


def _merged_in_both(one: Mapping[str, Value], other: Mapping[str, Value]) -> dict[str, Value]:
    """Values under the keys that both have."""
    return {name: value.merge(other[name]) for name, value in one.items() if name in other}


def _without_superclasses(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that all parts must have alike."""
    return {name: value for name, value in settings.items() if name != "superclasses"}
