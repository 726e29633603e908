"""What records of parts of the data are merged by: statistics that add up, from which everything is measured once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agop.errors import InputError
from agop.network.passes.groupings import groupings_of
from agop.network.record.layer import LayerRecord
from agop.network.record.layer_parts import LayerParts
from agop.network.record.notes import few
from agop.network.record.samples import SeenSamples

if TYPE_CHECKING:
    from agop.network.record.network import NetworkRecord

__all__ = ["NetworkParts"]


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


def _without_superclasses(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that all parts must have alike."""
    return {name: value for name, value in settings.items() if name != "superclasses"}
