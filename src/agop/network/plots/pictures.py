"""Pictures of the layers of a network: the AGOP beside W^T W, its eigenvectors as images, and class means."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence

import numpy as np
from numpy.typing import NDArray

from agop.charts.chart import Choice, Picture, Pictures
from agop.charts.document import Plot
from agop.charts.findings import Finding, at_most, listed, number_text
from agop.charts.images import eigenvector_pictures, side_of, trace_shares
from agop.charts.judging import of_each
from agop.linalg import largest_positive
from agop.network.output_layer import BY_DEFINITION, output_layer
from agop.network.plots.grouping import choice_names, in_words, told_names
from agop.network.record import LayerRecord, neural_feature_matrix
from agop.network.result import NetworkResult, rows_caption

__all__ = ["agop_plot", "eigenvector_plot", "means_plot"]

_COORDINATES, _CLASSES, _PIXELS = 48, 100, 120_000
"""Inputs and classes that are shown at most, and pixels of each of the two plots: 0.16 MB of the page."""

_VECTORS = 8

_STAGES = {"input": "φ", "linear": "Wφ", "output": "σ(Wφ)"}


def agop_plot(results: Sequence[NetworkResult]) -> Plot | None:
    """W^T W, the AGOP and its root side by side, for a chosen layer."""
    charts, side, names = {}, _side(results, _COORDINATES), _names(results)
    for layer, told in names.items():
        pictures = []
        for result in results:
            record = _record(result, layer)
            if record is not None:
                pictures += [Picture(_titled(results, result, title), m) for title, m in _matrices(record, side)]
        if pictures:
            charts[told] = Pictures(pictures, "over the largest entry")
    if not charts:
        return None
    return Plot(
        "agop-nfm",
        "The AGOP beside WᵀW",
        Choice("layer", charts, start=next(iter(charts))),
        of_each(results, _closer_power),
        f"The inputs of the layer with the largest diagonal of WᵀW, {side} at most, sorted by it; the same in "
        f"all matrices, each over its entry of largest magnitude. First seed.{_unseen(results, charts)}",
        ("AGOP", "NFM", "NFA"),
    )


def eigenvector_plot(results: Sequence[NetworkResult]) -> Plot | None:
    """Leading eigenvectors of the AGOP as images, for layers that read images and for convolutions."""
    charts, shares = {}, {}
    for layer, told in _names(results).items():
        for result in results:
            record = _record(result, layer)
            shape = None if record is None else _image_shape(result, record)
            if record is None or shape is None or record.spectrum is None or not record.spectrum.rank:
                continue
            top = record.spectrum.top(_VECTORS)
            part = (top.values / _trace(record)).tolist()
            name = told if len(results) == 1 else f"{told}, {result.name}"
            charts[name] = eigenvector_pictures(largest_positive(top.vectors.mT), part, shape)
            shares[name] = part
    if not charts:
        return None
    return Plot(
        "eigenvectors",
        "What layers look at",
        Choice("layer", charts, start=next(iter(charts))),
        at_most([finding for name, part in shares.items() for finding in trace_shares(name, part)]),
        "Leading eigenvectors of the AGOP as images, with their share of its trace: of the inputs, or of the patches "
        "of a convolution. A vector and its negative mean the same. Of three channels the color is shown, gray is 0; "
        "of more the root of the sum of their squares. First seed.",
        ("AGOP", "spectrum"),
    )


def means_plot(results: Sequence[NetworkResult]) -> Plot | None:
    """Cosines between the centered class means at the stages of a chosen layer."""
    charts, side = {}, _side(results, _CLASSES)
    for layer, told in _names(results).items():
        pictures = [
            Picture(_titled(results, result, title), cosines)
            for result in results
            if (record := _record(result, layer)) is not None
            for stage, title in _STAGES.items()
            if (cosines := _cosines(record, stage, side)) is not None
        ]
        if pictures:
            charts[told] = Pictures(pictures, "cosine")
    if not charts:
        return None
    return Plot(
        "means",
        "Class means",
        Choice("layer", charts),
        of_each(results, _simplex),
        f"Cosines between the means of classes that occur about their mean, of the first {side} at most. A simplex ETF "
        f"has 1 on the diagonal and −1/(C − 1) elsewhere. First seed. {rows_caption(results)}",
        ("NC2", "stage (network)", "Gram"),
    )


def _matrices(record: LayerRecord, side: int) -> list[tuple[str, NDArray[np.float64]]]:
    """W^T W, AGOP and its root for the coordinates that W uses most; none of a compact record or without an AGOP."""
    if record.weight is None or record.spectrum is None or not record.spectrum.rank:
        return []
    weight = record.weight.double()
    kept = weight.square().sum(0).argsort(descending=True, stable=True)[:side]
    vectors, values = record.spectrum.vectors[kept], record.spectrum.values
    found = {
        "WᵀW": neural_feature_matrix(weight[:, kept]),
        "AGOP": (vectors * values) @ vectors.mT,
        "AGOP½": (vectors * values.sqrt()) @ vectors.mT,
    }
    return [(title, (matrix / matrix.abs().max().clamp_min(1e-300)).numpy()) for title, matrix in found.items()]


def _unseen(results: Sequence[NetworkResult], shown: Container[str]) -> str:
    """Sentence on the layers that no run has matrices of, and why."""
    reasons: dict[str, list[str]] = {}
    for layer, told in _names(results).items():
        found = [record for result in results if (record := _record(result, layer)) is not None]
        if told not in shown:
            compact = all(record.weight is None for record in found)
            reasons.setdefault("compact records" if compact else "no AGOP", []).append(in_words(told))
    texts = [f"{listed(layers, 3)} ({reason})" for reason, layers in reasons.items()]
    return f" Not shown: {'; '.join(texts)}." if texts else ""


def _image_shape(result: NetworkResult, record: LayerRecord) -> Sequence[int] | None:
    """Shape (channels, height, width) of what the columns of a layer's weight are."""
    if record.patch is not None:
        return None if record.patch[1:] == (1, 1) else record.patch
    shape, spectrum = result.info.get("image_shape"), record.spectrum
    reads_images = shape is not None and spectrum is not None and math.prod(shape) == spectrum.n_features
    return shape if reads_images and _is_first(result, record) else None


def _trace(record: LayerRecord) -> float:
    return 0.0 if record.eigenvalues is None else float(record.eigenvalues.sum())


def _is_first(result: NetworkResult, record: LayerRecord) -> bool:
    assert result.record is not None  # noqa: S101 - a layer of it is there
    return next(iter(result.record)) == record.name


def _cosines(record: LayerRecord, stage: str, most: int) -> NDArray[np.float64] | None:
    """Cosines between the centered means of the classes that occur, the first ones at most."""
    cosines = record.stages[stage].features.cosines if stage in record.stages else None
    return None if cosines is None else cosines[:most, :most].double().numpy()


def _simplex(result: NetworkResult) -> list[Finding]:
    """Distance of the cosines between different classes from those of the simplex, at the first and last input."""
    record = {} if result.record is None else result.record
    names = told_names(list(record))
    inputs = [(names[name], layer) for name, layer in record.items() if layer.input is not None]
    findings = []
    for name, layer in dict([*inputs[:1], *inputs[-1:]]).items():
        counts = layer.stages["input"].features.counts
        away = None if layer.input is None else layer.input.values.get("nc2_equiangularity")
        if counts is None or away is None:
            continue
        n_classes = int((counts > 0).sum())
        note = f"simplex ETF of {n_classes} classes: {number_text(-1 / (n_classes - 1))}"
        if n_classes == 2:
            note = "two class means lie opposite each other whatever was learned"
        what = "mean distance of the cosines between classes from the simplex ETF"
        findings.append(Finding(what, f"input of {name}", away, notes=(note,)))
    return findings


def _closer_power(result: NetworkResult) -> list[Finding]:
    """Correlation of W^T W with the AGOP and with its root."""
    if result.record is None:
        return []
    names, skipped = told_names(list(result.record)), output_layer(result.last)
    what = "correlation of WᵀW with AGOP½"
    findings = [
        Finding(what, names[name], nfa.pearson_root, notes=(f"with the AGOP: {nfa.pearson:.2f}",))
        for name, layer in result.record.items()
        if (nfa := layer.nfa) is not None and name != skipped
    ]
    definition = [Finding(what, in_words(skipped), None, notes=(BY_DEFINITION,))] if skipped else []
    return [*at_most(findings), *definition]


def _side(results: Sequence[NetworkResult], largest: int) -> int:
    """Rows of three pictures for each layer of each run."""
    return side_of(3 * sum(len(result.record) for result in results if result.record is not None), largest, _PIXELS)


def _names(results: Sequence[NetworkResult]) -> dict[str, str]:
    """Layers of all records, and what they are called."""
    return choice_names(list(dict.fromkeys(layer for result in results for layer in result.record or ())))


def _record(result: NetworkResult, layer: str) -> LayerRecord | None:
    return None if result.record is None else result.record.layers.get(layer)


def _titled(results: Sequence[NetworkResult], result: NetworkResult, title: str) -> str:
    return title if len(results) == 1 else f"{result.name}: {title}"
