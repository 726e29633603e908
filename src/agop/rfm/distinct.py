"""Rows that are equal to the last bit, and an order of those that are not."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.estimator.rows import ChunkedRows

__all__ = ["all_equal", "distinct_rows", "lexicographic_order"]


def distinct_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The rows (n, d) that are distinct to the last bit, float32 or float64, finite; 0.0 and -0.0 are equal.

    Rows in chunks are told apart by two words of 64 bits each.

    Returns
    -------
    first, group
        (m,) the first row of each group of equal ones, in order; (n,) the group of each row.

    Examples
    --------
    >>> distinct_rows(torch.tensor([[1.0], [2.0], [1.0]]))
    (tensor([0, 1]), tensor([0, 1, 0]))
    """
    sums = rows.own_words[:, 0] if isinstance(rows, ChunkedRows) else _sums_of_words(rows)
    _, same, counts = torch.unique(sums, return_inverse=True, return_counts=True)
    each = torch.arange(len(rows), device=rows.device)
    suspects = each[counts[same] > 1]  # equal rows have equal sums of their words
    if not len(suspects):
        return each, each
    bits = rows.own_words[suspects.cpu()] if isinstance(rows, ChunkedRows) else _positive_zeros(rows[suspects])
    row_bytes = bits.cpu().numpy().view(np.dtype((np.void, bits[:1].nbytes))).ravel()
    _, first, inverse = np.unique(row_bytes, return_index=True, return_inverse=True)
    earliest = each.clone()
    earliest[suspects] = suspects[torch.from_numpy(first[inverse]).to(rows.device)]
    distinct, group = torch.unique(earliest, return_inverse=True)
    return distinct, group


def lexicographic_order(rows: Tensor) -> Tensor:
    """Indices (n,) that sort distinct rows (n, d) by their first entry, equal ones by the next, and so on.

    Examples
    --------
    >>> lexicographic_order(torch.tensor([[2.0, 1.0], [1.0, 3.0], [1.0, 2.0]]))
    tensor([2, 1, 0])
    """
    values, d, width = rows.cpu().numpy(), rows.shape[1], 1
    while True:
        some = values[:, : min(width, d)]
        order = np.lexsort(some.T[::-1])
        ordered = some[order]
        if width >= d or not (ordered[1:] == ordered[:-1]).all(1).any():  # later entries decide nothing
            return torch.from_numpy(order)
        width *= 4


def all_equal(values: Tensor) -> bool:
    """Whether all rows (n, d) are equal."""
    parts, first = row_chunks(len(values), values.dtype.itemsize * values.shape[1]), values[:1]
    return all(bool((values[part] == first).all()) for part in parts)


def _sums_of_words(rows: Tensor) -> Tensor:
    """Sums (n,) of the entries of each row as whole numbers, by their bits."""
    words = torch.int64 if rows.element_size() == 8 else torch.int32
    parts = row_chunks(len(rows), 2 * rows.element_size() * rows.shape[1])
    return torch.cat([_positive_zeros(rows[part]).view(words).sum(1) for part in parts])


def _positive_zeros(rows: Tensor) -> Tensor:
    """A copy with 0.0 for -0.0, so that equal rows have equal bytes."""
    return (rows + 0.0).contiguous()
