"""Which rows (tokens) of a sample are real, and what the real ones contribute: padding is no data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from agop.network.passes.rows import Rows, reduce_rows

__all__ = ["RowMask"]


@dataclass(frozen=True, eq=False)
class RowMask:
    """Real rows of the samples of a batch; everything that depends on the values is found once a batch.

    Attributes
    ----------
    mask
        (n, T) whether a row of a sample is real.
    samples
        (m,) samples that count, each with a real row.

    Examples
    --------
    >>> mask = RowMask(torch.tensor([[True, True, False], [False, True, False]]), torch.arange(2))
    >>> rows = torch.arange(6.0).reshape(2, 3, 1)
    >>> mask.reduce(rows, slice(0, 2), "each").flatten().tolist(), mask.owners(slice(0, 2)).tolist()
    ([0.0, 1.0, 4.0], [0, 0, 1])
    >>> mask.reduce(rows, slice(0, 2), "mean").tolist(), mask.reduce(rows[1:], slice(1, 2), "flatten").tolist()
    ([[0.5], [4.0]], [[4.0, 0.0, 0.0]])
    """

    mask: Tensor
    samples: Tensor

    @property
    def n_rows(self) -> int:
        """Rows T of a sample, padding included."""
        return self.mask.shape[1]

    def owners(self, chunk: slice) -> Tensor:
        """Sample of each real row of a chunk of ``samples``, (k,)."""
        return self.samples[self._real[self._range(chunk)] // self.n_rows]

    def reduce(self, rows: Tensor, chunk: slice, how: Rows) -> Tensor:
        """Features of a chunk of ``samples`` with the rows (b, T, d): each real row, their mean, or a vector of them.

        The vector has the real rows in their order and zeros behind them, wherever the padding was.
        """
        if how == "each":
            return rows.flatten(0, 1)[self._real[self._range(chunk)] - chunk.start * self.n_rows]
        if how == "mean":
            real = self._mask[chunk, :, None]
            return torch.where(real, rows, 0).sum(1) / real.sum(1)
        rows = rows.gather(1, self._order[chunk, :, None].expand_as(rows))
        return reduce_rows(torch.where(self._ordered[chunk, :, None], rows, 0), how)

    def clear(self, rows: Tensor) -> Tensor:
        """Rows (n, T, d) of all samples with zeros for those that are not real."""
        return torch.where(self.mask[:, :, None], rows, 0)

    def _range(self, chunk: slice) -> slice:
        return slice(self._starts[chunk.start], self._starts[chunk.stop])

    @cached_property
    def _mask(self) -> Tensor:
        """(m, T) of the samples that count."""
        return self.mask[self.samples]

    @cached_property
    def _real(self) -> Tensor:
        """Positions in (m T) of the real rows."""
        return self._mask.flatten().nonzero().flatten()

    @cached_property
    def _starts(self) -> list[int]:
        """Number of real rows before each sample that counts, and of all."""
        return [0, *self._mask.sum(1).cumsum(0).tolist()]

    @cached_property
    def _order(self) -> Tensor:
        """(m, T) positions of the real rows of each sample, then the others."""
        return self._mask.byte().argsort(stable=True, dim=1, descending=True)

    @cached_property
    def _ordered(self) -> Tensor:
        return self._mask.gather(1, self._order)
