"""Rows of which one chunk is in memory at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError, MemoryBudgetError

__all__ = ["GATHERED_BYTES", "ChunkedRows", "center", "row_words"]

GATHERED_BYTES = 2**30
"""Rows that are gathered where no memory was stated."""

_WORDS_BYTES = 2**22
"""Temporary memory of the words of rows: they stay in the cache."""

_REMEMBERED = 2
"""Gathered rows that are kept, since they are asked for again: those among which centers are chosen, those left out."""


@dataclass(frozen=True, eq=False)
class ChunkedRows:
    """Rows (n, d) that stand for a tensor where slices and indices of its rows are all that is asked for.

    They are read forward, in passes over chunks that are the same in all of them. ``rows[slice]`` is a tensor, and so
    is ``rows[index]`` where it fits ``most_bytes``; what does not fit, in increasing order, stays in the chunks. All
    rows, ``rows[:]``, are these.

    Attributes
    ----------
    start
        Starts a pass: an iterator over chunks (b, d).
    dtype, device
        Those of all chunks.
    words
        (N, 2) int64 from the bits of each row of the source: rows with the same words are equal.
    extremes
        Smallest and largest entry of the rows of the source.
    center
        (d,) mean of the rows of the source, float64.
    most_bytes
        Bytes of rows that may be gathered.
    chosen
        (n,) rows of the source that count, in increasing order; all if None.

    Examples
    --------
    >>> from agop.estimator.chunked import chunked_rows
    >>> whole = torch.arange(12.0).reshape(6, 2)
    >>> rows, _ = chunked_rows(lambda: iter(whole.split(4)), lambda chunk, first: chunk, torch.arange(6.0), 16)
    >>> rows.shape, rows[torch.tensor([5, 0])].tolist(), rows[3:5].tolist()
    ((6, 2), [[10.0, 11.0], [0.0, 1.0]], [[6.0, 7.0], [8.0, 9.0]])
    >>> rows[torch.tensor([1, 3, 5])].shape, rows[torch.tensor([1, 3, 5])][:1].tolist()
    ((3, 2), [[2.0, 3.0]])
    """

    start: Callable[[], Iterator[Tensor]]
    dtype: torch.dtype
    device: torch.device
    words: Tensor
    extremes: tuple[Tensor, Tensor]
    center: Tensor
    most_bytes: int
    chosen: Tensor | None = None
    _reading: _Reading = field(default_factory=lambda: _Reading(), repr=False)

    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns (n, d)."""
        return len(self), len(self.center)

    def __len__(self) -> int:
        """Number n of rows."""
        return len(self.words) if self.chosen is None else len(self.chosen)

    def numel(self) -> int:
        """Number of entries."""
        return len(self) * len(self.center)

    def aminmax(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest entry of the source."""
        return self.extremes

    @property
    def own_words(self) -> Tensor:
        """(n, 2) words of the rows that count."""
        return self.words if self.chosen is None else self.words[self.chosen]

    def too_large(self, n_rows: int | None = None) -> MemoryBudgetError:
        """The error where so many rows, or all, are needed together."""
        n_bytes = (len(self) if n_rows is None else n_rows) * len(self.center) * self.dtype.itemsize
        return MemoryBudgetError(
            f"rows that can be gathered in {self.most_bytes / 2**20:.0f} MiB",
            f"{n_bytes / 2**20:.0f} MiB of rows that are needed together",
            "Raise max_memory, or fit with solver=Nystrom(), metric_samples of a few thousand and no process group.",
        )

    @property
    def most_rows(self) -> int:
        """Rows that may be gathered."""
        return self.most_bytes // (len(self.center) * self.dtype.itemsize)

    def remember(self, index: Tensor) -> None:
        """Read the rows of indices, if they fit, so that those among them need no pass of their own."""
        if len(index) <= self.most_rows:
            self[index]

    def __getitem__(self, index: slice | Tensor) -> Tensor | ChunkedRows:
        """Rows of a slice, of indices or of a mask."""
        if isinstance(index, slice) and index == slice(None):
            return self
        rows = torch.arange(len(self)) if self.chosen is None else self.chosen
        rows = rows[index if isinstance(index, slice) else index.cpu()]
        increasing = bool((rows.diff() > 0).all())
        if not isinstance(index, slice) and len(rows) > self.most_rows:
            if increasing:
                return replace(self, chosen=rows)
            raise self.too_large(len(rows))
        values = torch.empty(len(rows), len(self.center), dtype=self.dtype, device=self.device)
        if increasing:
            return self._reading.rows(self, rows, values, keep=not isinstance(index, slice))
        order = rows.argsort()
        values[order.to(self.device)] = self._reading.rows(self, rows[order], torch.empty_like(values), keep=True)
        return values


class _Reading:
    """How far a pass has come, and the rows that were gathered last."""

    def __init__(self) -> None:
        self._chunks: Iterator[Tensor] = iter(())
        self._first, self._chunk, self._number = 0, torch.empty(0), -1
        self._remembered: deque[tuple[Tensor, Tensor]] = deque(maxlen=_REMEMBERED)

    def rows(self, source: ChunkedRows, wanted: Tensor, values: Tensor, *, keep: bool) -> Tensor:
        """Rows in increasing order, written to ``values``."""
        for index, known in self._remembered:
            places = torch.searchsorted(index, wanted).clamp(max=len(index) - 1)
            if torch.equal(index[places], wanted):
                return known[places.to(known.device)]
        numbers, done = wanted.numpy(), 0
        if len(numbers) and (self._number < 0 or numbers[0] < self._first):
            self._chunks, self._number = source.start(), -1
            self._advance(source)
        while done < len(numbers):
            end = int(np.searchsorted(numbers, self._first + len(self._chunk)))
            values[done:end] = self._chunk[(wanted[done:end] - self._first).to(self._chunk.device)]
            done = end
            if done < len(numbers):
                self._advance(source)
        if keep:
            self._remembered.append((wanted, values))
        return values

    def _advance(self, source: ChunkedRows) -> None:
        """The next chunk, if it is what it was in the first pass."""
        self._first = 0 if self._number < 0 else self._first + len(self._chunk)
        self._number += 1
        chunk = next(self._chunks, None)
        known = source.words[self._first :]
        if chunk is None or len(chunk) > len(known) or not torch.equal(row_words(chunk, 1), known[: len(chunk), :1]):
            self._number = -1
            got = "fewer rows" if chunk is None else f"other rows from row {self._first} on"
            raise InputError("the same chunks in every pass", got, "Do not shuffle, and leave the data as they are.")
        self._chunk = chunk


def center(rows: Tensor | ChunkedRows) -> Tensor:
    """Mean (d,) of rows (n, d), in their data type, from float64 sums."""
    if isinstance(rows, ChunkedRows) and rows.chosen is None:
        return rows.center.to(rows.dtype)
    sums = torch.zeros(rows.shape[1], dtype=torch.float64, device=rows.device)
    for part in row_chunks(len(rows), 8 * rows.shape[1]):
        sums += torch.as_tensor(rows[part]).sum(0, dtype=torch.float64)
    return (sums / len(rows)).to(rows.dtype)


def row_words(rows: Tensor, count: int = 2) -> Tensor:
    """Words (n, count) of 64 bits for rows (n, d), which all bits of a row decide; 0.0 and -0.0 are one number.

    Different rows share both of two words with a probability of about 2^-128.

    Examples
    --------
    >>> words = row_words(torch.tensor([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]]))
    >>> torch.equal(words[0], words[2]), torch.equal(words[0], words[1])
    (True, False)
    """
    generator = torch.Generator().manual_seed(0)
    salts = torch.randint(-(2**63), 2**63 - 1, (2, rows.shape[1]), generator=generator)[:count].to(rows.device)
    words = torch.empty(len(rows), count, dtype=torch.int64)
    integers = torch.int64 if rows.element_size() == 8 else torch.int32
    for part in row_chunks(len(rows), 32 * rows.shape[1], _WORDS_BYTES):
        bits = (rows[part] + 0.0).contiguous().view(integers).long()
        for column, salt in enumerate(salts):
            words[part, column] = _mixed(bits + salt).sum(1).cpu()
    return words


def _mixed(bits: Tensor) -> Tensor:
    """Each bit of a word decides all bits of another one, whose sums are as good as random."""
    for factor in (-0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15):
        bits.bitwise_xor_(bits >> 31).mul_(factor)
    return bits.bitwise_xor_(bits >> 32)
