"""Machine and versions that the numbers of a run come from."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import torch

from agop.runs.storage import JSON

__all__ = ["machine", "versions"]

_PACKAGES = ("agop", "torch", "numpy", "scipy", "scikit-learn")


def versions() -> dict[str, JSON]:
    """Return the versions of python, agop and the packages that its numbers come from; that of torch names its build.

    Examples
    --------
    >>> list(versions())
    ['python', 'agop', 'torch', 'numpy', 'scipy', 'scikit-learn']
    """
    found = {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}
    return {**found, "torch": str(torch.__version__)}


def machine() -> dict[str, JSON]:
    """Return the processor, cores, threads in use, memory in bytes and GPUs of this machine.

    Examples
    --------
    >>> list(machine())
    ['cpu', 'cores', 'threads', 'memory_bytes', 'gpus']
    """
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else None
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_bytes": pages,
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    """Name of the processor; Linux keeps it in /proc/cpuinfo."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
