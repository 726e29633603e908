"""Convolutional RFM: are its kernels those of wide networks, its filters those of trained ones, and what does it take?

``widths``: kernels of three images of 6 x 6 pixels against networks of 4,096 features a layer, with the standard error
of their mean. ``signals``: images of noise, 12 x 12, with one of two edges of 3 x 3 pixels at a random place; test
accuracy after each update, five seeds. ``networks``: 1,000 images averaged to 16 x 16 pixels, a network of two
convolutions of 32 features trained on them by Adam, and the metric learned from them; correlations over the entries of
the metric, the network's patch AGOP and its W^T W, three seeds. ``time``: processor seconds of an update on 1,000
images of 14 x 14 pixels. ``deep``: NC1 of deep convolutional RFM on digits at three stages of each layer, with and
without pooling, beside its control. ``patches``: the same on digits averaged to 4 x 4 pixels with patches from one
pixel to 7 x 7, which see the whole image at each position, and with the image as one patch at one position, as many
features.

    AGOP_DATA=... python -m benchmarks.conv_rfm [question ...]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from benchmarks.measuring import RESULTS, matmul_rate, write
from numpy.typing import NDArray
from torch import Tensor, nn

from agop import datasets, measure
from agop.conv_rfm import (
    ConvLayerSettings,
    ConvNNGP,
    ConvNTK,
    IterateSettings,
    PatchKernel,
    PatchLaplace,
    conv_layer_records,
    conv_rfm,
    deep_conv_rfm,
    patch_kernel_matrix,
)
from agop.conv_rfm.run import shrunk
from agop.linalg import psd_power
from agop.rfm import Samples
from agop.runs import SeedSummary

WIDTH, NETWORKS = 4096, 12
EDGES = 1.5 * np.array([[[1, 1, 1], [-1, -1, -1], [0, 0, 0]], [[1, -1, 0], [1, -1, 0], [1, -1, 0]]])
UPDATES = 4
FEATURES, EPOCHS = 32, 40


class Answers:
    """What is known, by question: each answer is written as it comes, and kept where the file has it."""

    def __init__(self) -> None:
        path = RESULTS / "conv_rfm.json"
        self.known = json.loads(path.read_text()) if path.exists() else {}

    def of(self, question: str, find: Callable[[], Any]) -> Any:
        """Answer that the file has, or else the one that is found now."""
        if question not in self.known:
            self.known[question] = find()
            self.known.pop("machine", None)
            write("conv_rfm", self.known)
            print(question, json.dumps(self.known[question]), flush=True)
        return self.known[question]


def random_network(images: Tensor, root: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Gram matrices of the features and of the gradients of one network of two convolutions."""
    weights = [torch.randn(WIDTH, len(root), generator=generator), torch.randn(WIDTH, 9 * WIDTH, generator=generator)]
    inputs, slopes, planes = [], [], images
    for weight, maps in zip(weights, (root, None), strict=True):
        patches = torch.nn.functional.unfold(planes, 3, padding=1)  # (n, r, p)
        patches = (patches if maps is None else (maps @ patches)) * (2 / weight.shape[1]) ** 0.5
        sums = weight @ patches
        inputs.append(patches)
        slopes.append((sums > 0).float())
        planes = sums.relu().reshape(len(images), WIDTH, *images.shape[2:])
    n_positions = planes[0, 0].numel()
    features = planes.flatten(1)
    nngp = features @ features.mT / (WIDTH * n_positions)
    read_out = torch.randn(WIDTH, n_positions, generator=generator) / (WIDTH * n_positions) ** 0.5
    after = read_out * slopes[1]
    spread = torch.nn.functional.fold(weights[1].mT @ after, images.shape[2:], 3, padding=1).flatten(2)
    before = spread * (2 / weights[1].shape[1]) ** 0.5 * slopes[0]
    gradients = sum(
        torch.einsum("ikp,jkq,irp,jrq->ij", delta, delta, patches, patches)
        for delta, patches in zip((before, after), inputs, strict=True)
    )
    return nngp, nngp + gradients


def widths() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, 2, 6, 6, generator=generator)
    factor = torch.randn(18, 18, generator=generator)
    root = psd_power(factor @ factor.mT / 18, 0.5)
    found = [torch.stack(random_network(images, root, generator)) for _ in range(NETWORKS)]
    mean, error = torch.stack(found).mean(0), torch.stack(found).std(0) / NETWORKS**0.5
    result: dict[str, Any] = {"width": WIDTH, "networks": NETWORKS}
    for index, (name, kernel) in enumerate((("nngp", ConvNNGP()), ("ntk", ConvNTK()))):
        gram = patch_kernel_matrix(kernel, images, root)
        result[name] = {
            "kernel": gram.tolist(),
            "networks": mean[index].tolist(),
            "standard_error": error[index].tolist(),
            "largest_deviation_in_errors": float(((gram - mean[index]).abs() / error[index]).max()),
        }
    return result


def noise_with_an_edge(n: int, rng: np.random.Generator) -> tuple[Tensor, NDArray[np.int64]]:
    images, labels = rng.standard_normal((n, 1, 12, 12)), rng.integers(0, 2, n)
    for image, label, (row, column) in zip(images, labels, rng.integers(0, 9, (n, 2)), strict=True):
        image[0, row : row + 3, column : column + 3] += EDGES[label]
    return torch.from_numpy(images).float(), labels


def courses(
    kernel: PatchKernel,
    power: float,
    train: tuple[Tensor, NDArray[np.int64]],
    test: tuple[Tensor, NDArray[np.int64]],
) -> list[float]:
    """Test accuracy after each update."""
    (images, labels), (new, truth) = train, test
    targets = 2 * torch.eye(int(labels.max()) + 1)[torch.from_numpy(labels)] - 1
    shape = (images.shape[1], images.shape[2], images.shape[3])
    steps = conv_rfm(Samples.of(images.flatten(1), targets), shape, IterateSettings(kernel, 1e-3, power), UPDATES)
    return [float((step.machine(new).argmax(1).numpy() == truth).mean()) for step in steps]


def signals(answers: Answers) -> None:
    settings: dict[str, tuple[PatchKernel, float]] = {
        "ntk, depth 2": (ConvNTK(2), 1.0),
        "ntk, depth 2, root": (ConvNTK(2), 0.5),
        "nngp, depth 2": (ConvNNGP(2), 1.0),
        "laplace": (PatchLaplace(1.0), 1.0),
    }
    for name, (kernel, power) in settings.items():
        found = []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            train, test = noise_with_an_edge(1000, rng), noise_with_an_edge(2000, rng)
            found.append(answers.of(f"signals/{name}/{seed}", partial(courses, kernel, power, train, test)))
        summaries = [SeedSummary.of(column, log=False) for column in zip(*found, strict=True)]
        gain = SeedSummary.of([course[-1] - course[0] for course in found], log=False)
        means = [[each.low, each.mean, each.high] for each in summaries]
        answers.of(f"signals/{name}", partial(dict, {"low, mean, high": means, "gain": vars(gain)}))


def trained(images: Tensor, targets: Tensor, seed: int) -> tuple[nn.Sequential, nn.Sequential]:
    """A network of two convolutions without biases before and after training."""
    torch.manual_seed(seed)

    def network() -> nn.Sequential:
        first = nn.Conv2d(images.shape[1], FEATURES, 3, padding=1, bias=False)
        second = nn.Conv2d(FEATURES, FEATURES, 3, padding=1, bias=False)
        size = FEATURES * images.shape[2] * images.shape[3]
        return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), nn.Linear(size, 10, bias=False))

    start, model = network(), network()
    model.load_state_dict(start.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images)).reshape(-1, 100):
            optimizer.zero_grad()
            (model(images[rows]) - targets[rows]).square().mean().backward()
            optimizer.step()
    return start.eval(), model.eval()


def correlations(one: Tensor, other: Tensor) -> dict[str, float]:
    """Pearson's correlation over the entries, and the cosine of the parts without the identity, which both share."""
    traceless = [(each - each.trace() / len(each) * torch.eye(len(each))).double() for each in (one, other)]
    first, second = (each / each.norm().clamp(min=1e-300) for each in traceless)
    pearson = torch.corrcoef(torch.stack([one.double().ravel(), other.double().ravel()]))[0, 1]
    return {"pearson": float(pearson), "without the identity": float((first * second).sum())}


def networks(answers: Answers) -> None:
    for seed in range(3):
        for name in ("svhn", "cifar10"):
            answers.of(f"networks/{name}/{seed}", partial(beside_a_network, name, seed))


def beside_a_network(name: str, seed: int) -> dict[str, Any]:
    """Correlations of the metrics of ConvRFM with the first layer of a network, trained and untrained."""
    part = datasets.subset(shrunk(datasets.load(name), 2), 1000, 1000, "random", seed)
    shape = (3, 16, 16)
    train, test = (torch.from_numpy(rows).float() for rows in datasets.standardized_inputs(part, "channel"))
    labels = torch.from_numpy(part.train_labels)
    targets, images = 2 * torch.eye(10)[labels] - 1, train.reshape(-1, *shape)
    start, model = trained(images, targets, seed)
    right = model(test.reshape(-1, *shape)).argmax(1).numpy() == part.test_labels
    found: dict[str, Any] = {"seed": seed, "network_test_accuracy": float(right.mean())}
    layers = {}
    batches = [(images[first : first + 100], labels[first : first + 100]) for first in range(0, 1000, 100)]
    for when, net in (("untrained", start), ("trained", model)):
        layer = measure(net, batches)["0"]
        assert layer.agop is not None
        assert layer.weight is not None
        found[f"{when}: I with W^T W"] = correlations(torch.eye(27), layer.weight.double().mT @ layer.weight.double())
        layers[when] = {"patch AGOP": layer.agop, "W^T W": layer.weight.double().mT @ layer.weight.double()}
        for power in (1.0, 0.5):
            root = psd_power(layers[when]["patch AGOP"], power)
            found[f"{when}: patch AGOP^{power:g} with W^T W"] = correlations(root, layers[when]["W^T W"])
    settings = IterateSettings(ConvNTK(2), 1e-3, agop_samples=300)
    for step in conv_rfm(Samples.of(train, targets), shape, settings, 2):
        if step.machine.metric is None:
            continue
        for when, matrices in layers.items():
            for what, matrix in matrices.items():
                for power in (1.0, 0.5):
                    key = f"M^{power:g} after {step.iteration} updates with {what}, {when}"
                    found[key] = correlations(psd_power(step.machine.metric, power), matrix)
    return found


def times(answers: Answers) -> None:
    for dtype in (torch.float32, torch.float64):
        answers.of(f"time/{dtype}", partial(time_of, dtype))


def time_of(dtype: torch.dtype) -> dict[str, Any]:
    """Processor seconds of kernel ridge regression, and of updates: patch AGOP, kernel matrix and solve."""
    images = torch.randn(1000, 196, generator=torch.Generator().manual_seed(0)).to(dtype)
    targets = torch.randn(1000, 10, generator=torch.Generator().manual_seed(1))
    steps = conv_rfm(Samples.of(images, targets), (1, 14, 14), IterateSettings(ConvNTK(2)), 2)
    used = [time.process_time(), *(time.process_time() for _ in steps)]
    first, *updates = (after - before for before, after in pairwise(used))
    gflops = matmul_rate(dtype) / 1e9
    return {"kernel_ridge_regression": first, "updates": updates, "matrix_product_gflops": gflops}


def deep(answers: Answers) -> None:
    for name, pool, depth in (("pooled by 2", 2, 3), ("without pooling", 1, 8)):
        for seed in range(3):
            for agop in (True, False):
                settings = ConvLayerSettings(ConvNTK(1), 32, 1e-3, pool, agop)
                key = f"deep/{name}{'' if agop else ', control'}/{seed}"
                answers.of(key, partial(layers_of_digits, settings, depth, seed))


def layers_of_digits(settings: ConvLayerSettings, depth: int, seed: int) -> list[dict[str, Any]]:
    part = datasets.subset(datasets.load("digits"), 400, None, "random", seed)
    return layers_of(part, (1, 8, 8), settings, depth, seed)


def layers_of(
    part: datasets.Dataset, shape: tuple[int, int, int], settings: ConvLayerSettings, depth: int, seed: int
) -> list[dict[str, Any]]:
    train, test = (torch.from_numpy(rows).float() for rows in datasets.standardized_inputs(part, "channel"))
    labels, truth = torch.from_numpy(part.train_labels), torch.from_numpy(part.test_labels)
    samples = Samples.of(train, 2 * torch.eye(10)[labels] - 1)
    layers = deep_conv_rfm(samples, shape, settings, depth, seed=seed)
    records = conv_layer_records(layers, labels, 10, (test.reshape(-1, *shape), truth))
    return [line for _, record in records for line in record.lines()]


def patches(answers: Answers) -> None:
    for seed in range(3):
        for agop in (True, False):
            for size in (1, 3, 5, 7, None):
                key = f"patches/{size or 'whole image'}{'' if agop else ', control'}/{seed}"
                answers.of(key, partial(layers_by_patch, size, agop, seed))


def layers_by_patch(size: int | None, agop: bool, seed: int) -> dict[str, list[float]]:
    """NC1 of two stages and test accuracy by layer, on digits of 4 x 4 pixels; one position without a size."""
    part = datasets.subset(shrunk(datasets.load("digits"), 2), 300, None, "random", seed)
    shape, width = ((1, 4, 4), 32) if size else ((16, 1, 1), 16 * 32)
    lines = layers_of(part, shape, ConvLayerSettings(ConvNTK(1, size or 1), width, agop=agop), 6, seed)
    found = {
        stage: [line["nc1_trace_ratio"] for line in lines if line["stage"] == stage] for stage in ("input", "agop")
    }
    return found | {"test_accuracy": [line["test_accuracy"] for line in lines if line["stage"] == "input"]}


QUESTIONS: dict[str, Callable[[Answers], None]] = {
    "widths": lambda answers: answers.of("widths", widths),
    "time": times,
    "deep": deep,
    "patches": patches,
    "signals": signals,
    "networks": networks,
}


def main() -> None:
    torch.set_num_threads(1)
    answers = Answers()
    for name in sys.argv[1:] or QUESTIONS:
        QUESTIONS[name](answers)


if __name__ == "__main__":
    main()
