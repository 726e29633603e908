"""What ranks of a gloo group send each other; in a module of its own so that a new process can load it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from agop.errors import InputError, RankError
from agop.ranks import Panels, Ranks, added_in_turn, require_same
from ranks.together import joined

WORLD = 3


@dataclass(frozen=True)
class Part:
    """A value with tensors of every kind."""

    name: str
    tensors: dict[str, Tensor]
    more: tuple[Tensor, ...] = ()


def part(rank):
    """The value of a rank."""
    x = torch.arange(6.0).reshape(2, 3) + rank
    tensors = {"float": x, "transposed": x.T.double(), "short": x.bfloat16(), "whole": x.long(), "truth": x > 3}
    return Part(f"part {rank}", tensors, (torch.tensor(rank), torch.zeros(0, 2), torch.ones(rank + 1)))


SYMMETRIC = torch.arange(11.0)[:, None] * torch.arange(11.0) + 1


def upper(panels):
    """Own rows of a symmetric matrix, known from the diagonal of each panel on."""
    own = SYMMETRIC[panels.own_rows].clone()
    for k, place in panels.own_slices.items():
        own[place, : panels.slices[k].start] = torch.nan
    return own


def exchange(rank: int, world: int, folder: str) -> None:
    """Exchange in every way, and save what came."""
    ranks, found = joined(rank, world, folder), {}
    found["outlines"] = [(other.name, other.tensors["short"].shape) for other in ranks.exchange(part(rank))]
    found["are meta"] = all(other.more[0].is_meta for other in ranks.exchange(part(rank)))
    found["sums"] = ranks.sum([torch.full((2, 2), rank + 0.5), torch.tensor(2**40 + rank), torch.tensor(rank > 0)])
    waits = [ranks.send(root, torch.full((2, 3), float(rank))) for root in range(world)]
    found["sent"] = [wait() for wait in waits]
    panels = Panels(11, 2, ranks)
    found["gathered"] = panels.gathered(10.0 * panels.own_rows[:, None])
    found["placed"] = panels.placed(torch.ones(len(panels.own_rows)))
    found["mirrored"] = panels.mirrored_(upper(panels))
    numbers = [(number, f"number {number}", torch.full((2,), 10.0 * number + rank)) for number in range(5)]
    found["added in turn"] = [(key, float(total.sum())) for key, total in added_in_turn(ranks, numbers)]
    found["same"] = [same_or_not(ranks, name, rank) for name in DIFFERING]
    shared = ranks.share({rank: part(rank)})
    found["shared"] = {key: (value.name, value.tensors, value.more) for key, value in shared.items()}
    done = []
    costs = {"a": 5.0, "b": 1.0, "c": 4.0, "d": 3.0, "e": 1.0}
    spread = ranks.spread(lambda key: (done.append(key), torch.tensor(ord(key)))[1], costs)
    found["spread"], found["done"] = spread, done
    found["errors"] = []
    for failing in (1, 2):
        try:
            with ranks.together():
                if rank == failing:
                    raise InputError("this", "that", "Do so.")
                ranks.exchange("before the end")
        except InputError as error:
            found["errors"].append((type(error) is RankError, str(error)))
    own = dist.new_group([0, 1])
    try:
        found["subgroup"] = ranks_of(own, rank)
    except InputError as error:
        found["subgroup"] = str(error)
    torch.save(found, Path(folder, f"rank{rank}.pt"))
    dist.destroy_process_group()


DIFFERING = {
    "nothing": lambda rank: {"depth": 3, "rows": torch.ones(3, 2)},
    "depth": lambda rank: {"depth": 3 + rank, "rows": torch.ones(3, 2)},
    "one entry": lambda rank: {"rows": torch.ones(3, 2).index_fill(0, torch.tensor(2), 1 + rank * 2e-7)},
    "order": lambda rank: {"rows": torch.arange(6.0).view(3, 2).roll(rank, 0)},
    "order of columns": lambda rank: {"rows": torch.arange(6.0).view(3, 2).roll(rank, 1)},
    "type": lambda rank: {"rows": torch.ones(3, dtype=torch.float64 if rank == 1 else torch.int64)},
}
"""Values of a rank that are the same on all ranks, or not."""


def same_or_not(ranks, name, rank):
    """What is said of these values."""
    try:
        require_same(ranks, DIFFERING[name](rank))
    except InputError as error:
        return str(error)
    return "the same"


def ranks_of(group, rank):
    """Sum, and what each rank shares, in a group of some ranks."""
    ranks = Ranks(group)
    return ranks.sum([torch.tensor(rank + 1)]), ranks.share({rank: torch.tensor(rank)})
