"""How long do NC1 to NC4 of 50,000 x 2,048 features of 100 classes take, and how much memory?

``Collapse.of`` against two passes with a full (d, d) within-class scatter and the pseudo-inverse of the (d, d)
between-class covariance, the usual way. Run ``python -m benchmarks.collapse_measures`` from the repository root.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
from benchmarks.measuring import interleaved, matmul_rate, peak_extra_memory, write
from torch import Tensor

from agop.collapse import Collapse
from agop.moments import ClassMoments

N, D, N_CLASSES = 50_000, 2_048, 100
REPEATS = 5
BATCH = 1024


def problem(n: int, d: int, n_classes: int, spread: float = 1.0, offset: float = 0.0) -> dict[str, Tensor]:
    """Float32 features around random class means, and a classifier near them."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n).remainder(n_classes)[torch.randperm(n, generator=generator)]
    means = torch.randn(n_classes, d, generator=generator)
    features = torch.randn(n, d, generator=generator).mul_(spread).add_(means[labels]).add_(offset)
    weight = means + torch.randn(n_classes, d, generator=generator)
    return {"features": features, "labels": labels, "weight": weight, "bias": torch.zeros(n_classes)}


def ours(data: dict[str, Tensor], n_classes: int) -> Collapse:
    return Collapse.of(data["features"], data["labels"], n_classes, weight=data["weight"], bias=data["bias"])


def usual(data: dict[str, Tensor], n_classes: int, dtype: torch.dtype, *, hermitian: bool = False) -> dict[str, float]:
    """Two passes over batches, a (d, d) scatter and ``torch.linalg.pinv`` of a (d, d) matrix."""
    features, labels = data["features"], data["labels"]
    weight, bias = data["weight"].to(dtype), data["bias"].to(dtype)
    n, d = features.shape
    counts = labels.bincount(minlength=n_classes)
    means, variances = torch.zeros(n_classes, d, dtype=dtype), torch.zeros(n_classes, dtype=dtype)
    within, agreements = torch.zeros(d, d, dtype=dtype), 0
    for x, y in zip(torch.split(features, BATCH), torch.split(labels, BATCH), strict=True):
        means.index_add_(0, y, x.to(dtype))
    means /= counts[:, None]
    for x, y in zip(torch.split(features, BATCH), torch.split(labels, BATCH), strict=True):
        x = x.to(dtype)
        deviations = x - means[y]
        within += deviations.T @ deviations
        variances.index_add_(0, y, deviations.square().sum(1))
        nearest = torch.cdist(x, means).argmin(1)
        agreements += int((nearest == (x @ weight.T + bias).argmax(1)).sum())
    within, variances = within / n, variances / counts
    centered = means - means.mean(0)
    between = centered.T @ centered / n_classes
    cosines = torch.nn.functional.normalize(centered) @ torch.nn.functional.normalize(centered).T
    pairs = torch.triu_indices(n_classes, n_classes, 1)
    off_diagonal = cosines[pairs[0], pairs[1]]
    lengths = centered.norm(dim=1)
    simplex = torch.eye(n_classes, dtype=dtype) - 1 / n_classes
    products = weight @ centered.T
    pooled = variances[pairs[0]] + variances[pairs[1]]
    numbers = {
        "nc1_trace_ratio": within.trace() / between.trace(),
        "nc1_pinv": torch.trace(within @ torch.linalg.pinv(between, hermitian=hermitian)) / n_classes,
        "nc1_cdnv": (pooled / (2 * torch.cdist(means, means)[pairs[0], pairs[1]].square())).mean(),
        "nc2_gram_mse": (cosines - simplex * n_classes / (n_classes - 1)).square().mean(),
        "nc2_equinorm": lengths.std(correction=0) / lengths.mean(),
        "nc2_angle_spread": off_diagonal.std(correction=0),
        "nc2_equiangularity": (off_diagonal + 1 / (n_classes - 1)).abs().mean(),
        "nc2_etf_error": etf_distance(centered @ centered.T, simplex),
        "nc3_self_duality": (weight / weight.norm() - centered / centered.norm()).norm(),
        "nc3_etf_error": etf_distance(products, simplex),
        "unc3": (weight * centered).sum(1).var(correction=0),
    }
    return {name: float(value) for name, value in numbers.items()} | {"nc4_agreement": agreements / n}


def etf_distance(products: Tensor, simplex: Tensor) -> Tensor:
    distance: Tensor = (products / products.norm() - simplex / math.sqrt(len(simplex) - 1)).norm()
    return distance


def speed_and_memory() -> dict[str, Any]:
    data = problem(N, D, N_CLASSES)
    small = problem(2_000, D, N_CLASSES)
    calls: dict[str, Callable[[dict[str, Tensor], int], object]] = {
        "agop": ours,
        "usual, float32": partial(usual, dtype=torch.float32),
        "usual, float32, symmetric pinv": partial(usual, dtype=torch.float32, hermitian=True),
        "usual, float64": partial(usual, dtype=torch.float64),
    }
    for call in calls.values():
        call(small, N_CLASSES)
    memory = {name: peak_extra_memory(partial(call, data, N_CLASSES)) for name, call in calls.items()}
    bound = {name: partial(call, data, N_CLASSES) for name, call in calls.items()}
    seconds = interleaved(bound, REPEATS, warm_up=False)
    medians = {name: median(times) for name, times in seconds.items()}
    exact = ours(data, N_CLASSES).as_dict()
    theirs = usual(data, N_CLASSES, torch.float64)
    rate = matmul_rate(torch.float64)
    return {
        "seconds": seconds,
        "median_seconds": medians,
        "times_faster": {name: medians[name] / medians["agop"] for name in medians},
        "peak_extra_mib": {name: round(size / 2**20, 1) for name, size in memory.items()},
        "one_class_mean_matrix_mib": N_CLASSES * D * 8 / 2**20,
        "float64_product_rate_gflops": rate / 1e9,
        "float32_product_rate_gflops": matmul_rate(torch.float32) / 1e9,
        "share_of_float64_product_rate": product_work(N) / medians["agop"] / rate,
        "largest_relative_difference_to_usual_float64": max(
            abs(exact[name] - value) / abs(value) for name, value in theirs.items()
        ),
    }


def product_work(n: int) -> float:
    """Floating-point operations of the matrix products: projection and scores, scatter, distances."""
    rank = N_CLASSES - 1
    return 2.0 * n * (D * (rank + N_CLASSES) + rank**2 + rank * N_CLASSES)


def growth() -> list[dict[str, float]]:
    sizes = (12_500, 25_000, 50_000)
    data = problem(max(sizes), D, N_CLASSES)
    calls = {str(n): partial(ours, {**data, **_first(data, n)}, N_CLASSES) for n in sizes}
    seconds = interleaved(calls, REPEATS)
    memory = {size: peak_extra_memory(call) for size, call in calls.items()}
    return [
        {"n": int(size), "median_seconds": median(times), "peak_extra_mib": round(memory[size] / 2**20, 1)}
        for size, times in seconds.items()
    ]


def accuracy() -> list[dict[str, float]]:
    """Relative errors where features are almost collapsed: against each class by itself in float64."""
    rows = []
    for spread, offset in ((1e-3, 0.0), (1e-6, 0.0), (1e-4, 100.0)):
        data = problem(5_000, 256, 10, spread, offset)
        classes = [data["features"][data["labels"] == c].double() for c in range(10)]
        means = torch.stack([x[0] + (x - x[0]).mean(0) for x in classes])
        within = sum(float((x - mean).square().sum()) for x, mean in zip(classes, means, strict=True)) / 5_000
        exact = within / float((means - means.mean(0)).square().sum() / 10)
        whole = ours(data, 10).nc1_trace_ratio
        chunked = Collapse.of(data["features"], data["labels"], 10, max_memory=200_000).nc1_trace_ratio
        assert whole is not None and chunked is not None  # noqa: PT018 - the class means differ
        theirs = usual(data, 10, torch.float32)["nc1_trace_ratio"]
        rows.append(
            {
                "spread": spread,
                "offset": offset,
                "nc1": exact,
                "agop_error": abs(whole / exact - 1),
                "chunked_against_whole": abs(chunked / whole - 1),
                "usual_float32_error": abs(theirs / exact - 1),
            }
        )
    return rows


def first_pass_share() -> dict[str, float]:
    """Seconds of the class moments alone."""
    data = problem(N, D, N_CLASSES)
    call = partial(ClassMoments.of, data["features"], data["labels"], N_CLASSES)
    return {"median_seconds": median(interleaved({"moments": call}, REPEATS)["moments"])}


def _first(data: dict[str, Tensor], n: int) -> dict[str, Tensor]:
    return {"features": data["features"][:n], "labels": data["labels"][:n]}


if __name__ == "__main__":
    settings = {"n": N, "d": D, "n_classes": N_CLASSES, "repeats": REPEATS, "features": "float32"}
    found = {"settings": settings, "accuracy": accuracy(), **speed_and_memory(), "growth": growth()}
    print(write("collapse_measures", {**found, "class_moments": first_pass_share()}).read_text())
