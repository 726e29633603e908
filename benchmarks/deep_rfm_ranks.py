"""How much faster do two ranks take layers of Deep RFM than one, what do they send, and are the records the same?

Rows of ten overlapping classes in 784 features, float64, Laplace kernel of bandwidth 2, ridge 0, ReLU features of width
1,024; layers with their records. One rank, without a process group, and two, in turns and in the same processes, of one
thread each. Neighbors on the machine take cores from two ranks sooner than from one: so the best turn counts, and
processor seconds, of the rank that took more, stand beside the seconds that passed.

    python -m benchmarks.deep_rfm_ranks [rows ...]
"""

from __future__ import annotations

import sys
import tempfile
import time
from multiprocessing import get_context
from typing import Any

import torch
import torch.distributed as dist
from benchmarks.measuring import write
from benchmarks.ranks import counted, timed

from agop.deep_rfm import DeepRFMRecord, LayerSettings, ReLUFeatures, deep_rfm, deep_rfm_records
from agop.kernels import Laplace
from agop.rfm import Samples

CLASSES, FEATURES, WIDTH, DEPTH, WORLD = 10, 784, 1024, 3, 2
SIZES = (2500, 5000, 10_000)
REPEATS = 3


def samples(n: int) -> tuple[Samples, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % CLASSES
    centers = torch.randn(CLASSES, FEATURES, generator=generator, dtype=torch.float64)
    inputs = 0.25 * centers[labels] + torch.randn(n, FEATURES, generator=generator, dtype=torch.float64)
    return Samples.of(inputs, 2 * torch.nn.functional.one_hot(labels).double() - 1), labels


def records(n: int, group: dist.ProcessGroup | None) -> list[DeepRFMRecord]:
    data, labels = samples(n)
    layers = deep_rfm(data, LayerSettings(Laplace(2.0), ReLUFeatures(WIDTH)), DEPTH, group=group)
    return [record for _, record in deep_rfm_records(layers, labels, CLASSES)]


def difference(found: list[DeepRFMRecord], expected: list[DeepRFMRecord]) -> float:
    """Largest relative difference of a number in the lines of the records."""
    pairs = [
        (line[name], other[name])
        for one, two in zip(found, expected, strict=True)
        for line, other in zip(one.lines(), two.lines(), strict=True)
        for name in line
        if isinstance(line[name], float)
    ]
    return float(max(abs(one - two) / max(abs(two), 1e-300) for one, two in pairs))


def work(rank: int, folder: str, sizes: list[int]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=WORLD)
    results = []
    for n in sizes:
        seconds: dict[str, list[float]] = {"1": [], str(WORLD): []}
        processor: dict[str, list[float]] = {which: [] for which in seconds}
        found: dict[str, list[DeepRFMRecord]] = {}

        def run(which: str, n: int = n, found: dict[str, list[DeepRFMRecord]] = found) -> None:
            if which == "1" and rank > 0:
                return
            found[which] = records(n, None if which == "1" else dist.group.WORLD)

        for _ in range(REPEATS if n < 4000 else 1):
            for which in seconds:
                start = time.process_time()
                seconds[which].append(timed(lambda which=which: run(which)))  # type: ignore[misc]
                own = torch.tensor(time.process_time() - start)
                dist.all_reduce(own, dist.ReduceOp.MAX)
                processor[which].append(own.item())
        with counted() as sent:
            layers = deep_rfm(
                samples(n)[0], LayerSettings(Laplace(2.0), ReLUFeatures(WIDTH)), 1, group=dist.group.WORLD
            )
            next(layers)
        result: dict[str, Any] = {
            "n": n,
            "seconds": seconds,
            "processor_seconds": processor,
            "speed_up": min(seconds["1"]) / min(seconds[str(WORLD)]),
            "processor_speed_up": min(processor["1"]) / min(processor[str(WORLD)]),
            "bytes_a_rank_and_layer": sent,
        }
        if rank == 0:
            result["largest_relative_difference"] = difference(found[str(WORLD)], found["1"])
            print(result, flush=True)
        results.append(result)
    dist.destroy_process_group()
    if rank == 0:
        write("deep_rfm_ranks", {"width": WIDTH, "depth": DEPTH, "results": results})


def main() -> None:
    sizes = [int(n) for n in sys.argv[1:]] or list(SIZES)
    with tempfile.TemporaryDirectory() as folder:
        processes = [get_context("spawn").Process(target=work, args=(rank, folder, sizes)) for rank in range(WORLD)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()


if __name__ == "__main__":
    main()
