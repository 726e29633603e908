"""Passes of a model over a loader, with the calls of its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agop.errors import InputError
from agop.moments import LabeledMoments
from agop.network.capture.calls import Capture
from agop.network.capture.weights import Weights, is_sharded, model_dtype
from agop.network.options import MeasureOptions
from agop.network.passes.batches import Batch, checked_batch
from agop.network.passes.features import CallFeatures
from agop.network.passes.forward import checked_result, moved
from agop.network.passes.rows import Owners
from agop.network.passes.steps import in_step, one_pass
from agop.ranks import Ranks

__all__ = ["SeenBatch", "Sweep"]

_MANY = 64
"""Outputs of which few random combinations show whether two passes saw the same data."""

_COMBINATIONS = 8


@dataclass(frozen=True)
class SeenBatch:
    """A batch that the model has seen.

    Attributes
    ----------
    number
        Number of the batch in its pass, from 0; ranks count in turns.
    batch
        Outputs and labels.
    calls
        Calls of the layers, in their order.
    capture
        Context that noted the calls.
    ranks
        Processes that pass a batch at the same time, since a pass of one is a pass of all.
    """

    number: int
    batch: Batch
    calls: list[CallFeatures]
    capture: Capture
    ranks: Ranks

    def signature(self) -> LabeledMoments | None:
        """Moments of the outputs by class, of a few random combinations of many; None without samples that count."""
        batch = self.batch
        if not batch.n_samples:
            return None
        outputs = batch.of_samples(batch.outputs.detach())
        if outputs.shape[1] > _MANY:
            outputs = outputs @ _combinations(outputs.shape[1]).to(outputs)
        return LabeledMoments.of(outputs, batch.grouping(Owners(0, batch.n_samples)))

    def of_classes(self, classes: NDArray[np.int64]) -> SeenBatch:
        """The batch with samples of these classes, ascending, whose positions are the labels."""
        batch = self.batch.of_classes(classes)
        return replace(self, batch=batch, calls=[replace(call, batch=batch) for call in self.calls])

    def backward(self, direction: Tensor) -> None:
        """Send the gradients of <direction, outputs> to the calls."""
        with one_pass(self.ranks):
            self.capture.backward(self.batch.outputs, direction)


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
    ranks
        Processes that each run the model over a part of the data.
    """

    model: nn.Module
    options: MeasureOptions
    device: torch.device
    observe: Callable[[], None]
    ranks: Ranks

    @cached_property
    def weights(self) -> Weights:
        """Weights of the layers to measure."""
        return Weights(self.model, self.options.layers)

    def batches(self, loader: Iterable[Any], *, gradients: bool, ood: bool = False) -> Iterator[SeenBatch]:
        """Every batch, after the model has seen it.

        Labels of out-of-distribution data (``ood``) do not matter, and all samples count.

        Raises
        ------
        InputError
            If there is no batch and no other rank, a batch is unusable, or some ranks of a sharded model have none.
        """
        wanted = None if ood else self.options.max_samples
        left = None if wanted is None else len(range(self.ranks.rank, wanted, self.ranks.world))
        time_first = any(getattr(module, "batch_first", True) is False for module in self.model.modules())
        number, step = -1, self.ranks if is_sharded(self.model) else Ranks()
        batches = in_step(loader, step, lambda: left == 0)
        for number, (data, counts) in enumerate(batches):
            capture = Capture(self.weights)
            with torch.set_grad_enabled(gradients), capture:
                batch = self._run(data, ood, step)
            if self.options.common_inputs:
                capture.join()
            if not counts:
                batch = batch.without_samples()
            elif left is not None:
                batch = batch.first(left)
                left -= batch.n_samples
            calls = [CallFeatures(call, capture, batch, self.options.rows, time_first) for call in capture.calls]
            yield SeenBatch(self.ranks.rank + number * self.ranks.world, batch, calls, capture, step)
            capture.release()
            del batch, calls, data
            self.observe()
        if number < 0 and self.ranks.group is None:
            raise InputError("a loader with batches", "none", "A loader that is used up by one pass does not do.")

    def _run(self, data: Any, ood: bool, step: Ranks) -> Batch:
        with one_pass(step):
            found = self.options.forward(self.model, moved(data, self.device, model_dtype(self.model)))
        outputs, labels, *mask = checked_result(found)
        return checked_batch(outputs, torch.zeros(len(outputs), dtype=torch.int64) if ood else labels, *mask)


@lru_cache(maxsize=2)
def _combinations(n_outputs: int) -> Tensor:
    signs = np.random.default_rng(0).integers(0, 2, (n_outputs, _COMBINATIONS)) * 2 - 1
    return torch.from_numpy(signs).double().div_(n_outputs**0.5)
