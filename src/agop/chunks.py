"""Rows that fit a memory budget, and memory that is free."""

from __future__ import annotations

import os
from collections.abc import Iterator

import torch

__all__ = ["BLOCK", "DEFAULT_CHUNK_BYTES", "available_memory", "blocks", "row_chunks"]

DEFAULT_CHUNK_BYTES = 64 * 2**20
"""Temporary memory of one chunk where nobody asked for another: large enough for fast matrix products."""

BLOCK = 500
"""Rows and columns of a block of a matrix over pairs: enough for fast products, few enough for the cache.

No power of two: entries of a column would share few lines of a cache, and a transpose takes three times as long.
"""


def blocks(n: int, size: int = BLOCK) -> list[slice]:
    """Cut ``range(n)`` into consecutive slices of ``size``, the last one shorter.

    Examples
    --------
    >>> blocks(5, size=2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def row_chunks(n_rows: int, bytes_per_row: int, max_bytes: int | None = None) -> Iterator[slice]:
    """Cut ``range(n_rows)`` into consecutive slices whose temporaries fit ``max_bytes``.

    Parameters
    ----------
    n_rows
        Number of rows to cover; zero gives no slice.
    bytes_per_row
        Temporary memory that one row needs.
    max_bytes
        Memory for one chunk in bytes, ``DEFAULT_CHUNK_BYTES`` if None. A chunk has at least one row.

    Examples
    --------
    >>> list(row_chunks(5, bytes_per_row=8, max_bytes=16))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    budget = DEFAULT_CHUNK_BYTES if max_bytes is None else max_bytes
    step = max(1, budget // max(1, bytes_per_row))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def available_memory(device: torch.device) -> int:
    """Bytes that are free on a device; on the CPU what the system reports, 4 GiB where it reports nothing.

    Examples
    --------
    >>> available_memory(torch.device("cpu")) > 0
    True
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows, macOS
        return 4 * 2**30
