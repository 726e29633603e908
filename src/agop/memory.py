"""How much memory is free."""

from __future__ import annotations

import os

import torch

__all__ = ["available_memory"]


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
