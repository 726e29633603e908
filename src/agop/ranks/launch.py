"""Processes that torchrun started together."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist

__all__ = ["is_writer", "launched_group", "local_device"]

_ENVIRONMENT = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Variables of a process that ``torchrun`` started."""


@contextmanager
def launched_group(device: str) -> Iterator[dist.ProcessGroup | None]:
    """Context with the group of the processes that torchrun started; None where this process is alone.

    Tensors on the CPU go through gloo, those on a GPU through NCCL. A process that fails leaves the group as it is,
    since the others may wait in it: its exit makes torchrun end them.

    Examples
    --------
    >>> with launched_group("cpu") as group:
    ...     print(group)
    None
    """
    if not all(name in os.environ for name in _ENVIRONMENT):
        yield None
        return
    on_gpu = torch.device(local_device(device)).type == "cuda"
    if on_gpu:
        torch.cuda.set_device(local_device(device))
    dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
    yield dist.group.WORLD
    gc.collect()  # a group that something still holds would end its threads when the process exits, too late
    dist.barrier()
    dist.destroy_process_group()


def local_device(device: str) -> str:
    """Device of this process: "cuda" is the GPU of its number on the machine where torchrun started it.

    Examples
    --------
    >>> local_device("cpu"), local_device("cuda:1")
    ('cpu', 'cuda:1')
    """
    return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and "LOCAL_RANK" in os.environ else device


def is_writer(group: dist.ProcessGroup | None) -> bool:
    """Whether this process writes and prints: rank 0, or the only one.

    Examples
    --------
    >>> is_writer(None)
    True
    """
    return group is None or dist.get_rank(group) == 0
