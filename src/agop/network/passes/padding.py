"""Which rows (tokens) of a sample are real, and what the real ones contribute: padding is no data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.network.passes.rows import Rows, reduce_rows

__all__ = ["RowMask"]


@dataclass(frozen=True, eq=False)
class RowMask:
    """Real rows of the samples of a batch; everything that depends on the values is found once a batch, on the host.

    Attributes
    ----------
    mask
        (n, T) whether a row of a sample is real.
    samples
        (m,) samples that count, each with a real row.
    device
        Device of the rows.

    Examples
    --------
    >>> whether = np.array([[True, True, False], [False, True, False]])
    >>> mask = RowMask(whether, np.arange(2), torch.device("cpu"))
    >>> rows = torch.arange(6.0).reshape(2, 3, 1)
    >>> mask.reduce(rows, slice(0, 2), "each").flatten().tolist(), mask.owners(slice(0, 2)).tolist()
    ([0.0, 1.0, 4.0], [0, 0, 1])
    >>> mask.reduce(rows, slice(0, 2), "mean").tolist(), mask.reduce(rows[1:], slice(1, 2), "flatten").tolist()
    ([[[0.5]], [[4.0]]], [[[4.0, 0.0, 0.0]]])
    """

    mask: NDArray[np.bool_]
    samples: NDArray[np.int64]
    device: torch.device

    @property
    def n_rows(self) -> int:
        """Rows T of a sample, padding included."""
        return int(self.mask.shape[1])

    @property
    def n_real(self) -> int:
        """Real rows of all samples that count."""
        return len(self._real)

    def owners(self, chunk: slice) -> NDArray[np.int64]:
        """Sample among ``samples`` of each real row of a chunk of them, (k,)."""
        return self._real[self._range(chunk)] // self.n_rows

    def reduce(self, rows: Tensor, chunk: slice, how: Rows) -> Tensor:
        """Features of a chunk of ``samples`` with the rows (b, T, d): each real row, their mean, or a vector of them.

        Each real row is a group of one (k, 1, d), as are the mean (b, 1, d) and the vector (b, 1, T d) of a sample.

        The vector has the real rows in their order and zeros behind them, wherever the padding was.
        """
        if how == "each":
            positions = self._positions[self._range(chunk)] - chunk.start * self.n_rows
            return rows.flatten(0, 1).index_select(0, positions)[:, None]
        if how == "mean":
            real = self._kept[chunk, :, None]
            return torch.where(real, rows, 0).sum(1, keepdim=True) / real.sum(1, keepdim=True)
        rows = rows.gather(1, self._order[chunk, :, None].expand_as(rows))
        return reduce_rows(torch.where(self._ordered[chunk, :, None], rows, 0), how)

    def clear(self, rows: Tensor) -> Tensor:
        """Rows (n, T, d) of all samples with zeros for those that are not real."""
        return torch.where(self._whole[:, :, None], rows, 0)

    def _range(self, chunk: slice) -> slice:
        return slice(self._starts[chunk.start], self._starts[chunk.stop])

    def _on_device(self, values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(values).to(self.device)

    @cached_property
    def _real(self) -> NDArray[np.int64]:
        """Positions in (m T) of the real rows."""
        return np.flatnonzero(self.mask[self.samples])

    @cached_property
    def _starts(self) -> list[int]:
        """Number of real rows before each sample that counts, and of all."""
        return [0, *np.cumsum(self.mask[self.samples].sum(1)).tolist()]

    @cached_property
    def _positions(self) -> Tensor:
        return self._on_device(self._real)

    @cached_property
    def _whole(self) -> Tensor:
        return self._on_device(self.mask)

    @cached_property
    def _kept(self) -> Tensor:
        """(m, T) of the samples that count."""
        return self._on_device(self.mask[self.samples])

    @cached_property
    def _order(self) -> Tensor:
        """(m, T) positions of the real rows of each sample, then the others."""
        return self._on_device(np.argsort(~self.mask[self.samples], axis=1, kind="stable"))

    @cached_property
    def _ordered(self) -> Tensor:
        return self._on_device(-np.sort(-self.mask[self.samples].astype(np.int8), axis=1) == 1)
