"""The second pass over the data: what the class means and AGOPs of the first pass make measurable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import torch
from torch import Tensor

from agop.collapse.projected import ProjectedMoments
from agop.collapse.projection import BetweenProjection
from agop.errors import InputError, UndefinedMeasureError
from agop.linalg import Spectrum
from agop.moments import ClassMoments
from agop.network.passes.features import CallFeatures
from agop.network.passes.first import FirstPass
from agop.network.passes.merging import add_part, merged, merged_by_key
from agop.network.passes.sweep import SeenBatch, Sweep
from agop.network.record import STAGES, Stage

__all__ = ["second_pass"]

_POWERS = {"agop_1/2": 0.5, "agop_1/4": 0.25}
"""Stages after a power of the AGOP."""

Place: TypeAlias = tuple[str, str]
"""Layer and stage."""


def second_pass(
    sweep: Sweep,
    loader: Iterable[Any],
    first: FirstPass,
    spectra: Mapping[str, Spectrum],
) -> dict[str, dict[str, Stage]]:
    """Look at the data, and at out-of-distribution data, again: stages of every layer with all their measures.

    Parameters
    ----------
    sweep
        Run of the model over the data.
    loader
        The data of the first pass.
    first
        Statistics of the first pass.
    spectra
        AGOP by layer.

    Raises
    ------
    InputError
        If the loader shows other data than in the first pass.
    """
    looks = _looks(first, spectra)
    total = SecondPass()
    for seen in sweep.batches(loader, gradients=False):
        total = total.merge(SecondPass.of(seen, looks))
    _check_same(first.outputs, total.outputs, first.dtype)
    outside: dict[Place, ClassMoments] = {}
    if sweep.options.ood_loader is not None:
        for seen in sweep.batches(sweep.options.ood_loader, gradients=False, ood=True):
            for place, _, (rows, labels, _) in _features(seen, looks):
                part = ClassMoments.of(rows, 0 * labels, 1)
                add_part(outside, place, part)
    stages: dict[str, dict[str, Stage]] = {name: {} for name in first.layers}
    for (name, stage), look in looks.items():
        weight = first.layers[name].classifier(stage)
        moments = look.moments if look.spectrum is None else total.moments[name, stage]
        projected, ood = total.projected.get((name, stage)), outside.get((name, stage))
        stages[name][stage] = Stage.of(moments, projected, weight, ood)
    return stages


@dataclass(frozen=True, eq=False)
class _Look:
    """View of a stage of a layer, given its class means.

    Attributes
    ----------
    moments
        Class means of the stage in the first pass.
    spectrum, power
        AGOP and its power, for a stage after AGOP^power.
    """

    moments: ClassMoments
    spectrum: Spectrum | None = None
    power: float = 1.0

    @classmethod
    def after_agop(cls, inputs: ClassMoments, spectrum: Spectrum, power: float) -> _Look:
        """Look at AGOP^power phi, given the class means of phi."""
        rows = inputs.means.reshape(len(inputs.means), -1, len(spectrum.vectors))
        means = spectrum.coordinates(rows.flatten(0, 1), power).reshape(len(rows), -1)
        return cls(ClassMoments(inputs.counts, means, None), spectrum, power)

    @cached_property
    def present(self) -> Tensor:
        """(C,) whether a class occurs."""
        return self.moments.counts > 0

    @cached_property
    def projection(self) -> BetweenProjection | None:
        """Projection on the span of the class means that occur; None where they coincide."""
        try:
            return BetweenProjection.of(self.moments.drop_empty())
        except UndefinedMeasureError:
            return None

    def features(self, call: CallFeatures, stage: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Features (m, d) of the stage in a call, with labels (m,) and scores (m, C), in chunks."""
        return call.of(stage) if self.spectrum is None else call.mapped(self.spectrum, self.power)

    def project(self, projection: BetweenProjection, rows: Tensor, labels: Tensor, scores: Tensor) -> ProjectedMoments:
        """Projected moments of features; classes that do not occur are left out."""
        if len(projection.means) < len(self.present):
            labels, scores = (self.present.cumsum(0) - 1)[labels], scores[:, self.present]
        return ProjectedMoments.of(rows, labels, projection, scores=scores)


@dataclass(frozen=True, eq=False)
class SecondPass:
    """Statistics of the second pass: a value that merges, empty by default.

    Attributes
    ----------
    outputs
        Moments of the network's outputs.
    moments
        Moments of the stages after the AGOP.
    projected
        Projected moments of the stages whose class means differ.
    """

    outputs: ClassMoments | None = None
    moments: dict[Place, ClassMoments] = field(default_factory=dict)
    projected: dict[Place, ProjectedMoments] = field(default_factory=dict)

    @classmethod
    def of(cls, seen: SeenBatch, looks: Mapping[Place, _Look]) -> SecondPass:
        """Pass over one batch."""
        moments: dict[Place, ClassMoments] = {}
        projected: dict[Place, ProjectedMoments] = {}
        for place, look, (rows, labels, scores) in _features(seen, looks):
            if look.spectrum is not None:
                part = ClassMoments.of(rows, labels, len(look.moments.counts))
                add_part(moments, place, part)
            if look.projection is not None:
                seen_there = look.project(look.projection, rows, labels, scores)
                add_part(projected, place, seen_there)
        return cls(seen.batch.moments(), moments, projected)

    def merge(self, other: SecondPass) -> SecondPass:
        """Both together."""
        return SecondPass(
            merged(self.outputs, other.outputs),
            merged_by_key(self.moments, other.moments),
            merged_by_key(self.projected, other.projected),
        )


def _looks(first: FirstPass, spectra: Mapping[str, Spectrum]) -> dict[Place, _Look]:
    looks: dict[Place, _Look] = {}
    for name, layer in first.layers.items():
        looks |= {(name, stage): _Look(moments) for stage, moments in layer.stages.items()}
        spectrum = spectra.get(name)
        if spectrum is not None and spectrum.rank:
            for stage, power in _POWERS.items():
                looks[name, stage] = _Look.after_agop(layer.moments["input"], spectrum, power)
    return looks


def _features(
    seen: SeenBatch, looks: Mapping[Place, _Look]
) -> Iterator[tuple[Place, _Look, tuple[Tensor, Tensor, Tensor]]]:
    """Every look with the features of a batch that are for it, in chunks."""
    for call in seen.calls if len(seen.batch.samples) else ():
        for place in ((call.name, stage) for stage in STAGES):
            look = looks.get(place)
            if look is not None and (look.spectrum is not None or place[1] in call.stages):
                for part in look.features(call, place[1]):
                    yield place, look, part


def _check_same(first: ClassMoments | None, second: ClassMoments | None, dtype: torch.dtype) -> None:
    """Raise if the outputs of the two passes differ by more than the order of the samples can make them."""
    if first is None or second is None or not torch.equal(first.counts, second.counts):
        got = "none" if second is None else f"{second.counts.tolist()}"
        what = f"class counts {None if first is None else first.counts.tolist()} in the second pass too"
        raise InputError(what, got, "The loader must show the same samples each time: set drop_last=False.")
    tolerance = min(0.05, 1e3 * torch.finfo(dtype).eps)
    size = float(first.means.square().sum(1).mean() + first.scatter_trace / first.n_samples) ** 0.5
    gap = float((first.means - second.means).norm(dim=1).max())
    spread = abs(first.scatter_trace - second.scatter_trace) / first.n_samples
    if gap > tolerance * size or spread > tolerance * size**2:
        got = f"class means of the outputs {gap / size:.1e} apart"
        raise InputError("the same data in both passes", got, "Switch random augmentation and drop_last off.")
