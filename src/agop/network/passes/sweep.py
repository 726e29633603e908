"""Passes of a model over a loader, with the calls of its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from agop.errors import InputError
from agop.network.capture.calls import Capture
from agop.network.capture.weights import Weights
from agop.network.options import MeasureOptions
from agop.network.passes.batches import Batch, checked_batch, moved
from agop.network.passes.features import CallFeatures

__all__ = ["SeenBatch", "Sweep"]


@dataclass(frozen=True)
class SeenBatch:
    """A batch that the model has seen.

    Attributes
    ----------
    number
        Number of the batch in its pass, from 0.
    batch
        Outputs and labels.
    calls
        Calls of the layers, in their order.
    capture
        Context that noted the calls.
    """

    number: int
    batch: Batch
    calls: list[CallFeatures]
    capture: Capture

    def backward(self, direction: Tensor) -> None:
        """Send the gradients of <direction, outputs> to the calls."""
        torch.autograd.grad(self.batch.outputs, self.capture.leaves, direction, retain_graph=True, allow_unused=True)


@dataclass(frozen=True)
class Sweep:
    """Run of a model over data.

    Attributes
    ----------
    model
        Model in evaluation mode.
    options
        Options of the measurement.
    device
        Device that the batches go to.
    observe
        Called after every batch.
    """

    model: nn.Module
    options: MeasureOptions
    device: torch.device
    observe: Callable[[], None]

    def batches(self, loader: Iterable[Any], *, gradients: bool, ood: bool = False) -> Iterator[SeenBatch]:
        """Every batch, after the model has seen it.

        Labels of out-of-distribution data (``ood``) do not matter, and all samples count.

        Raises
        ------
        InputError
            If there is no batch, or a batch is unusable.
        """
        weights = Weights(self.model, self.options.layers)
        left = None if ood else self.options.max_samples
        time_first = any(getattr(module, "batch_first", True) is False for module in self.model.modules())
        number = -1
        for number, data in enumerate(loader):
            capture = Capture(weights)
            with torch.set_grad_enabled(gradients), capture:
                batch = self._run(data, ood)
            if left is not None:
                batch = replace(batch, kept=batch.kept & (batch.kept.cumsum(0) <= left))
                left -= int(batch.kept.sum())
            calls = [CallFeatures(call, capture, batch, self.options.rows, time_first) for call in capture.calls]
            yield SeenBatch(number, batch, calls, capture)
            capture.release()
            del batch, calls, data
            self.observe()
            if left == 0:
                return
        if number < 0:
            raise InputError("a loader with batches", "none", "A loader that is used up by one pass does not do.")

    def _run(self, data: Any, ood: bool) -> Batch:
        found = self.options.forward(self.model, moved(data, self.device))
        if not isinstance(found, tuple) or len(found) not in (2, 3):
            expected = "forward to return (outputs, labels) or (outputs, labels, mask)"
            raise InputError(expected, type(found).__name__, "Return the first two at least.")
        outputs, labels, *mask = found
        return checked_batch(outputs, torch.zeros(len(outputs), dtype=torch.int64) if ood else labels, *mask)
