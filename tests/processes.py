"""Processes of a test, copies of one that has loaded what takes seconds."""

from __future__ import annotations

import multiprocessing
import pickle
import time

import torch

from seeds.shift import set_shift, shift

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
    arguments = (shift(), pickle.dumps(work), n, str(folder))
    return torch.multiprocessing.start_processes(_work_with_shift, arguments, n, join, start_method="forkserver")


def _work_with_shift(rank, number, work, *arguments):
    """Draw as the process that starts this one: that of which it is a copy may have begun with another shift."""
    set_shift(number)
    pickle.loads(work)(rank, *arguments)  # noqa: S301 (our own bytes): its module may draw while it is imported


def exit_codes(work, n, folder):
    """Exit code of each of n such processes; a negative one of those that do not end, which are killed."""
    processes, end = start_ranks(work, n, folder, join=False).processes, time.monotonic() + SECONDS
    for process in processes:
        process.join(max(0, end - time.monotonic()))
        process.kill()
        process.join()
    return [process.exitcode for process in processes]
