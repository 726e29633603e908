"""Processes of a test that work together."""

from __future__ import annotations

import multiprocessing

import torch

__all__ = ["start_ranks"]


def start_ranks(work, n, folder, *, join=True):
    """Start n processes that each call work(rank, n, folder), and wait for them: an error in one raises here.

    They are copies of one that has loaded what takes seconds. ``work`` must be importable.
    """
    multiprocessing.set_forkserver_preload(["agop", "torch._dynamo"])
    return torch.multiprocessing.start_processes(work, (n, str(folder)), nprocs=n, join=join, start_method="forkserver")
