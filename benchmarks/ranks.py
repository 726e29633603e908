"""How much faster do two ranks measure a network than one, and what do they send?

Multi-layer perceptron of 12 layers without biases, 512 wide, 10 outputs, batches of 500, float32, every output
differentiated, two passes. One rank has all samples or two have half of the batches each, in turns and in the same
processes, of one thread each; the best of five turns counts, since neighbors on the machine take cores from two ranks
sooner than from one. Seconds at two sizes of the data tell what a sample takes, and what does not grow with
the data: the decompositions of a layer, and the exchange.
"""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
from benchmarks.measuring import matmul_rate, start_ranks, write
from torch import nn

import agop

WIDTH, DEPTH, CLASSES, BATCH, REPEATS = 512, 12, 10, 500, 5
SIZES = (2000, 8000)
WORLD = 2


def perceptron() -> nn.Sequential:
    torch.manual_seed(0)
    hidden = [nn.Sequential(nn.Linear(WIDTH, WIDTH, bias=False), nn.ReLU()) for _ in range(DEPTH - 1)]
    return nn.Sequential(*hidden, nn.Linear(WIDTH, CLASSES, bias=False)).eval()


def batches(n: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % CLASSES
    centers = torch.randn(CLASSES, WIDTH, generator=generator)
    inputs = centers[labels] + torch.randn(n, WIDTH, generator=generator)
    return list(zip(torch.split(inputs, BATCH), torch.split(labels, BATCH), strict=True))


@contextmanager
def counted() -> Iterator[dict[str, int]]:
    """Bytes of the messages of this rank by kind: added up for all or one, broadcast by any rank, and outlines."""
    found = {"summed": 0, "summed_at_one": 0, "broadcast": 0, "outlines": 0}
    all_reduce, reduce, broadcast, gather = dist.all_reduce, dist.reduce, dist.broadcast, dist.all_gather_object

    def sums(tensor: torch.Tensor, **options: Any) -> Any:
        found["summed"] += tensor.nbytes
        return all_reduce(tensor, **options)

    def sums_at_one(tensor: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        found["summed_at_one"] += tensor.nbytes
        return reduce(tensor, *arguments, **options)

    def broadcasts(tensor: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        found["broadcast"] += tensor.nbytes
        return broadcast(tensor, *arguments, **options)

    def gathers(parts: list[Any], own: Any, **options: Any) -> None:
        found["outlines"] += len(pickle.dumps(own))
        gather(parts, own, **options)

    with (
        mock.patch.object(dist, "all_reduce", sums),
        mock.patch.object(dist, "reduce", sums_at_one),
        mock.patch.object(dist, "broadcast", broadcasts),
        mock.patch.object(dist, "all_gather_object", gathers),
    ):
        yield found


def timed(call: Callable[[], object]) -> float:
    """Seconds of a call that all ranks begin together, until the last has ended it."""
    dist.barrier()
    start = time.perf_counter()
    call()
    dist.barrier()
    return time.perf_counter() - start


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=WORLD)
    model, group, rate = perceptron(), dist.group.WORLD, 0.0
    data = {n: batches(n) for n in SIZES}
    if rank == 0:
        rate = matmul_rate(torch.float32)
    seconds: dict[str, list[float]] = {f"{ranks}, {n}": [] for ranks in (1, WORLD) for n in SIZES}
    for repeat in range(REPEATS + 1):  # the first one is not counted
        for n in SIZES:
            one = timed(lambda n=n: rank == 0 and agop.measure(model, data[n]))  # type: ignore[misc]
            both = timed(lambda n=n: agop.measure(model, data[n][rank::WORLD], group=group))  # type: ignore[misc]
            if repeat:
                seconds[f"1, {n}"].append(one)
                seconds[f"{WORLD}, {n}"].append(both)
    with counted() as sent:
        agop.measure(model, data[SIZES[0]][rank::WORLD], group=group)
    dist.destroy_process_group()
    if rank == 0:
        write("ranks", summary(seconds, sent, rate))


def summary(seconds: dict[str, list[float]], sent: dict[str, int], rate: float) -> dict[str, Any]:
    small, large = SIZES
    best = {name: min(values) for name, values in seconds.items()}
    a_sample = {
        ranks: (best[f"{ranks}, {large}"] - best[f"{ranks}, {small}"]) / (large - small) for ranks in (1, WORLD)
    }
    rest = {ranks: best[f"{ranks}, {small}"] - small * a_sample[ranks] for ranks in a_sample}
    forward = 2 * WIDTH**2 * (DEPTH - 1) + 2 * WIDTH * CLASSES
    found = {
        "width": WIDTH,
        "depth": DEPTH,
        "seconds": seconds,
        "speed_up": {str(n): best[f"1, {n}"] / best[f"{WORLD}, {n}"] for n in SIZES},
        "seconds_a_sample": a_sample,
        "seconds_without_data": rest,
        "bytes_a_rank": sent,
        "matmul_flops": rate,
        "forward_passes_a_sample": a_sample[1] * rate / forward,
    }
    print({name: value for name, value in found.items() if name != "seconds"}, best)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        start_ranks(work, WORLD, folder)


if __name__ == "__main__":
    main()
