"""Ranks that keep step: a pass of a model whose weights ``fully_shard`` has spread is a pass of all ranks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agop.errors import InputError
from agop.network.passes.batches import Batch
from agop.ranks import Ranks

__all__ = ["check_in_step", "in_step"]


def in_step(loader: Iterable[Any], ranks: Ranks) -> Iterator[Any]:
    """Batches of this rank, as long as all ranks have one.

    Raises
    ------
    InputError
        On all ranks, if one of them has fewer than another.
    """
    for data in loader:
        if not all(ranks.exchange(True)):
            break
        yield data
    else:
        if not any(ranks.exchange(False)):
            return
    raise InputError(
        "as many batches on all ranks, since the model is sharded", "fewer on one of them", "Split the data evenly."
    )


def check_in_step(batch: Batch, ranks: Ranks) -> None:
    """Raise on all ranks unless each has a sample that counts in a batch of the same size."""
    found = ranks.exchange((batch.size, batch.n_samples > 0))
    if len(set(found)) > 1 or not found[0][1]:
        got = ", ".join(f"{size}" if counts else f"{size} of which none counts" for size, counts in found)
        advice = "Give each rank the same number of samples a batch."
        raise InputError("batches of one size on all ranks, since the model is sharded", got, advice)
