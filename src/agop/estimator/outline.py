"""Rows of chunks after a first pass: together where they are few, or in the chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from agop.errors import InputError
from agop.estimator.rows import ChunkedRows, row_words

__all__ = ["Outline"]


class Outline:
    """What is known of rows after a first pass: all of them where they are few, else what a ``ChunkedRows`` has.

    Parameters
    ----------
    most_bytes
        Bytes up to which rows are gathered.

    Examples
    --------
    >>> outline = Outline(most_bytes=100)
    >>> for chunk in (torch.zeros(2, 3), torch.ones(1, 3)):
    ...     outline.add(chunk, "a chunk")
    >>> outline.rows(lambda: iter(())).shape
    torch.Size([3, 3])
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._chunks: list[Tensor] = []
        self._words: list[Tensor] = []
        self._n = 0

    def __len__(self) -> int:
        """Number of rows so far."""
        return self._n

    def add(self, rows: Tensor, where: object) -> None:
        """Take in the rows of a chunk; InputError if their type is not that of the first."""
        if not self._n:
            self.dtype, self.device = rows.dtype, rows.device
            self._center, self._extremes = rows.new_zeros(rows.shape[1], dtype=torch.float64), (rows.min(), rows.max())
        if rows.dtype != self.dtype:
            raise InputError(f"{self.dtype} in all chunks", f"{rows.dtype} in {where}", "Convert them to one type.")
        rows = rows.to(self.device)
        self._n += len(rows)
        self._center += (rows.mean(0, dtype=torch.float64) - self._center) * (len(rows) / self._n)
        low, high = rows.aminmax()
        self._extremes = low.minimum(self._extremes[0]), high.maximum(self._extremes[1])
        if self._fits:
            self._chunks.append(rows.clone())  # the iterator may use its memory again
        else:
            self._words += map(row_words, [*self._chunks, rows])
            self._chunks.clear()

    def rows(self, start: Callable[[], Iterator[Tensor]]) -> Tensor | ChunkedRows:
        """All rows together, or to be read again."""
        if not self._fits:
            words = torch.cat(self._words)
            return ChunkedRows(start, self.dtype, self.device, words, self._extremes, self._center, self._most_bytes)
        whole = torch.empty(self._n, len(self._center), dtype=self.dtype, device=self.device)
        done = 0
        while self._chunks:
            rows = self._chunks.pop(0)
            whole[done : (done := done + len(rows))] = rows
        return whole

    @property
    def _fits(self) -> bool:
        return self._n * len(self._center) * self.dtype.itemsize <= self._most_bytes
