"""Pictures of Deep RFM: Gram matrices layer by layer, and what the first AGOP looks at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.charts.changes import plain_change
from agop.charts.chart import Choice, Picture, Pictures
from agop.charts.document import Plot
from agop.charts.findings import Finding, number_text
from agop.charts.images import eigenvector_pictures, side_of, trace_shares
from agop.charts.judging import of_each
from agop.charts.kind import by_run
from agop.deep_rfm.result import DeepRFMResult

__all__ = ["GRAMS", "eigenvector_plot", "gram_plot"]

_PIXELS = 300_000
"""Pixels of the Gram pictures of a report at most: 0.4 MB of its page."""

_LARGEST = 200

GRAMS = {("agop", "input"): "X", ("agop", "agop"): "X M½", ("control", "input"): "X, control"}
"""Title of the pictures of a metric and stage."""


def gram_plot(results: Sequence[DeepRFMResult]) -> Plot | None:
    """Class-sorted Gram matrices with a slider over the layers; of several runs those of the inputs side by side."""
    panels = GRAMS if len(results) == 1 else {("agop", "input"): ""}
    found = [_grams(result.tensors) for result in results]
    layers = sorted({layer for grams in found for *_, layer in grams})
    count = sum((metric, stage) in panels for grams in found for metric, stage, _ in grams)
    if not count:
        return None
    side = side_of(count, _LARGEST, _PIXELS)
    charts = {}
    for layer in layers:
        pictures = [
            Picture(title if len(results) == 1 else result.name, _thinned(grams[metric, stage, layer], side))
            for result, grams in zip(results, found, strict=True)
            for (metric, stage), title in panels.items()
            if (metric, stage, layer) in grams
        ]
        charts[str(layer)] = Pictures(pictures, "cosine")
    return Plot(
        "gram",
        "Gram matrices",
        Choice("layer", charts, slider=True),
        gram_findings(results, found),
        "Cosines between centered features, samples sorted by class; first seed. Blocks on the diagonal are collapsed "
        "classes.",
        ("Gram", "NC2", "stage (Deep RFM)"),
    )


def eigenvector_plot(results: Sequence[DeepRFMResult]) -> Plot | None:
    """Leading eigenvectors of the AGOP of the first layer, where the inputs are images."""
    charts, held = {}, {}
    for result in results:
        shape = result.info.get("image_shape")
        vectors = _first(result.tensors, "eigenvectors")
        if shape is not None and vectors is not None:
            spectrum = _first(result.tensors, "spectrum")
            shares = [] if spectrum is None else (spectrum / spectrum.sum()).tolist()[: len(vectors)]
            charts[result.name] = eigenvector_pictures(vectors, shares, shape)
            held[result.name] = trace_shares("layer 1", shares)
    if not charts:
        return None
    return Plot(
        "eigenvectors",
        "What the first AGOP looks at",
        by_run(results, charts),
        of_each(results, lambda result: held.get(result.name, [])),
        "Leading eigenvectors of the AGOP of the first layer as images, with their share of its trace; first seed. "
        "A vector and its negative mean the same. Of color images, gray is 0.",
        ("AGOP", "spectrum"),
    )


def gram_findings(
    results: Sequence[DeepRFMResult], found: Sequence[Mapping[tuple[str, str, int], Tensor]]
) -> list[Finding]:
    """Mean cosine within and between classes at the first and last layer.

    There is none if the run does not say how many samples of each class are pictured, "gram_counts".
    """
    grams_of = dict(zip((result.name for result in results), found, strict=True))

    def cosines(result: DeepRFMResult) -> list[Finding]:
        counts = [count for count in result.info.get("gram_counts") or () if count]
        grams = grams_of[result.name]
        layers = {k: gram for (metric, stage, k), gram in grams.items() if (metric, stage) == ("agop", "input")}
        known = len(counts) > 1 and max(counts) > 1 and all(len(gram) == sum(counts) for gram in layers.values())
        return _cosines_of_layers(layers, counts) if layers and known else []

    return of_each(results, cosines)


def _grams(tensors: Mapping[str, Tensor]) -> dict[tuple[str, str, int], Tensor]:
    """Gram matrices by metric, stage and layer."""
    found = {}
    for name, tensor in tensors.items():
        if match := re.fullmatch(r"(agop|control)/seed\d+/layer(\d+)/gram/(\w+)", name):
            found[match[1], match[3], int(match[2])] = tensor
    return found


def _thinned(gram: Tensor, side: int) -> NDArray[np.float64]:
    """Samples evenly spaced, ``side`` at most; the classes stay in their order."""
    count = min(side, len(gram))
    kept = torch.arange(count) * len(gram) // count
    return gram[kept][:, kept].double().numpy()


def _first(tensors: Mapping[str, Tensor], what: str) -> Tensor | None:
    """Tensor of the first layer of the first seed."""
    names = sorted(name for name in tensors if re.fullmatch(rf"agop/seed\d+/layer01/{what}", name))
    return tensors[names[0]] if names else None


def _cosines_of_layers(layers: Mapping[int, Tensor], counts: Sequence[int]) -> list[Finding]:
    """Mean cosine within a class, without that of a sample with itself, and between classes."""
    first, last, n_classes = min(layers), max(layers), len(counts)
    where = f"layers {first} to {last}" if first < last else f"layer {last}"
    labels = torch.arange(n_classes).repeat_interleave(torch.tensor(counts))
    same = labels[:, None] == labels
    parts = {
        "cosine within a class": (same & ~torch.eye(len(labels), dtype=torch.bool), "1 if collapsed"),
        "cosine between classes": (~same, f"simplex ETF of {n_classes} classes: {number_text(-1 / (n_classes - 1))}"),
    }
    findings = []
    for name, (pairs, note) in parts.items():
        start, end = (float(layers[layer].double()[pairs].mean()) for layer in (first, last))
        went = plain_change(start, end) if first < last else None
        findings.append(Finding(name, where, end, course=went, notes=(note,)))
    return findings
