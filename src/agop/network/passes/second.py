"""The second pass over the data: what the class means of the first pass make measurable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from agop.collapse import Collapse
from agop.collapse.projection import BetweenProjection
from agop.collapse.second_pass import SecondPass
from agop.errors import InputError, UndefinedMeasureError
from agop.linalg import Spectrum
from agop.moments import ClassMoments
from agop.network.layer_record import Stage
from agop.network.passes.features import CallFeatures
from agop.network.passes.first import FirstPass, SeenLayer
from agop.network.passes.sweep import Sweep

__all__ = ["second_pass"]

_POWERS = {"agop_1/2": 0.5, "agop_1/4": 0.25}
"""Stages after a power of the AGOP."""


def second_pass(
    sweep: Sweep,
    loader: Iterable[Any],
    ood_loader: Iterable[Any] | None,
    first: FirstPass,
    spectra: dict[str, Spectrum],
) -> dict[str, dict[str, Stage]]:
    """Stages of every layer that the first pass saw, with all their measures of collapse.

    Parameters
    ----------
    sweep
        How the model is run.
    loader, ood_loader
        The data of the first pass, and out-of-distribution data.
    first
        What the first pass found.
    spectra
        AGOP by layer.

    Raises
    ------
    InputError
        If the loader shows other data than in the first pass.
    """
    looks = {name: _looks(layer, spectra.get(name)) for name, layer in first.layers.items()}
    outputs: ClassMoments | None = None
    for batch, calls, _ in sweep.batches(loader, gradients=False):
        if not len(batch.samples):
            continue
        outputs = batch.add_to(outputs)
        for look, rows, labels, scores in _features(calls, looks):
            look.add(rows, labels, scores)
    _check_same(first.outputs, outputs, first.dtype)
    if ood_loader is not None:
        for batch, calls, _ in replace(sweep, max_samples=None).batches(ood_loader, gradients=False, labelled=False):
            for look, rows, _, _ in _features(calls if len(batch.labels) else [], looks):
                look.add_ood(rows)
    return {
        name: {
            stage: look.result(first.gradients.sums[name].matrix if layer.is_last and stage == "input" else None)
            for stage, look in looks[name].items()
        }
        for name, layer in first.layers.items()
    }


class _Look:
    """Accumulates one stage of one layer, given its class means."""

    def __init__(self, moments: ClassMoments, spectrum: Spectrum | None = None, power: float | None = None) -> None:
        self.spectrum, self.power = spectrum, power
        self._moments: ClassMoments | None = moments
        if spectrum is not None and power is not None:
            rows = moments.means.reshape(len(moments.means), -1, len(spectrum.vectors))
            means = spectrum.coordinates(rows.flatten(0, 1), power).reshape(len(rows), -1)
            self._moments, moments = None, ClassMoments(moments.counts, means, None)
        self._n_classes = len(moments.counts)
        self._present = moments.counts > 0
        self._number = self._present.cumsum(0) - 1  # of a class among those that occur
        self._ood_sum, self._n_ood = torch.zeros_like(moments.means[0]), 0
        self._second: SecondPass | None = None
        self._projection: BetweenProjection | None = None
        try:
            self._projection = BetweenProjection.of(moments.drop_empty())
        except UndefinedMeasureError:
            return

    def features(self, call: CallFeatures, stage: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Features of this stage in a call."""
        if self.spectrum is not None and self.power is not None:
            return call.mapped(self.spectrum, self.power)
        return call.of(stage)

    def add(self, rows: Tensor, labels: Tensor, scores: Tensor) -> None:
        """Add features (m, d) with labels (m,) and scores of the classes (m, C)."""
        if self.power is not None:
            part = ClassMoments.of(rows, labels, self._n_classes)
            self._moments = part if self._moments is None else self._moments.merge(part)
        if self._projection is not None:
            if len(self._projection.means) < self._n_classes:
                labels, scores = self._number[labels], scores[:, self._present]
            second = SecondPass.of(rows, labels, self._projection, scores=scores)
            self._second = second if self._second is None else self._second.merge(second)

    def add_ood(self, rows: Tensor) -> None:
        """Add features (m, d) of out-of-distribution samples."""
        self._ood_sum += rows.double().sum(0)
        self._n_ood += len(rows)

    def result(self, weight: Tensor | None) -> Stage:
        """All measures, of self-duality too where a classifier's weight is given."""
        assert self._moments is not None  # noqa: S101 - both passes showed the same data
        ood = (self._ood_sum / self._n_ood)[None] if self._n_ood else None
        collapse = None
        if self._second is not None:
            with suppress(UndefinedMeasureError):
                collapse = Collapse.from_passes(self._moments, self._second, weight, ood)
        return Stage(self._moments.to("cpu"), collapse)


def _looks(layer: SeenLayer, spectrum: Spectrum | None) -> dict[str, _Look]:
    looks = {stage: _Look(moments) for stage, moments in layer.stages.items()}
    if spectrum is not None and spectrum.rank:
        looks |= {stage: _Look(layer.moments["input"], spectrum, power) for stage, power in _POWERS.items()}
    return looks


def _features(
    calls: list[CallFeatures], looks: dict[str, dict[str, _Look]]
) -> Iterator[tuple[_Look, Tensor, Tensor, Tensor]]:
    """Every look with the features that are for it."""
    for call in calls:
        for stage, look in looks.get(call.name, {}).items():
            if look.power is not None or stage in call.stages:
                for rows, labels, scores in look.features(call, stage):
                    yield look, rows, labels, scores


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
