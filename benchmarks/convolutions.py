"""How many forward passes does it take to measure a small convolutional network, exactly, and by how many at least?

Three 3 x 3 convolutions of 16, 32 and 64 channels on images 3 x 32 x 32, pooled, and 10 outputs; 512 samples in batches
of 64, float32, one thread. The floor is a forward pass without a graph, one with it, and a backward pass an output.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median

import torch
from benchmarks.measuring import interleaved, write
from torch import Tensor, nn

import agop

CLASSES, SAMPLES, BATCH, REPEATS = 10, 512, 64, 7

Batches = list[tuple[Tensor, Tensor]]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    first = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    second = [nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    third = [nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*first, *second, *third, nn.Flatten(), nn.Linear(64, CLASSES)).eval()


def batches() -> Batches:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(SAMPLES) % CLASSES
    centers = torch.randn(CLASSES, 3, 32, 32, generator=generator)
    images = centers[labels] + torch.randn(SAMPLES, 3, 32, 32, generator=generator)
    return list(zip(torch.split(images, BATCH), torch.split(labels, BATCH), strict=True))


@torch.no_grad()
def forward(model: nn.Sequential, loader: Batches) -> None:
    for images, _ in loader:
        model(images)


def backward(model: nn.Sequential, loader: Batches) -> None:
    """Forward, and the gradient of each output at the output of the first convolution by itself."""
    for images, _ in loader:
        first = model[0](images).detach().requires_grad_()
        outputs = model[1:](first)
        for output in range(CLASSES):
            torch.autograd.grad(outputs[:, output].sum(), first, retain_graph=True)


def main() -> None:
    torch.set_num_threads(1)
    model, loader = network().requires_grad_(False), batches()
    calls: dict[str, Callable[[], object]] = {
        "forward": partial(forward, model, loader),
        "backward": partial(backward, model, loader),
        "agop": partial(agop.measure, model, loader, collapse=False),
        "agop, 1 random direction": partial(agop.measure, model, loader, collapse=False, outputs=agop.Rademacher(1)),
        "measure": partial(agop.measure, model, loader),
    }
    seconds = interleaved(calls, REPEATS)
    medians = {name: median(values) for name, values in seconds.items()}
    passes = {name: value / medians["forward"] for name, value in medians.items()}
    passes["floor"] = passes["backward"] + 1
    print(passes)
    write("convolutions", {"seconds": seconds, "forward_passes": passes})


if __name__ == "__main__":
    main()
