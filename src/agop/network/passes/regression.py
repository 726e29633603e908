"""Stages of a regression: their moments have all that is measured, so that one look at the data is enough."""

from __future__ import annotations

import torch

from agop.linalg import Spectrum
from agop.moments import TargetMoments
from agop.network.passes.gradients import LayerWeight
from agop.network.passes.seen_layer import SeenLayer
from agop.network.record.stage import AGOP_POWERS, Stage

__all__ = ["regression_stages"]


def regression_stages(layer: SeenLayer, weight: LayerWeight, spectrum: Spectrum | None) -> dict[str, Stage]:
    """Stages of a layer with the moments of features and targets, those after a power of the AGOP too.

    The weight has its numbers, also of a sharded model.
    """
    stages: dict[str, Stage] = {}
    for name, part in layer.stages.items():
        if isinstance(part, TargetMoments):
            stages[name] = Stage.of_targets(part, weight.matrix if name == "input" else None)
    inputs = layer.moments.get("input")
    if spectrum is not None and spectrum.rank and isinstance(inputs, TargetMoments):
        for name, power in AGOP_POWERS.items():
            mapping = spectrum.values.pow(power)[:, None] * spectrum.vectors.mT
            rows = [mapping] * (inputs.n_features // mapping.shape[1])
            stages[name] = Stage.of_targets(inputs.apply(torch.block_diag(*rows)))  # type: ignore[no-untyped-call]
    return stages
