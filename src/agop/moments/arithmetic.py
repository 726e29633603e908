"""The arithmetic of class moments on plain tensors: read rows, merge parts, add up ranks.

Parts merge by the pairwise update of Chan, Golub & LeVeque (1983), never by raw sums of squares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.chunks import row_chunks
from agop.moments.grouping import Grouping
from agop.ranks import Ranks

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
    """Parts of rows (n, d), n > 0, of the classes that occur among them; or of S rows of each class label, (n, S, d).

    Sums are taken about the first row of each class: a common offset costs no digits, and the mean of constant features
    is exact.
    """
    rows = rows if rows.ndim == 3 else rows[:, None]
    index, counts = grouping.index, grouping.counts * rows.shape[1]
    reference = rows[:, 0].index_select(0, grouping.first).double()
    deviations = rows.double() - reference.index_select(0, index)[:, None]
    shift = torch.zeros_like(reference).index_add_(0, index, deviations.sum(1)).div_(counts[:, None])
    deviations -= shift.index_select(0, index)[:, None]
    squares = torch.linalg.vector_norm(deviations, dim=(1, 2)).square()
    traces = squares.new_zeros(len(counts)).index_add_(0, index, squares)
    if not scatter:
        return counts, reference.add_(shift), traces, None
    deviations = deviations.flatten(0, 1)
    return counts, reference.add_(shift), traces, deviations.mT @ deviations


def placed(parts: Parts, positions: Tensor, n_classes: int) -> Parts:
    """Parts of the classes at these positions among ``n_classes``, the others without samples."""
    counts, means, traces, scatter = parts

    def at_places(values: Tensor) -> Tensor:
        whole = values.new_zeros(n_classes, *values.shape[1:])
        return whole if values.is_meta else whole.index_copy_(0, positions, values)

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
    """Parts of the samples of both; each kind of scatter where both have it. On the meta device shapes are all."""
    if a[1].is_meta:
        return a
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


def over_ranks(own: Sequence[Parts], ranks: Ranks, added: Sequence[Tensor] = ()) -> tuple[list[Parts], list[Tensor]]:
    """Parts of the samples of all ranks, all of them in two collectives: counts and sums, then the scatter.

    Each kind of scatter is kept where every rank with samples has it. Tensors that are ``added`` go with the first.
    """
    n = len(own)
    lacks = [torch.stack([counts.any() & (part is None) for part in held]) for counts, _, *held in own]
    weights = [counts[:, None].double() for counts, *_ in own]
    weighted = [weight * part[1] for weight, part in zip(weights, own, strict=True)]
    found = ranks.sum([*weights, *weighted, *lacks, *added])
    totals, sums, lacks, added = found[:n], found[n : 2 * n], found[2 * n : 3 * n], found[3 * n :]
    means = [part / total.clamp(min=1) for part, total in zip(sums, totals, strict=True)]
    there = [
        torch.stack([~lack[0].bool(), total.any() & ~lack[1].bool()]) for lack, total in zip(lacks, totals, strict=True)
    ]
    kept: list[list[bool]] = torch.stack(there).tolist() if there else []
    scatters = iter(ranks.sum([one for about in zip(own, means, kept, strict=True) for one in _scatters(*about)]))
    counts = [total.flatten().long() for total in totals]
    return [
        (count, mean, *(next(scatters) if keep else None for keep in kinds))  # type: ignore[misc]
        for count, mean, kinds in zip(counts, means, kept, strict=True)
    ], added


def _scatters(own: Parts, means: Tensor, kept: Sequence[bool]) -> Iterator[Tensor]:
    """Scatter about common means: that of a rank about its own, and that of its own means."""
    counts, own_means, traces, scatter = own
    offsets = own_means - means
    weighted = counts[:, None] * offsets
    if kept[0]:
        between = (weighted * offsets).sum(1)
        yield between if traces is None else between + traces
    if kept[1]:
        yield weighted.mT @ offsets if scatter is None else torch.addmm(scatter, weighted.mT, offsets)
