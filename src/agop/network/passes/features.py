"""Features of the stages of a layer, sample by sample, from one of its calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.network.capture.calls import Capture
from agop.network.capture.layer_call import LayerCall
from agop.network.passes.batches import Batch
from agop.network.passes.padding import RowMask
from agop.network.passes.rows import Owners, Rows, by_sample, reduce_rows

__all__ = ["CallFeatures"]

_CACHE_BYTES = 8 * 2**20
"""Temporaries of a chunk that stay in a processor's cache; on other devices chunks are larger."""


@dataclass(frozen=True)
class CallFeatures:
    """Features of the stages of one call of a layer, in chunks of the samples that count.

    Attributes
    ----------
    call, capture
        The call and the context that noted it.
    batch
        Outputs and labels of the batch.
    rows
        Contribution of the rows of a sample.
    time_first
        Whether sequences have time first.
    """

    call: LayerCall
    capture: Capture
    batch: Batch
    rows: Rows
    time_first: bool

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages that the call has: "input", "linear" and, if a nonlinearity was found, "output"."""
        return ("input", "linear") if self.call.activated is None else ("input", "linear", "output")

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.call.name

    def of(self, stage: str) -> Iterator[tuple[Tensor, Owners]]:
        """Features (g, S, d) of as many rows each, chunk by chunk, and the samples that they belong to."""
        for rows, chunk in self._by_sample(stage, self.batch.samples, self.batch.n_samples):
            yield self._reduced(rows, chunk)

    def input_rows(self) -> Iterator[tuple[Tensor, slice]]:
        """Rows (b, S, in) that the layer read, chunk by chunk, and which of all samples of the batch they are."""
        return self._by_sample("input", None, self.batch.size)

    def listen(self, receive: Callable[[Tensor], None]) -> None:
        """Give the gradients of the backward passes to come, as rows (n, S, out) in float32 at least."""

        def on_gradient(gradient: Tensor) -> None:
            rows = self._whole(self.call.linear.output_rows(gradient))
            rows = rows if self.mask is None else self.mask.clear(rows)
            receive(rows.to(torch.promote_types(rows.dtype, torch.float32)))

        self.call.on_gradient = on_gradient

    def are_outputs(self) -> Tensor | None:
        """Whether the outputs of the call are those of the network, a scalar; None if shapes say that they are not."""
        rows = self._whole(self.call.linear.output_rows(self.capture.values(self.call.outputs)))
        outputs = self.batch.outputs.detach()
        if rows.shape[1:] != (1, outputs.shape[1]):
            return None
        return self.batch.of_samples(rows[:, 0] == outputs).all()

    @property
    def n_rows(self) -> int:
        """Rows of a sample."""
        return self._whole(self.call.linear.output_rows(self.call.outputs)).shape[1]

    @property
    def n_real_rows(self) -> int:
        """Rows of the samples that count, padding left out."""
        return self.batch.n_samples * self.n_rows if self.mask is None else self.mask.n_real

    @cached_property
    def mask(self) -> RowMask | None:
        """Which rows are real, where the rows are those of the batch's mask; None elsewhere, as in images."""
        found = self.batch.real_rows if self._has_tokens else None
        return found if found is not None and found.n_rows == self.n_rows else None

    @property
    def is_unmasked(self) -> bool:
        """Whether a sample has several rows that may be tokens, and nothing says which are real."""
        return self._has_tokens and self.mask is None and self.n_rows > 1

    @property
    def _has_tokens(self) -> bool:
        """Linear maps and 1-d convolutions can have tokens as rows."""
        return self.call.linear.weight.ndim <= 3

    @property
    def _time_first(self) -> bool:
        """A convolution has samples first whatever the rest of the model does."""
        return self.time_first and self.call.linear.weight.ndim == 2

    def _whole(self, rows: Tensor) -> Tensor:
        return by_sample(rows, self.batch.size, batch=self.call.batch, time_first=self._time_first)

    def _by_sample(self, stage: str, kept: Tensor | None, count: int) -> Iterator[tuple[Tensor, slice]]:
        """Rows (b, S, d) of those samples that are kept, all if None, and which of these they are."""
        linear, n = self.call.linear, self.batch.size
        tensor = {"input": linear.inputs, "linear": self.call.outputs, "output": self.call.activated}[stage]
        assert tensor is not None  # noqa: S101 - asked for stages of this call only
        values = self.capture.values(tensor)
        view, copies = (
            (linear.input_rows, linear.weight.shape[2:].numel()) if stage == "input" else (linear.output_rows, 1)
        )
        first = len(values) == n and self.call.batch is None and not self._time_first
        whole = values if first else self._whole(view(values))
        budget = _CACHE_BYTES if values.device.type == "cpu" else None
        for chunk in row_chunks(count, 24 * copies * values.numel() // n, budget):
            rows = whole[chunk] if kept is None else whole.index_select(0, kept[chunk])
            yield by_sample(view(rows), len(rows)) if first else rows, chunk

    def _reduced(self, rows: Tensor, chunk: slice) -> tuple[Tensor, Owners]:
        mask = self.mask
        features = reduce_rows(rows, self.rows) if mask is None else mask.reduce(rows, chunk, self.rows)
        return features, Owners(chunk.start, chunk.stop, by_mask=mask is not None and self.rows == "each")
