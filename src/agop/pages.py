"""Memory for large matrices."""

from __future__ import annotations

import mmap
from contextlib import suppress

import torch
from torch import Tensor

__all__ = ["empty_matrix"]

_LARGE = 32 * 2**20
"""Bytes from which on memory is asked of the system anew each time, page by page."""


def empty_matrix(like: Tensor, n_rows: int, n_columns: int) -> Tensor:
    """Matrix (n, m) with the dtype and device of another tensor, whose entries are not set.

    A large one is on large pages where the system has them: a matrix over pairs is filled and factorized in less time
    than on pages of 4 KiB, each of which the system makes when it is first written to.

    References
    ----------
    Linux, Documentation/admin-guide/mm/transhuge.

    Examples
    --------
    >>> empty_matrix(torch.zeros(1), 2, 3).shape
    torch.Size([2, 3])
    """
    size = n_rows * n_columns * like.element_size()
    if like.device.type != "cpu" or size < _LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return like.new_empty(n_rows, n_columns)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a system without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=like.dtype).view(n_rows, n_columns)
