"""Exact parts of the data, for processes and jobs that each take one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch.distributed as dist
from torch.utils.data import (
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Subset,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from agop.errors import InputError

__all__ = ["shard", "shard_batches"]

_NOT_THE_SAME_ON_ALL = (DistributedSampler, RandomSampler, SubsetRandomSampler, WeightedRandomSampler)
"""Samplers whose batches are others in another process, so that parts could overlap."""


def shard(dataset: Dataset[Any], rank: int | None = None, world: int | None = None) -> Subset[Any]:
    """Part of a data set for one of several processes: samples rank, rank + world, rank + 2 world and so on.

    Each sample is in exactly one part, and the sizes of two parts differ by one at most, whereas a
    ``torch.utils.data.DistributedSampler`` repeats samples until all parts are of one size: right for training, wrong
    for statistics. A part is empty where there are fewer samples than parts.

    Parameters
    ----------
    dataset
        Samples by index, with a length: a map-style data set of torch, or any sequence.
    rank
        Number of the part, 0 .. world - 1.
    world
        Number of parts. Without both, those of the process: of ``torch.distributed`` where it is initialized, else of
        the environment variables RANK and WORLD_SIZE that ``torchrun`` sets, else the one part that has all samples.

    Returns
    -------
    torch.utils.data.Subset
        In the order of the data set, for a ``DataLoader``; nothing is copied.

    Raises
    ------
    InputError
        If the data set has no length, as an iterable one, or ``rank`` is none of the parts, or one of the two is given.

    Examples
    --------
    >>> [list(shard("abcdefg", rank, 3)) for rank in range(3)]
    [['a', 'd', 'g'], ['b', 'e'], ['c', 'f']]
    """
    by_index = hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")
    if not by_index or isinstance(dataset, (IterableDataset, Mapping)):
        advice = "Split its batches by agop.datasets.shard_batches."
        raise InputError("a data set with a length and samples by index", type(dataset).__name__, advice)
    rank, world = _place(rank, world)
    return Subset(dataset, range(rank, len(dataset), world))  # type: ignore[arg-type]


def shard_batches(batches: Iterable[Any], rank: int | None = None, world: int | None = None) -> Iterable[Any]:
    """Part of the batches of any loader: batches rank, rank + world, rank + 2 world and so on.

    For streams that :func:`shard` cannot split. A ``DataLoader`` of a map-style data set loads the batches of the part
    alone; of other iterables all are read and those of other parts are dropped.

    Parameters
    ----------
    batches
        Batches that come in one order, each time they are iterated.
    rank, world
        As for :func:`shard`.

    Returns
    -------
    Iterable
        Can be iterated as often as ``batches``; with a length if these have one.

    Raises
    ------
    InputError
        If ``rank`` is none of the parts, the loader draws its samples, so that parts could overlap, or it is of a part
        already.

    Examples
    --------
    >>> list(shard_batches([[1, 2], [3, 4], [5]], 0, 2))
    [[1, 2], [5]]
    """
    rank, world = _place(rank, world)
    if world == 1:
        return batches
    batch_sampler = getattr(batches, "batch_sampler", None)
    for sampler in (getattr(batches, "sampler", None), getattr(batch_sampler, "sampler", None)):
        if isinstance(sampler, _NOT_THE_SAME_ON_ALL):
            advice = "Make the loader with shuffle=False and without a sampler."
            raise InputError("all batches in a fixed order", f"a loader with a {type(sampler).__name__}", advice)
    dataset = getattr(batches, "dataset", None)
    if isinstance(dataset, Subset) and dataset.indices == _own_indices(dataset.dataset):
        advice = "Leave agop.shard out: a part of what the loader gives is taken here."
        raise InputError("a loader of all samples", "one of the part of this process", advice)
    is_stream = isinstance(dataset, IterableDataset)
    if type(batches) is DataLoader and batch_sampler is not None and not is_stream:
        return _loader_of(batches, _SizedEveryNth(batch_sampler, rank, world))
    return (_SizedEveryNth if hasattr(batches, "__len__") else _EveryNth)(batches, rank, world)


@dataclass(frozen=True)
class _EveryNth(Iterable[Any]):
    items: Iterable[Any]
    start: int
    step: int

    def __iter__(self) -> Iterator[Any]:
        return islice(self.items, self.start, None, self.step)


class _SizedEveryNth(_EveryNth):
    def __len__(self) -> int:
        return len(range(self.start, len(self.items), self.step))  # type: ignore[arg-type]


def _loader_of(loader: DataLoader[Any], batch_sampler: Iterable[list[Any]]) -> DataLoader[Any]:
    """Loader of other batches of the same data set."""
    same = ["num_workers", "collate_fn", "pin_memory", "timeout", "worker_init_fn", "multiprocessing_context"]
    same += ["generator", "prefetch_factor", "persistent_workers"]
    return DataLoader(loader.dataset, batch_sampler=batch_sampler, **{name: getattr(loader, name) for name in same})


def _place(rank: int | None, world: int | None) -> tuple[int, int]:
    """Rank and world as they are given, or of this process."""
    if (rank is None) != (world is None):
        raise InputError("rank and world, or neither", f"rank={rank}, world={world}", "Give both.")
    if rank is None or world is None:
        rank, world = _own_place()
    if world < 1 or not 0 <= rank < world:
        advice = "Ranks count from 0, and world is the number of parts."
        raise InputError(f"a rank in 0 .. {world - 1}" if world > 0 else "world >= 1", f"{rank} of {world}", advice)
    return rank, world


def _own_indices(dataset: Any) -> range | None:
    """Indices that :func:`shard` takes by itself in this process; None in a process alone."""
    rank, world = _own_place()
    return range(rank, len(dataset), world) if world > 1 else None


def _own_place() -> tuple[int, int]:
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    rank, world = (os.environ.get(name) for name in ("RANK", "WORLD_SIZE"))
    if rank is None and world is None:
        return 0, 1
    if not (rank and world and rank.isdecimal() and world.isdecimal()):
        advice = "Start the processes with torchrun, or give rank and world."
        raise InputError("numbers in RANK and WORLD_SIZE", f"RANK={rank}, WORLD_SIZE={world}", advice)
    return int(rank), int(world)
