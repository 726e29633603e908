"""What tests of processes that work together share: their group, what they save, and the end of a lost one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from agop.errors import AgopError
from agop.ranks import Ranks
from processes import exit_codes, start_ranks

TIMEOUT = 600.0
"""Seconds after which a rank that waits for another gives up: more than a test may take, so that none needs to."""


def joined(rank, world, folder):
    """Ranks of the gloo group of all processes that call this."""
    where, patience = f"file://{folder}/rendezvous", timedelta(seconds=TIMEOUT)
    dist.init_process_group("gloo", init_method=where, rank=rank, world_size=world, timeout=patience)
    return Ranks(dist.group.WORLD)


def fixture_of(work, *worlds):
    """Fixture of a module: the folder into which so many ranks have saved what ``work`` computes, and their number."""

    @pytest.fixture(scope="module", params=worlds, ids=lambda world: f"{world} ranks")
    def group(request, tmp_path_factory):
        folder = tmp_path_factory.mktemp(work.__name__)
        start_ranks(work, request.param, folder)
        return folder, request.param

    return group


def saved(group, name="rank"):
    """What each rank has saved under a name."""
    folder, world = group
    return [torch.load(folder / f"{name}{rank}.pt", weights_only=False) for rank in range(world)]


def note_end(rank, folder, call):
    """Save the message of the error of a call."""
    try:
        call()
    except AgopError as error:
        Path(folder, f"end{rank}.txt").write_text(f"{type(error).__name__}: {error}")


def assert_a_lost_rank_ends_the_others(work, folder):
    """Rank 1 of three that call ``work`` leaves with code 3: the others end with an error, before they give up."""
    assert exit_codes(work, 3, folder) == [0, 3, 0]
    for rank in (0, 2):
        message = (folder / f"end{rank}.txt").read_text()
        assert message.startswith("RankError: expected an answer of all ranks, got one that is gone or too slow (")
