"""One layer in the first pass over the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.errors import InputError
from agop.moments import LabeledMoments, TargetMoments
from agop.network.capture.layers import Linear
from agop.network.passes.features import CallFeatures
from agop.network.passes.gradients import LayerGradients, LayerWeight
from agop.network.passes.merging import add_part, added, merged, merged_by_key
from agop.network.passes.rows import UnalignedRowsError

__all__ = ["SeenLayer", "seen_layers"]


@dataclass(frozen=True, eq=False)
class SeenLayer:
    """One layer in the first pass: a value that merges.

    Attributes
    ----------
    weight
        Weight of the layer.
    layout
        Shape and strides of W in the memory of the parameter, by which W is told from its transpose; None for the
        kernels of a convolution.
    patch
        (channels, height, width) of the input rows of a 2-d convolution; None for other layers.
    moments
        Moments by stage.
    activations
        Calls that made the output stage; None for a use without one.
    is_last
        Whether its outputs are those of the network, a scalar on the device; None if shapes say that they are not.
    rows
        Rows of the samples, all together.
    is_unmasked
        Whether samples have several rows that may be tokens, and nothing says which are real.
    gradients
        Gradients that arrived; None if there were none.
    loss_gradient
        (out, in) sum over the samples of the gradients of their losses with respect to the weight; None without.
    """

    weight: LayerWeight
    layout: tuple[tuple[int, ...], tuple[int, ...]] | None
    patch: tuple[int, int, int] | None
    moments: Mapping[str, LabeledMoments | TargetMoments]
    activations: frozenset[str | None]
    is_last: Tensor | None
    rows: int
    is_unmasked: bool
    gradients: LayerGradients | None = None
    loss_gradient: Tensor | None = None

    @classmethod
    def of(cls, features: CallFeatures, known: SeenLayer | None, *, collapse: bool) -> SeenLayer:
        """Layer in one of its calls, without gradients; what is ``known`` of the model is not found again."""
        linear, moments = features.call.linear, dict[str, Any]()
        for stage in features.stages if collapse else ():
            for part, owners in features.of(stage):
                add_part(moments, stage, features.batch.moments(part, owners))
        weight = LayerWeight.of(features.call) if known is None else known.weight
        activations = frozenset([features.call.activation])
        rows, is_last = features.n_real_rows, features.are_outputs()
        return cls(weight, _layout(linear), linear.patch, moments, activations, is_last, rows, features.is_unmasked)

    def merge(self, other: SeenLayer) -> SeenLayer:
        """Both together.

        Raises
        ------
        InputError
            If they use one parameter as W and as its transpose, or vectors of all rows have different lengths.
        """
        if self.layout != other.layout:
            shape = tuple(self.weight.matrix.shape)
            got = f"one of shape {shape} that is also used transposed"
            raise InputError("each weight used in one way", got, "Leave this layer out by layers=....")
        widths = [part.moments["input"].n_features for part in (self, other) if "input" in part.moments]
        if len(set(widths)) > 1:
            got, advice = f"{widths[0]} and {widths[1]} numbers", "Use rows='each' or 'mean'."
            raise InputError("rows='flatten' with vectors of one length", got, advice)
        return SeenLayer(
            self.weight,
            self.layout,
            self.patch,
            merged_by_key(self.moments, other.moments),
            self.activations | other.activations,
            None if self.is_last is None or other.is_last is None else self.is_last & other.is_last,
            self.rows + other.rows,
            self.is_unmasked or other.is_unmasked,
            merged(self.gradients, other.gradients),
            added(self.loss_gradient, other.loss_gradient),
        )

    @property
    def makes_outputs(self) -> bool:
        """Whether its outputs are those of the network, which is waited for."""
        return self.is_last is not None and bool(self.is_last)

    def only(self, classes: NDArray[np.int64]) -> SeenLayer:
        """The layer with moments of these classes, ascending; those of a regression have none."""
        moments = {
            stage: part.only(classes) if isinstance(part, LabeledMoments) else part
            for stage, part in self.moments.items()
        }
        return replace(self, moments=moments)

    def without(self, *parts: Literal["gradients", "moments"]) -> SeenLayer:
        """The layer without gradients, and what its weight computed for them, or without moments."""
        layer = self
        if "gradients" in parts:
            layer = replace(layer, gradients=None, loss_gradient=None, weight=replace(layer.weight))
        return replace(layer, moments={}) if "moments" in parts else layer

    @property
    def activation(self) -> str | None:
        """Call that made the output stage, if it was the same in all uses."""
        return next(iter(self.activations)) if len(self.activations) == 1 else None

    @property
    def stages(self) -> dict[str, LabeledMoments | TargetMoments]:
        """Moments of the stages that all uses have alike."""
        return {name: part for name, part in self.moments.items() if name != "output" or self.activation}

    def numbers(self, *, with_loss: bool, n_draws: int = 0) -> int:
        """Numbers that statistics take: five stages, twice for the second pass, outer products and what they become.

        With the gradient of a loss, and sums by random labels: each up to now, of a batch, and of both.
        """
        rank, width = min(self.weight.matrix.shape), self.weight.matrix.shape[1]
        stages = sum(2 * part.numbers for part in self.moments.values())
        inputs = 4 * self.moments["input"].numbers if "input" in self.moments else 0
        of_loss = 3 * self.weight.matrix.numel() if with_loss else 0
        classes = [part for part in self.moments.values() if isinstance(part, LabeledMoments)]
        by_chance = 3 * n_draws * sum(part.numbers + 2 * len(part.classes) for part in classes)
        return stages + inputs + 2 * rank * rank + rank * width + of_loss + by_chance


def _layout(linear: Linear) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    if linear.weight.ndim != 2:
        return None
    shape, stride = linear.weight.shape, linear.weight.stride()  # the storage of a sharded weight is freed by now
    matrix = linear.matrix(torch.empty_strided(shape, stride, device="meta"))
    return tuple(matrix.shape), matrix.stride()


def seen_layers(
    calls: Iterable[CallFeatures], known: Mapping[str, SeenLayer], skipped: Mapping[str, str], *, collapse: bool
) -> tuple[dict[str, SeenLayer], dict[str, str]]:
    """Layers that a batch called, and why some cannot be measured; those that were ``skipped`` before are left out."""
    layers: dict[str, SeenLayer] = {}
    unmeasured: dict[str, str] = {}
    for features in calls:
        name = features.name
        if name in skipped or name in unmeasured:
            continue
        try:
            found = SeenLayer.of(features, layers.get(name) or known.get(name), collapse=collapse)
        except UnalignedRowsError as error:
            unmeasured[name] = str(error)
            layers.pop(name, None)
        else:
            add_part(layers, name, found)
    return layers, unmeasured
