"""AGOP of a network at every layer, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from agop.errors import InputError
from agop.network.capture.state import undisturbed
from agop.network.capture.weights import LayerSelection, stable_weights
from agop.network.passes.batches import Forward, default_forward
from agop.network.passes.directions import Rademacher, directions_of
from agop.network.passes.gradients import GradientPass
from agop.network.passes.sweep import Sweep

__all__ = ["network_agop"]


def network_agop(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    forward: Forward = default_forward,
    layers: LayerSelection = None,
    outputs: Literal["exact"] | Rademacher = "exact",
    max_samples: int | None = None,
    device: torch.device | str | None = None,
) -> dict[str, Tensor]:
    r"""AGOP of the outputs of a network with respect to the input of each of its layers, in one pass over the data.

    :math:`W^T (\frac1n \sum \delta \delta^T) W` with :math:`\delta` the gradients with respect to the outputs
    :math:`W\phi + b` of the layer: a mean over samples, a sum over outputs and rows. One forward and as many backward
    passes as there are directions serve all layers. :func:`~agop.network.measure` gives the same, and all else.

    Parameters
    ----------
    model, loader, forward, layers, outputs, max_samples, device
        As in :func:`~agop.network.measure`; the loader is iterated once.

    Returns
    -------
    dict
        (in, in) float64 by layer, in the order of the calls.

    Raises
    ------
    InputError
        If a batch is unusable, no layer is found, or outputs depend on other samples while ``outputs="exact"``.

    References
    ----------
    Radhakrishnan et al. 2024 (arXiv 2212.13881); Beaglehole et al. 2024 (arXiv 2402.13728), section 5.

    Examples
    --------
    >>> model = nn.Linear(3, 2, bias=False)
    >>> found = network_agop(model, [(torch.zeros(4, 3), torch.zeros(4, dtype=torch.long))])
    >>> torch.allclose(found["Linear"].float(), model.weight.T @ model.weight)
    True
    """
    directions, count = directions_of(outputs), 0
    with undisturbed(model, device) as target, stable_weights():
        sweep = Sweep(model, forward, layers, "each", max_samples, target, lambda: None)
        gradients = GradientPass(directions)
        for number, (batch, calls, capture) in enumerate(sweep.batches(loader, gradients=True)):
            for features in calls:
                gradients.watch(features)
            gradients.add(batch, calls, capture, number)
            count += int(batch.kept.sum())
        if not count:
            raise InputError("samples that count", "none", "Are all labels those to ignore?")
        if not gradients.sums:
            advice = "Layers are found by their parameters in linear maps, convolutions and matrix products."
            raise InputError("a model that calls a selected layer", "none in a forward pass", advice)
        return {name: part.mean(directions.scale / count) for name, part in gradients.sums.items() if part.count}
