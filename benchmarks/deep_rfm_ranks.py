"""How much faster do two ranks take layers of Deep RFM than one, what do they send, and are the records the same?

Rows of ten overlapping classes in 784 features, float64, Laplace kernel of bandwidth 2, ridge 0, ReLU features of width
1,024; three layers with their records, one from 20,000 rows on. One rank, without a process group, and two, in turns
and in the same processes, of one thread each. Neighbors on the machine take cores from two ranks sooner than from one:
so the best turn counts, and processor seconds, of the rank that took more, stand beside the seconds that passed. Below
20,000 rows both processes also take all layers by themselves at the same time: twice one rank's processor seconds over
theirs is what two cores with one memory allow.

    python -m benchmarks.deep_rfm_ranks [rows ...]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from benchmarks.measuring import peak_extra_memory, start_ranks, with_other_sizes, write
from benchmarks.ranks import counted, timed

from agop.deep_rfm import DeepRFMRecord, LayerSettings, ReLUFeatures, deep_rfm, deep_rfm_records
from agop.kernels import Laplace
from agop.rfm import Samples

CLASSES, FEATURES, WIDTH, WORLD = 10, 784, 1024, 2
SIZES = (2500, 5000, 10_000)
LARGE = 20_000
REPEATS = 3
ONE, SHARED, INDEPENDENT = "one rank", "two ranks", "two processes"


def depth(n: int) -> int:
    return 3 if n < LARGE else 1


def samples(n: int) -> tuple[Samples, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % CLASSES
    centers = torch.randn(CLASSES, FEATURES, generator=generator, dtype=torch.float64)
    inputs = 0.25 * centers[labels] + torch.randn(n, FEATURES, generator=generator, dtype=torch.float64)
    return Samples.of(inputs, 2 * torch.nn.functional.one_hot(labels).double() - 1), labels


def records(n: int, group: dist.ProcessGroup | None) -> list[DeepRFMRecord]:
    data, labels = samples(n)
    layers = deep_rfm(data, LayerSettings(Laplace(2.0), ReLUFeatures(WIDTH)), depth(n), group=group)
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


def measured(call: Callable[[], object]) -> dict[str, float]:
    """Seconds that pass, and processor seconds and extra bytes of the rank that takes most."""
    start, seconds = time.process_time(), list[float]()
    own_bytes = peak_extra_memory(lambda: seconds.append(timed(call)))
    most = torch.tensor([time.process_time() - start, own_bytes], dtype=torch.float64)
    dist.all_reduce(most, dist.ReduceOp.MAX)
    return {"seconds": seconds[0], "processor_seconds": most[0].item(), "extra_bytes": most[1].item()}


def compare(rank: int, n: int) -> dict[str, Any]:
    found: dict[str, list[DeepRFMRecord]] = {}
    sent: dict[str, int] = {}

    def run(who: str) -> None:
        with counted() as messages:
            if rank == 0 or who != ONE:
                found[who] = records(n, dist.group.WORLD if who == SHARED else None)
        if who == SHARED:
            sent.update(messages)

    turns: dict[str, list[dict[str, float]]] = {who: [] for who in (ONE, SHARED, INDEPENDENT)[: 3 if n < LARGE else 2]}
    for _ in range(REPEATS if n < SIZES[1] else 1):
        for who, own in turns.items():
            own.append(measured(partial(run, who)))
            if rank == 0:
                print(n, who, own[-1], flush=True)

    def ratio(what: str, who: str = SHARED) -> float:
        one, both = (min(turn[what] for turn in turns[each]) for each in (ONE, who))
        return one / both

    return {
        "n": n,
        "depth": depth(n),
        "turns": turns,
        "speed_up": ratio("seconds"),
        "processor_speed_up": ratio("processor_seconds"),
        "processor_speed_up_of_two_processes": WORLD * ratio("processor_seconds", INDEPENDENT) if n < LARGE else None,
        "memory_ratio": ratio("extra_bytes"),
        "bytes_sent_to_a_rank_and_layer": {kind: sent_bytes / depth(n) for kind, sent_bytes in sent.items()},
        "largest_relative_difference": difference(found[SHARED], found[ONE]) if rank == 0 else None,
    }


def work(rank: int, folder: str, sizes: list[int]) -> None:
    torch.set_num_threads(1)
    place, patience = f"file://{folder}/rendezvous", timedelta(hours=4)
    dist.init_process_group("gloo", init_method=place, rank=rank, world_size=WORLD, timeout=patience)
    results = [compare(rank, n) for n in sizes]
    dist.destroy_process_group()
    if rank == 0:
        write("deep_rfm_ranks", {"width": WIDTH, "results": with_other_sizes("deep_rfm_ranks", results)})
        print(*results, sep="\n")


def main() -> None:
    sizes = [int(n) for n in sys.argv[1:]] or list(SIZES)
    with tempfile.TemporaryDirectory() as folder:
        start_ranks(work, WORLD, folder, sizes)


if __name__ == "__main__":
    main()
