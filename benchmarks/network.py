"""How fast is all that is measured of a network, beside the AGOPs of its layers alone by one vmap(jacrev) a layer?

Multi-layer perceptrons without biases, 10 outputs, batches of 500, float32. The peer takes the features at the input of
each layer and the Jacobian of the rest of the network there. Same process, interleaved.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
from benchmarks.measuring import interleaved, matmul_rate, peak_extra_memory, write
from torch import Tensor, nn
from torch.func import jacrev, vmap

import agop

CLASSES, BATCH, REPEATS = 10, 500, 5

SIZES = ((12, 256, 1000), (6, 512, 2000), (20, 512, 2000))
"""Layers, width and samples of each comparison."""

Batches = list[tuple[Tensor, Tensor]]


def perceptron(depth: int, width: int) -> nn.Sequential:
    torch.manual_seed(0)
    hidden = [nn.Sequential(nn.Linear(width, width, bias=False), nn.ReLU()) for _ in range(depth - 1)]
    return nn.Sequential(*hidden, nn.Linear(width, CLASSES, bias=False)).eval()


def batches(width: int, samples: int) -> Batches:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(samples) % CLASSES
    centers = torch.randn(CLASSES, width, generator=generator)
    inputs = centers[labels] + torch.randn(samples, width, generator=generator)
    return list(zip(torch.split(inputs, BATCH), torch.split(labels, BATCH), strict=True))


def layer_by_layer(model: nn.Sequential, loader: Batches) -> dict[str, Tensor]:
    found, (width, samples) = {}, (loader[0][0].shape[1], sum(len(labels) for _, labels in loader))
    for index in range(len(model)):
        total = torch.zeros(width, width, dtype=torch.float64)
        rest = vmap(jacrev(lambda h, start=index: model[start:](h)))
        for inputs, _ in loader:
            with torch.no_grad():
                jacobians = rest(model[:index](inputs)).flatten(0, 1)
                total += (jacobians.mT @ jacobians).double()
        found[f"{index}.0" if index + 1 < len(model) else str(index)] = total / samples
    return found


def operations(depth: int, width: int, samples: int) -> float:
    """Floating-point operations of the AGOPs alone, 2 a multiply-add: forward, and two products a layer and output."""
    return 2 * samples * width**2 * depth * (1 + 2 * CLASSES)


def compare(depth: int, width: int, samples: int, rate: float) -> dict[str, Any]:
    model, loader = perceptron(depth, width), batches(width, samples)
    calls: dict[str, Callable[[], object]] = {
        "agop": partial(agop.measure, model, loader, collapse=False),
        "measure": partial(agop.measure, model, loader),
        "jacrev": partial(layer_by_layer, model, loader),
    }
    record, theirs = agop.measure(model, loader), layer_by_layer(model, loader)
    ours = {name: layer.agop for name, layer in record.items() if layer.agop is not None}
    errors = [((ours[name] - theirs[name]).norm() / theirs[name].norm()).item() for name in theirs]
    memory = {name: peak_extra_memory(call) for name, call in calls.items()}
    seconds = interleaved(calls, REPEATS, warm_up=False)
    medians = {name: median(values) for name, values in seconds.items()}
    result = {
        "depth": depth,
        "width": width,
        "samples": samples,
        "seconds": seconds,
        "extra_bytes": memory,
        "largest_relative_difference": max(errors),
        "speed_ratio": {name: medians["jacrev"] / medians[name] for name in ("agop", "measure")},
        "memory_ratio": {name: memory[name] / memory["jacrev"] for name in ("agop", "measure")},
        "share_of_matmul_rate": operations(depth, width, samples) / medians["agop"] / rate,
    }
    print({key: value for key, value in result.items() if key != "seconds"}, medians)
    return result


def main() -> None:
    rate = matmul_rate(torch.float32)
    write("network", {"matmul_flops": rate, "results": [compare(*size, rate) for size in SIZES]})


if __name__ == "__main__":
    main()
