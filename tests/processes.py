"""Processes of a test, copies of one that has loaded what takes seconds."""

from __future__ import annotations

import multiprocessing
import time

import torch

__all__ = ["exit_codes", "start", "start_ranks"]

SECONDS = 180
"""Time after which processes that should have ended are killed; it is far from what a loaded machine takes."""


def _loaded():
    """How processes start: as copies of one that has loaded what takes seconds."""
    multiprocessing.set_forkserver_preload(["agop.reports", "torch._dynamo"])
    return multiprocessing.get_context("forkserver")


def start(work, *arguments):
    """Start a process that calls an importable function of one thread; the process, and the time when it begins."""
    context = _loaded()
    begins, says = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(says, work, *arguments))
    process.start()
    begins.recv()
    return process, time.monotonic()


def _work(begins, work, *arguments):
    torch.set_num_threads(1)
    begins.send(None)
    work(*arguments)


def start_ranks(work, n, folder, *, join=True):
    """Start n processes that each call work(rank, n, folder), and wait for them: an error in one raises here.

    ``work`` must be importable.
    """
    _loaded()
    return torch.multiprocessing.start_processes(work, (n, str(folder)), nprocs=n, join=join, start_method="forkserver")


def exit_codes(work, n, folder):
    """Exit code of each of n such processes; a negative one of those that do not end, which are killed."""
    processes, end = start_ranks(work, n, folder, join=False).processes, time.monotonic() + SECONDS
    for process in processes:
        process.join(max(0, end - time.monotonic()))
        process.kill()
        process.join()
    return [process.exitcode for process in processes]
