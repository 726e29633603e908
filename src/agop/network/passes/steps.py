"""Ranks that keep step: a pass of a model whose weights ``fully_shard`` has spread is a pass of all ranks."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch.distributed as dist
from torch import nn

from agop.errors import InputError, RankError
from agop.network.capture.weights import is_sharded
from agop.ranks import Ranks

__all__ = ["check_alone", "in_step", "one_pass"]

_NONE = object()


def check_alone(model: nn.Module, ranks: Ranks) -> None:
    """Raise if a process without a group is not alone, since it has a shard of the model; warn if it may not be.

    ``torch.distributed.group.WORLD`` is None before ``init_process_group``: where ``torchrun`` started several
    processes, each would silently measure its part of the data only.

    Raises
    ------
    InputError
        If the model is spread over several processes.
    """
    if ranks.group is not None or not dist.is_available():
        return
    if dist.is_initialized():
        if is_sharded(model) and dist.get_world_size() > 1:
            advice = "Pass group=torch.distributed.group.WORLD on all ranks."
            raise InputError("a process group for a sharded model, of which a pass is one of all ranks", "None", advice)
    elif (world := os.environ.get("WORLD_SIZE", "1")) != "1" and "RANK" in os.environ:
        warnings.warn(
            f"one of {world} processes measures its data alone, without a process group: call "
            "torch.distributed.init_process_group() first, then pass group=torch.distributed.group.WORLD",
            stacklevel=4,
        )


def in_step(loader: Iterable[Any], ranks: Ranks, is_enough: Callable[[], bool]) -> Iterator[tuple[Any, bool]]:
    """Batches of this rank, and whether they count: one that has no more repeats its last until no rank has more.

    Parameters
    ----------
    loader
        Batches of this rank.
    ranks
        Processes that must make equally many passes.
    is_enough
        Whether the rest of the batches is not wanted.

    Raises
    ------
    InputError
        On all ranks, before the first pass, if some have no batch at all.
    """
    batches, last = iter(loader), None
    for number in itertools.count():
        data = _NONE if is_enough() else next(batches, _NONE)
        counts = data is not _NONE
        found = ranks.exchange(counts)
        if not any(found):
            return
        if number == 0 and not all(found):
            got = f"none on rank {found.index(False)}"
            raise InputError("a batch on each rank, since the model is sharded", got, "Give each some samples.")
        last = data if counts else last
        del data
        yield last, counts
        last = last if ranks.world > 1 else None


@contextmanager
def one_pass(ranks: Ranks) -> Iterator[None]:
    """Context of a pass through the model that all ranks make together.

    Raises
    ------
    RankError
        If there is an error in it and other ranks: they may wait in the middle of the pass, where they cannot be told,
        until this process ends.
    """
    try:
        yield
    except Exception as error:
        if ranks.world == 1:
            raise
        got = f"{type(error).__name__} on rank {ranks.rank} ({error})"
        raise RankError("a pass of the sharded model on all ranks", got, "See what the others say.") from error
