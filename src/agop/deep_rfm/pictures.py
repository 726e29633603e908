"""Pictures of Deep RFM: Gram matrices layer by layer, and what the first AGOP looks at."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.charts.chart import Choice, Picture, Pictures
from agop.charts.document import Plot
from agop.charts.findings.wording import fixed, percent
from agop.charts.images import eigenvector_pictures, side_of
from agop.charts.kind import of_run
from agop.deep_rfm.result import DeepRFMResult

__all__ = ["eigenvector_findings", "eigenvector_plot", "gram_findings", "gram_plot"]

_PIXELS = 700_000
"""Of the Gram pictures of a report at most: 1.9 MB of its page."""

_LARGEST = 200

_PANELS = (("agop", "input", "X"), ("agop", "agop", "X M½"), ("control", "input", "X, control"))


def gram_plot(results: Sequence[DeepRFMResult]) -> Plot | None:
    """Class-sorted Gram matrices with a slider over the layers; of several runs those of the inputs side by side."""
    panels = _PANELS if len(results) == 1 else _PANELS[:1]
    found = [_grams(result.tensors) for result in results]
    layers = sorted({layer for grams in found for *_, layer in grams})
    count = sum(1 for grams in found for metric, stage, _ in grams if any(p[:2] == (metric, stage) for p in panels))
    if not count:
        return None
    side = side_of(count, _LARGEST, _PIXELS)
    charts = {}
    for layer in layers:
        pictures = [
            Picture(title if len(results) == 1 else result.name, _thinned(grams[metric, stage, layer], side))
            for result, grams in zip(results, found, strict=True)
            for metric, stage, title in panels
            if (metric, stage, layer) in grams
        ]
        charts[str(layer)] = Pictures(pictures, "cosine")
    return Plot(
        "gram",
        "Gram matrices",
        Choice("layer", charts, slider=True),
        gram_findings(results, found),
        "Cosines between centred features, samples sorted by class; first seed. Blocks on the diagonal are collapsed "
        "classes.",
        ("Gram", "NC2", "stage (Deep RFM)"),
    )


def eigenvector_plot(results: Sequence[DeepRFMResult]) -> Plot | None:
    """Leading eigenvectors of the AGOP of the first layer, where the inputs are images."""
    charts, shown = {}, []
    for result in results:
        shape = result.info.get("image_shape")
        vectors = _first(result.tensors, "eigenvectors")
        if shape is not None and vectors is not None:
            spectrum = _first(result.tensors, "spectrum")
            shares = [] if spectrum is None else (spectrum / spectrum.sum()).tolist()[: len(vectors)]
            charts[result.name] = eigenvector_pictures(vectors, shares, shape)
            shown.append((result.name, shares))
    if not charts:
        return None
    return Plot(
        "eigenvectors",
        "What the first AGOP looks at",
        next(iter(charts.values())) if len(results) == 1 else Choice("run", charts, start=next(iter(charts))),
        eigenvector_findings(shown),
        "Leading eigenvectors of the AGOP of the first layer as images, with their share of its trace; first seed. "
        "A vector and its negative mean the same. Of color images, grey is 0.",
        ("AGOP", "spectrum"),
    )


def gram_findings(
    results: Sequence[DeepRFMResult], found: Sequence[Mapping[tuple[str, str, int], Tensor]]
) -> list[str]:
    """Sentences about the mean cosine within and between classes at the first and last layer.

    There is none if the run does not say how many samples of each class are pictured, "gram_counts".
    """
    findings = []
    for result, grams in zip(results, found, strict=True):
        counts = result.info.get("gram_counts")
        layers = {k: gram for (metric, stage, k), gram in grams.items() if (metric, stage) == ("agop", "input")}
        if (
            counts
            and sum(count > 0 for count in counts) > 1
            and max(counts) > 1
            and layers
            and all(len(gram) == sum(counts) for gram in layers.values())
        ):
            findings.append(of_run(results, result, _cosines_of_layers(layers, counts)))
    return findings


def eigenvector_findings(shown: Sequence[tuple[str, Sequence[float]]]) -> list[str]:
    """Sentences about the share of the pictured eigenvectors in the trace, by run.

    Examples
    --------
    >>> eigenvector_findings([("run", [0.5, 0.25])])
    ['The 2 eigenvectors hold 75 % of the trace of the AGOP, the first 50 %.']
    """
    sentences = {
        name: f"The {len(shares)} eigenvectors hold {percent(sum(shares))} of the trace of the AGOP, the first "
        f"{percent(shares[0])}."
        if len(shares) > 1
        else f"The eigenvector holds {percent(shares[0])} of the trace of the AGOP."
        for name, shares in shown
        if shares
    }
    return list(sentences.values()) if len(shown) == 1 else [f"{name}: {text}" for name, text in sentences.items()]


def _grams(tensors: Mapping[str, Tensor]) -> dict[tuple[str, str, int], Tensor]:
    """Gram matrices by metric, stage and layer."""
    found = {}
    for name, tensor in tensors.items():
        if match := re.fullmatch(r"(agop|control)/seed\d+/layer(\d+)/gram/(\w+)", name):
            found[match[1], match[3], int(match[2])] = tensor
    return found


def _thinned(gram: Tensor, side: int) -> NDArray[np.float64]:
    """Every k-th sample, so that at most ``side`` are left; the classes stay in their order."""
    kept = torch.arange(0, len(gram), max(1, math.ceil(len(gram) / side)))
    return gram[kept][:, kept].double().numpy()


def _first(tensors: Mapping[str, Tensor], what: str) -> Tensor | None:
    """Tensor of the first layer of the first seed."""
    names = sorted(name for name in tensors if re.fullmatch(rf"agop/seed\d+/layer01/{what}", name))
    return tensors[names[0]] if names else None


def _cosines_of_layers(layers: Mapping[int, Tensor], counts: Sequence[int]) -> str:
    first, last = min(layers), max(layers)
    present = sum(count > 0 for count in counts)
    ideal = f"simplex ETF of {present} classes: {fixed(-1 / (present - 1))}"
    (within, between), (last_within, last_between) = (_cosines(layers[layer], counts) for layer in (first, last))
    if first == last:
        ends = [f"At layer {last} the mean cosine", f"is {within}", f"is {between}"]
    else:
        ends = [f"From layer {first} to layer {last} the mean cosine"]
        ends += [f"goes from {within} to {last_within}", f"from {between} to {last_between}"]
    course, own, other = ends
    return f"{course} of two samples of a class {own} (collapsed: 1), of two classes {other} ({ideal})."


def _cosines(gram: Tensor, counts: Sequence[int]) -> tuple[str, str]:
    """Mean cosine within a class, without that of a sample with itself, and between classes."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    same = labels[:, None] == labels
    own, other = gram.double()[same & ~torch.eye(len(gram), dtype=torch.bool)], gram.double()[~same]
    return fixed(float(own.mean())), fixed(float(other.mean()))
