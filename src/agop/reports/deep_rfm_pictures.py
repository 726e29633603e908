"""Pictures of Deep RFM: Gram matrices layer by layer, and what the first AGOP looks at."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.reports.charts import Choice, Picture, Pictures
from agop.reports.deep_rfm_findings import eigenvector_findings, gram_findings
from agop.reports.document import Plot
from agop.reports.images import image_of
from agop.reports.results import DeepRFMResult
from agop.reports.wording import percent

__all__ = ["eigenvector_plot", "gram_plot"]

_NUMBERS = 900_000
"""Pixels of the Gram pictures of a report at most: 2.4 MB of its page."""

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
    side = min(_LARGEST, math.isqrt(_NUMBERS // count))
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
            images = [image_of(vector, shape) for vector in vectors]
            limit = max(float(np.abs(image).max()) for image in images)
            shares = [] if spectrum is None else (spectrum / spectrum.sum()).tolist()
            titles = [f"{k + 1}: {percent(shares[k])}" if shares else str(k + 1) for k in range(len(images))]
            pictures = [Picture(title, image) for title, image in zip(titles, images, strict=True)]
            charts[result.name] = Pictures(pictures, "entry", -limit, limit)
            shown.append((result.name, shares[: len(images)]))
    if not charts:
        return None
    return Plot(
        "eigenvectors",
        "What the first AGOP looks at",
        next(iter(charts.values())) if len(results) == 1 else Choice("run", charts, start=next(iter(charts))),
        eigenvector_findings(shown),
        "Leading eigenvectors of the AGOP of the first layer as images, with their share of its trace; first seed. "
        "A vector and its negative mean the same. Of colour images, grey is 0.",
        ("AGOP", "spectrum"),
    )


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
