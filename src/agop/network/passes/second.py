"""The second pass over the data: what the class means and AGOPs of the first pass make measurable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.collapse import Chance
from agop.collapse.projected import ProjectedMoments
from agop.errors import InputError
from agop.linalg import Spectrum, gram
from agop.moments import ClassMoments, LabeledMoments
from agop.network.passes.looks import Look, looks_of
from agop.network.passes.merging import add_part, add_tensor, added_by_key, merged, merged_by_key
from agop.network.passes.over_ranks import over_ranks
from agop.network.passes.random_labels import RandomLabels, sums_by_label
from agop.network.passes.rows import Owners
from agop.network.passes.statistics import FirstPass
from agop.network.passes.sweep import SeenBatch, Sweep
from agop.network.record import STAGES, Stage
from agop.network.record.samples import SeenSamples

__all__ = ["SecondPass", "second_pass"]

Place: TypeAlias = tuple[str, str]
"""Layer and stage."""


def second_pass(
    sweep: Sweep, loader: Iterable[Any], first: FirstPass, spectra: Mapping[str, Spectrum], samples: SeenSamples
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
    samples
        Samples of the first pass, whose classes are compared.

    Raises
    ------
    InputError
        If the loader shows other data than in the first pass.
    """
    classes = np.array(samples.classes, dtype=np.int64)
    ranks, costs = sweep.ranks, first.costs
    found = ranks.spread(lambda name: looks_of(first.layers[name], spectra.get(name), classes), costs, sweep.device)
    looks = {name: [look.along(spectra.get(name)) for look in part] for name, part in found.items()}
    counts = np.array([(samples.counts or {})[label] for label in samples.classes], dtype=np.float64)
    draws = RandomLabels(sweep.options.chance, counts / counts.sum())
    total = SecondPass()
    for seen in sweep.batches(loader, gradients=False):
        total = total.merge(SecondPass.of(seen, looks, classes, samples.are_scored, draws))
    if sweep.options.ood_loader is not None:
        for seen in sweep.batches(sweep.options.ood_loader, gradients=False, ood=True):
            total = total.merge(SecondPass.outside_of(seen, looks))
    total = over_ranks(total, ranks.exchange(total), ranks, sweep.device)
    _check_same(first.outputs, total.outputs, first.dtype)
    if sweep.options.ood_loader is not None and not total.outside:
        raise InputError("an ood_loader with samples", "none on any rank", "Give one of the ranks some of them.")

    def stages_of(name: str, classifier: Tensor | None) -> dict[str, Stage]:
        seen_in = {stage: look for look in looks[name] for stage in look.views}
        return {
            stage: total.stage((name, stage), seen_in[stage], classifier if stage == "input" else None)
            for stage in STAGES
            if stage in seen_in
        }

    return ranks.spread(stages_of, costs, fetch=lambda name: first.classifier(name, samples, sweep.weights))


@dataclass(frozen=True, eq=False)
class SecondPass:
    """Statistics of the second pass: a value that merges, empty by default.

    Attributes
    ----------
    outputs
        Moments of the network's outputs, as in the first pass.
    scatter
        (r, r) within-class scatter of a stage in the span of its class means, about those of the first pass; where
        class means differ.
    agreements
        Samples for which the decision of the network is the nearest class mean, scalars on the device.
    squares
        (C, r) sums over the samples of a class of the squared coordinates along the eigenvectors of the AGOP, about the
        class means, by layer.
    outside
        Moments of the features of out-of-distribution samples, as of one class.
    random
        (n, C, d + 2) sums of the features by random labels, see ``sums_by_label``, about the mean of all.
    """

    outputs: LabeledMoments | None = None
    scatter: Mapping[Place, Tensor] = field(default_factory=dict)
    agreements: Mapping[Place, Tensor] = field(default_factory=dict)
    squares: Mapping[str, Tensor] = field(default_factory=dict)
    outside: Mapping[Place, LabeledMoments] = field(default_factory=dict)
    random: Mapping[Place, Tensor] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        seen: SeenBatch,
        looks: Mapping[str, list[Look]],
        classes: NDArray[np.int64],
        scores: bool,
        draws: RandomLabels,
    ) -> SecondPass:
        """Pass over one batch."""
        outputs = seen.signature()
        seen = seen.of_classes(classes)
        if not seen.batch.n_samples:
            return cls(outputs)
        scatter: dict[Place, Tensor] = {}
        agreements: dict[Place, Tensor] = {}
        squares: dict[str, Tensor] = {}
        random: dict[Place, Tensor] = {}
        decisions = seen.batch.decisions_among(classes) if scores else None
        drawn = draws.of(seen) if draws.n_draws else None
        for name, look, rows, owners in _features(seen, looks):
            index = seen.batch.labels_of(owners)
            own = None if decisions is None else seen.batch.of_owners(decisions, owners)
            if drawn is not None:
                sums = sums_by_label(rows.double() - look.center, seen.batch.of_owners(drawn, owners), len(classes))
                add_tensor(random, (name, look.stage), sums)
            deviations = rows.double() - look.means.index_select(0, index)[:, None]
            coordinates = look.along_axes(deviations, rows.dtype)
            if coordinates is not None:
                total = coordinates.new_zeros(len(classes), coordinates.shape[-1])
                add_tensor(squares, name, total.index_add_(0, index, coordinates.square().sum(1)))
            for stage, view in look.views.items():
                if view.projection is None:
                    continue
                points = view.project(deviations if coordinates is None or stage == look.stage else coordinates)
                add_tensor(scatter, (name, stage), gram(points))
                if own is not None:
                    add_tensor(agreements, (name, stage), view.agreements(points, index, own))
        return cls(outputs, scatter, agreements, squares, random=random)

    @classmethod
    def outside_of(cls, seen: SeenBatch, looks: Mapping[str, list[Look]]) -> SecondPass:
        """Pass over one batch of out-of-distribution samples."""
        outside: dict[Place, LabeledMoments] = {}
        for name, look, rows, owners in _features(seen, looks):
            for stage, features in look.stages_of(rows):
                add_part(outside, (name, stage), LabeledMoments.of(features, seen.batch.grouping(owners)))
        return cls(outside=outside)

    def merge(self, other: SecondPass) -> SecondPass:
        """Both together."""
        return SecondPass(
            merged(self.outputs, other.outputs),
            added_by_key(self.scatter, other.scatter),
            added_by_key(self.agreements, other.agreements),
            added_by_key(self.squares, other.squares),
            merged_by_key(self.outside, other.outside),
            added_by_key(self.random, other.random),
        )

    def stage(self, place: Place, look: Look, weight: Tensor | None) -> Stage:
        """Stage of a layer with its measures, the weight of a classifier on it if there is one."""
        outside, random = self.outside.get(place), self.random.get(place)
        found = Stage.of(*self.at(place, look), weight, None if outside is None else outside.moments)
        return found if random is None else replace(found, chance=Chance.of_sums(random))

    def at(self, place: Place, look: Look) -> tuple[ClassMoments, ProjectedMoments | None]:
        """Moments of a stage of a layer, and those in the span of its class means."""
        view = look.views[place[1]]
        moments = view.moments
        if view.powers is not None:
            squares = self.squares.get(place[0])
            traces = moments.means.new_zeros(len(moments.counts)) if squares is None else squares @ view.powers.square()
            moments = ClassMoments(moments.counts, moments.means, traces)
        if view.projection is None or place not in self.scatter:
            return moments, None
        within = ClassMoments(moments.counts, view.projection.means, None, self.scatter[place])
        return moments, ProjectedMoments(within, self.agreements.get(place))


def _features(seen: SeenBatch, looks: Mapping[str, list[Look]]) -> Iterator[tuple[str, Look, Tensor, Owners]]:
    """Every look with the features of a batch that are for it, in chunks."""
    for call in seen.calls if seen.batch.n_samples else ():
        for look in looks.get(call.name, ()):
            if look.stage in call.stages:
                for rows, owners in call.of(look.stage):
                    yield call.name, look, rows, owners


def _check_same(first: LabeledMoments | None, second: LabeledMoments | None, dtype: torch.dtype) -> None:
    """Raise if the outputs of the two passes differ by more than the order of the samples can make them."""
    one, two = (None if part is None else _counts(part) for part in (first, second))
    if first is None or second is None or one != two:
        advice = "The loader must show the same samples each time: set drop_last=False."
        raise InputError(f"class counts {one} in the second pass too", f"{two or 'none'}", advice)
    tolerance = min(0.05, 1e3 * torch.finfo(dtype).eps)
    before, after = first.moments, second.moments
    size = float(before.means.square().sum(1).mean() + before.scatter_trace / before.n_samples) ** 0.5
    gap = float((before.means - after.means).norm(dim=1).max())
    spread = abs(before.scatter_trace - after.scatter_trace) / before.n_samples
    if gap > tolerance * size or spread > tolerance * size**2:
        got = f"class means of the outputs {gap / size:.1e} apart"
        raise InputError("the same data in both passes", got, "Switch random augmentation and drop_last off.")


def _counts(part: LabeledMoments) -> dict[int, int]:
    return dict(zip(part.classes.tolist(), part.moments.counts.tolist(), strict=True))
