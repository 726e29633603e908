"""What every benchmark shares: the machine, interleaved timing, peak memory, one JSON file a question.

Run a benchmark from the repository root, for example ``python -m benchmarks.collapse_measures``.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy
import torch

__all__ = [
    "RESULTS",
    "interleaved",
    "machine",
    "matmul_rate",
    "peak_extra_memory",
    "start_ranks",
    "status_bytes",
    "with_other_sizes",
    "write",
]

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Describe the processor, its memory and the versions that decide a timing."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    names = [line.split(":", 1)[1].strip() for line in cpuinfo.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "numpy": numpy.__version__,
        "load_average": os.getloadavg()[0],
    }


def start_ranks(work: Callable[..., object], world: int, *arguments: object) -> None:
    """Call ``work(rank, *arguments)`` in as many fresh processes, and wait for them."""
    processes = [get_context("spawn").Process(target=work, args=(rank, *arguments)) for rank in range(world)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def matmul_rate(dtype: torch.dtype, size: int = 2048, repeats: int = 5) -> float:
    """Best rate of a square matrix product in floating-point operations (2 a multiply-add) per second."""
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(size, size, generator=generator, dtype=torch.float64).to(dtype)
    b = torch.randn(size, size, generator=generator, dtype=torch.float64).to(dtype)
    seconds = interleaved({"product": lambda: a @ b}, repeats)["product"]
    return 2 * size**3 / min(seconds)


def interleaved(
    named_callables: Mapping[str, Callable[[], object]], repeats: int, *, warm_up: bool = True
) -> dict[str, list[float]]:
    """Seconds of each call, taken in turns so that a busy spell of the machine falls on all alike.

    One untimed round comes first unless ``warm_up`` is False.
    """
    seconds: dict[str, list[float]] = {name: [] for name in named_callables}
    if warm_up:
        for call in named_callables.values():
            call()
    for _ in range(repeats):
        for name, call in named_callables.items():
            gc.collect()
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def peak_extra_memory(call: Callable[[], object]) -> int:
    """Bytes by which the resident memory of this process rises above its start during ``call`` (Linux).

    The kernel keeps the high-water mark, so that no short peak is missed. Free memory that the allocator
    still holds is given back first. Call it once before on a small problem, so that libraries are loaded.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    before = status_bytes("VmRSS")
    call()
    return max(0, status_bytes("VmHWM") - before)


def write(name: str, payload: Mapping[str, Any]) -> Path:
    """Write ``payload`` beside the machine's description to ``results/<name>.json``."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    temporary = path.with_suffix(".json.tmp")
    temporary.write_text(json.dumps({"machine": machine(), **payload}, indent=1) + "\n")
    temporary.replace(path)
    return path


def with_other_sizes(name: str, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results, each with its size "n", and those of other sizes in ``results/<name>.json``, in the order of sizes."""
    path = RESULTS / f"{name}.json"
    before = json.loads(path.read_text())["results"] if path.exists() else []
    by_size = {result["n"]: result for result in [*before, *results]}
    return [by_size[n] for n in sorted(by_size)]


def status_bytes(field: str) -> int:
    """Bytes of memory of this process under a name in ``/proc/self/status``, such as its peak "VmHWM" (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{field} is missing in /proc/self/status: peak memory needs Linux")
