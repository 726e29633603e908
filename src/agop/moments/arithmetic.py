"""The arithmetic of class moments on plain tensors: read rows, merge parts, add up ranks.

Parts merge by the pairwise update of Chan, Golub & LeVeque (1983), never by raw sums of squares.
"""

from __future__ import annotations

import itertools
from typing import TypeAlias

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from agop.chunks import row_chunks
from agop.moments.grouping import Grouping

__all__ = ["Parts", "merged", "of_rows", "over_ranks", "placed", "read"]

Parts: TypeAlias = tuple[Tensor, Tensor, Tensor | None, Tensor | None]
"""Counts (C,), means (C, d), scatter traces (C,) and scatter (d, d), as in ``ClassMoments``."""

_CHUNK_BYTES = 8 * 2**20
"""Temporaries of a chunk that stay in a processor's cache: three times as fast as larger ones."""


def read(empty: Parts, features: Tensor, labels: NDArray[np.int64], max_memory: int | None) -> Parts:
    """Parts of features (n, d) with labels (n,) on the host, read once; overwrites ``empty``."""
    n, d = features.shape
    total, scatter = empty, empty[3] is not None
    for rows in row_chunks(n, 24 * d, _CHUNK_BYTES if max_memory is None else max_memory):
        grouping = Grouping.of(labels[rows], features.device)
        total = _added_at(total, of_rows(features[rows], grouping, scatter=scatter), grouping.classes)
    return total


def of_rows(rows: Tensor, grouping: Grouping, *, scatter: bool = False) -> Parts:
    """Parts of rows (n, d), n > 0, of the classes that occur among them.

    Sums are taken about the first row of each class: a common offset costs no digits, and the mean of constant features
    is exact.
    """
    index, counts = grouping.index, grouping.counts
    deviations = rows.double()
    reference = deviations.index_select(0, grouping.first)
    deviations = deviations - reference.index_select(0, index)
    shift = torch.zeros_like(reference).index_add_(0, index, deviations).div_(counts[:, None])
    deviations -= shift.index_select(0, index)
    squares = torch.linalg.vector_norm(deviations, dim=1).square()
    traces = squares.new_zeros(len(counts)).index_add_(0, index, squares)
    return counts, reference.add_(shift), traces, deviations.mT @ deviations if scatter else None


def placed(parts: Parts, positions: Tensor, n_classes: int) -> Parts:
    """Parts of the classes at these positions among ``n_classes``, the others without samples."""
    counts, means, traces, scatter = parts

    def at_places(values: Tensor) -> Tensor:
        return values.new_zeros(n_classes, *values.shape[1:]).index_copy_(0, positions, values)

    return at_places(counts), at_places(means), None if traces is None else at_places(traces), scatter


def _added_at(total: Parts, part: Parts, classes: NDArray[np.int64]) -> Parts:
    """Total with the part of some classes added in place."""
    counts, means, traces, scatter = total
    if len(classes) == len(counts):
        return merged(total, part)
    assert traces is not None  # noqa: S101 - it is read, not mapped
    places = torch.from_numpy(classes).to(counts.device)
    before = counts[places], means[places], traces[places], scatter
    *after, scatter = merged(before, part)
    for whole, new in zip((counts, means, traces), after, strict=True):
        whole.index_copy_(0, places, new)  # type: ignore[arg-type]
    return counts, means, traces, scatter


def merged(a: Parts, b: Parts) -> Parts:
    """Parts of the samples of both; each kind of scatter where both have it."""
    counts = a[0] + b[0]
    share = (b[0].double() / counts.clamp(min=1))[:, None]
    offset = b[1] - a[1]
    weighted = a[0][:, None] * share * offset  # exactly 0 for a class that one side lacks
    traces = scatter = None
    if a[2] is not None and b[2] is not None:
        traces = a[2] + b[2] + (weighted * offset).sum(1)
    if a[3] is not None and b[3] is not None:
        scatter = torch.addmm(a[3] + b[3], weighted.mT, offset)
    return counts, torch.addcmul(a[1], share, offset), traces, scatter


def over_ranks(own: Parts, group: dist.ProcessGroup | None) -> Parts:
    """Parts of the samples of all ranks, in two collectives: counts and sums, then the scatter."""
    counts, own_means, *held = own
    lacks = own_means.new_tensor([float(bool(counts.any()) and part is None) for part in held])
    weights = counts[:, None].double()
    totals, sums, lacks = _summed([weights, weights * own_means, lacks], group)
    means = sums / totals.clamp(min=1)
    # About the common means, the scatter of a rank is its own and that of its means.
    offsets = own_means - means
    parts = [(weights * offsets.square()).sum(1)]
    if totals.any() and not lacks[1]:
        parts.append((weights * offsets).mT @ offsets)
    parts = [part if own is None else part + own for part, own in zip(parts, held, strict=False)]
    traces, *scatter = _summed(parts, group)
    return totals.flatten().long(), means, None if lacks[0] else traces, scatter[0] if scatter else None


def _summed(tensors: list[Tensor], group: dist.ProcessGroup | None) -> list[Tensor]:
    """Sum each tensor over the ranks, all in one collective."""
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat, group=group)
    ends = [0, *itertools.accumulate(tensor.numel() for tensor in tensors)]
    return [flat[i:j].view(t.shape) for t, (i, j) in zip(tensors, itertools.pairwise(ends), strict=True)]
