"""How long does Deep RFM take beside a textbook loop, and what does float32 save?

Metrics excluded, MNIST, depth 12, width 1024. The textbook loop works in one dtype throughout: distances from
``cdist``, an LU solve, the gradients of all outputs as one (n, C, d) tensor, ``eigh``. Same process, interleaved,
same random maps.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from benchmarks.measuring import interleaved, matmul_rate, peak_extra_memory, write
from torch import Tensor

from agop import ClassMoments, Laplace
from agop.collapse import nc1_trace_ratio
from agop.datasets import load, standardize, subset
from agop.deep_rfm import LayerSettings, ReLUFeatures, deep_rfm
from agop.rfm import Samples

DEPTH, WIDTH, BANDWIDTH, REPEATS = 12, 1024, 2.0, 3


def mnist(n: int) -> tuple[Tensor, Tensor]:
    folder = os.environ.get("AGOP_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
    data = subset(load("mnist", folder), n)
    return torch.from_numpy(standardize(data.train_inputs)[0]), torch.from_numpy(data.train_labels)


def ours(inputs: Tensor, targets: Tensor) -> Tensor:
    """Inputs of the last layer."""
    settings = LayerSettings(Laplace(BANDWIDTH), ReLUFeatures(WIDTH))
    for layer in deep_rfm(Samples.of(inputs, targets), settings, DEPTH):
        last = layer.inputs
    return last


def textbook(inputs: Tensor, targets: Tensor) -> Tensor:
    """Inputs of the last layer."""
    for layer in range(1, DEPTH + 1):
        inputs = inputs / inputs.norm(dim=1, keepdim=True)
        last = inputs
        distances = torch.cdist(inputs, inputs)
        gram = torch.exp(-distances / BANDWIDTH)
        coefficients = torch.linalg.solve(gram, targets)
        weights = torch.where(distances > 1e-10, -gram / (BANDWIDTH * distances), torch.zeros_like(gram))
        sums = weights @ coefficients
        products = weights @ (coefficients[:, :, None] * inputs[:, None]).flatten(1)
        gradients = sums[:, :, None] * inputs[:, None] - products.view(*sums.shape, -1)
        agop = gradients.flatten(0, 1).mT @ gradients.flatten(0, 1)
        eigenvalues, vectors = torch.linalg.eigh(agop / agop.max())
        root = (vectors * eigenvalues.clamp_min(0).sqrt()) @ vectors.mT
        random_map = ReLUFeatures(WIDTH).draw(inputs.shape[1], seed=0, layer=layer)
        inputs = random_map(inputs @ root)
    return last


def operations(n: int) -> float:
    """Floating-point operations of our products over pairs and features, 2 a multiply-add; decompositions left out."""
    per_layer = 0.0
    for d in [784] + [WIDTH] * (DEPTH - 1):
        distances, cholesky, weights, half = n * n * d / 2, n**3 / 6, n**3 / 2, n * n * d / 2 + n * d * d
        per_layer += 2 * (distances + cholesky + weights + half + d**3 + n * d * d + n * d * WIDTH)
    return per_layer


def compare(n: int, dtype: torch.dtype, rate: float) -> dict[str, Any]:
    inputs, labels = mnist(n)
    targets = 2 * torch.nn.functional.one_hot(labels) - 1
    arguments = inputs.to(dtype), targets.to(dtype)
    calls: dict[str, Callable[[], Tensor]] = {
        "agop": lambda: ours(*arguments),
        "textbook": lambda: textbook(*arguments),
    }
    nc1: dict[str, float] = {}

    def measured(name: str) -> None:
        nc1[name] = nc1_trace_ratio(ClassMoments.of(calls[name]().double(), labels, 10))

    memory = {name: peak_extra_memory(partial(measured, name)) for name in calls}
    seconds = interleaved(calls, REPEATS, warm_up=False)
    medians = {name: median(values) for name, values in seconds.items()}
    result = {
        "n": n,
        "dtype": str(dtype),
        "seconds": seconds,
        "extra_bytes": memory,
        "nc1_of_last_inputs": nc1,
        "speed_ratio": medians["textbook"] / medians["agop"],
        "share_of_matmul_rate": operations(n) / medians["agop"] / rate,
    }
    print({key: value for key, value in result.items() if key != "seconds"}, medians)
    return result


def main() -> None:
    rates = {dtype: matmul_rate(dtype) for dtype in (torch.float32, torch.float64)}
    results = [compare(n, dtype, rate) for n in (1000, 2000) for dtype, rate in rates.items()]
    exponents = {str(dtype): float(np.polyfit(*_log_times(results, str(dtype)), 1)[0]) for dtype in rates}
    write(
        "deep_rfm",
        {
            "matmul_flops": {str(dtype): rate for dtype, rate in rates.items()},
            "growth_exponent": exponents,
            "results": results,
        },
    )


def _log_times(results: list[dict[str, Any]], dtype: str) -> tuple[list[float], list[float]]:
    mine = [result for result in results if result["dtype"] == dtype]
    return [float(np.log(r["n"])) for r in mine], [float(np.log(median(r["seconds"]["agop"]))) for r in mine]


if __name__ == "__main__":
    main()
