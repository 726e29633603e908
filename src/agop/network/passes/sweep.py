"""Passes of a model over a loader, with the calls of its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from agop.errors import InputError
from agop.network.capture.calls import Capture
from agop.network.capture.weights import LayerSelection, Weights
from agop.network.passes.batches import Batch, Forward, checked_batch, moved
from agop.network.passes.features import CallFeatures
from agop.network.passes.rows import Rows

__all__ = ["Sweep"]


@dataclass(frozen=True)
class Sweep:
    """How a model is run over data.

    Attributes
    ----------
    model
        In evaluation mode.
    forward
        From the model and a batch to outputs, labels and perhaps a mask.
    layers
        Layers to watch.
    rows
        What the rows of a sample contribute.
    max_samples
        Number of samples after which a pass ends; all if None.
    device
        Where the batches go.
    observe
        Called after every batch.
    """

    model: nn.Module
    forward: Forward
    layers: LayerSelection
    rows: Rows
    max_samples: int | None
    device: torch.device
    observe: Callable[[], None]

    def batches(
        self, loader: Iterable[Any], *, gradients: bool, labelled: bool = True
    ) -> Iterator[tuple[Batch, list[CallFeatures], Capture]]:
        """Outputs and labels of every batch with the calls made for it, in their order.

        Where data are not ``labelled`` their labels do not matter, and all rows count.

        Raises
        ------
        InputError
            If there is no batch, or a batch is unusable.
        """
        weights, left = Weights(self.model, self.layers), self.max_samples
        time_first = any(getattr(module, "batch_first", True) is False for module in self.model.modules())
        count = 0
        for data in loader:
            capture = Capture(weights)
            with torch.set_grad_enabled(gradients), capture:
                found = self.forward(self.model, moved(data, self.device))
            if not isinstance(found, tuple) or len(found) not in (2, 3):
                expected = "forward to return (outputs, labels) or (outputs, labels, mask)"
                raise InputError(expected, type(found).__name__, "Return the first two at least.")
            outputs, labels, *mask = found
            labels = labels if labelled else torch.zeros(len(outputs), dtype=torch.int64)
            batch = checked_batch(outputs, labels, *mask)
            if left is not None:
                batch = replace(batch, kept=batch.kept & (batch.kept.cumsum(0) <= left))
                left -= int(batch.kept.sum())
            calls = [CallFeatures(call, capture, batch, self.rows, time_first) for call in capture.calls]
            yield batch, calls, capture
            capture.release()
            del found, outputs, batch, calls, data
            count += 1
            self.observe()
            if left == 0:
                return
        if not count:
            raise InputError("a loader with batches", "none", "A loader that is used up by one pass does not do.")
