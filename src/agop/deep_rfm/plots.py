"""Plots of Deep RFM: collapse, accuracy and spectra, layer by layer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from math import inf

from torch import Tensor

from agop.charts.chart import Choice, Curve, Curves
from agop.charts.document import NumberTable, Plot
from agop.charts.kind import MakePlots
from agop.charts.palette import color, shade
from agop.charts.seed_curves import seed_caption, seed_curve
from agop.deep_rfm.findings import accuracy_findings, collapse_findings, spectrum_findings
from agop.deep_rfm.pictures import eigenvector_plot, gram_plot
from agop.deep_rfm.result import DeepRFMResult
from agop.runs import SeedSummary, summarize_seeds

__all__ = ["DEEP_RFM_PLOTS", "deep_rfm_numbers"]

STAGES = {
    "input": "X (input)",
    "agop": "X M½ (AGOP)",
    "features": "Φ(X M½) (random features)",
}
"""Name of each stage."""

_EIGENVALUES = 100


def deep_rfm_numbers(result: DeepRFMResult) -> NumberTable:
    """A row a layer: NC1 of the stages and of the control, NC2, and accuracy; means over seeds."""
    nc1, nc2 = (summarize_seeds(result.lines, name) for name in ("nc1_trace_ratio", "nc2_gram_mse"))
    accuracy = summarize_seeds(result.lines, "test_accuracy", log=False)
    columns = {
        "NC1 input": (nc1.get((False, "input")), ".3g"),
        "NC1 AGOP": (nc1.get((False, "agop")), ".3g"),
        "NC1 features": (nc1.get((False, "features")), ".3g"),
        "NC2 input": (nc2.get((False, "input")), ".3g"),
        "NC1 control": (nc1.get((True, "input")), ".3g"),
        "test accuracy": (accuracy.get((False, "input")), ".4f"),
    }
    means = {
        name: ({layer: summary.mean for layer, summary in (found or {}).items()}, form)
        for name, (found, form) in columns.items()
    }
    layers = sorted({line["layer"] for line in result.lines})
    return NumberTable.of(f"Layers of {result.name}", ("layer", layers), means)


def _collapse_plot(results: Sequence[DeepRFMResult], measure: str, label: str) -> Plot | None:
    found = [summarize_seeds(result.lines, measure) for result in results]
    charts = {}
    for place, (stage, title) in enumerate(STAGES.items()):
        curves = []
        for run, (result, summaries) in enumerate(zip(results, found, strict=True)):
            what, paint = (title, color(place)) if len(results) == 1 else (result.name, color(run))
            curves += _with_control(what, summaries, stage, paint)
        if curves:
            charts[title] = Curves("layer", label, curves)
    if not charts:
        return None
    chart: Curves | Choice = Choice("stage", charts, start=next(iter(charts)))
    every = [curve for part in charts.values() for curve in part.curves]
    if len(results) == 1:
        chart = Curves("layer", label, sorted(every, key=lambda curve: curve.dash != "solid"))
    return Plot(
        label.lower(),
        f"{label} by layer",
        chart,
        collapse_findings(results, measure),
        f"Geometric mean over seeds{seed_caption(every)}. Dashed: the control, the identity in place of the AGOP.",
        (label, "stage (Deep RFM)", "AGOP", "control", "seed band"),
    )


def _accuracy_plot(results: Sequence[DeepRFMResult]) -> Plot | None:
    curves = []
    for run, result in enumerate(results):
        found = {
            name: summarize_seeds(result.lines, measure, log=False)
            for measure, name in (("test_accuracy", "test"), ("train_accuracy", "training"))
        }
        shown = {name: part for name, part in found.items() if (False, "input") in part or (True, "input") in part}
        for place, (name, summaries) in enumerate(list(shown.items())[: 1 if len(results) > 1 else None]):
            label, paint = (name, color(place)) if len(results) == 1 else (f"{result.name}, {name}", color(run))
            curves += _with_control(label, summaries, "input", paint, limits=(0, 1))
    if not curves:
        return None
    return Plot(
        "accuracy",
        "Accuracy by layer",
        Curves("layer", "accuracy", curves, log_y=False),
        accuracy_findings(results),
        f"Accuracy of the kernel machine of each layer; mean over seeds{seed_caption(curves)}. Dashed: the control.",
        ("accuracy", "control", "seed band"),
    )


def _with_control(
    name: str,
    summaries: Mapping[tuple[bool, str], Mapping[int, SeedSummary]],
    stage: str,
    paint: str,
    limits: tuple[float, float] = (0, inf),
) -> list[Curve]:
    """A curve of a stage, and a dashed one of the control, whose AGOP stage is its input once more."""
    curves = [seed_curve(name, found, paint, limits=limits)] if (found := summaries.get((False, stage))) else []
    if stage != "agop" and (found := summaries.get((True, stage))):
        curves.append(seed_curve(f"{name}, control", found, paint, "dash", limits=limits))
    return curves


def _spectrum_plot(results: Sequence[DeepRFMResult]) -> Plot | None:
    spectra = [layer_spectra(result.tensors) for result in results]
    layers = sorted({layer for found in spectra for layer in found})
    if not layers:
        return None
    titles = "index", "eigenvalue over the largest"
    chart: Curves | Choice
    if len(results) == 1:
        curves = [_spectrum_curve(f"layer {k}", spectra[0][k], shade(i, len(layers))) for i, k in enumerate(layers)]
        chart = Curves(*titles, curves, y_range=(1e-5, 1.5))
    else:
        charts = {}
        for layer in layers:
            there = [(place, found[layer]) for place, found in enumerate(spectra) if layer in found]
            curves = [_spectrum_curve(results[place].name, values, color(place)) for place, values in there]
            charts[str(layer)] = Curves(*titles, curves, y_range=(1e-5, 1.5))
        chart = Choice("layer", charts, slider=True)
    return Plot(
        "spectra",
        "Spectrum of the AGOP",
        chart,
        spectrum_findings(results, spectra),
        f"The {_EIGENVALUES} first eigenvalues of the AGOP of each layer, over the largest, down to 10⁻⁵; first seed.",
        ("AGOP", "spectrum"),
    )


def layer_spectra(tensors: Mapping[str, Tensor]) -> dict[int, Tensor]:
    """Eigenvalues of the AGOP by layer, largest first, of the first seed that has them.

    Examples
    --------
    >>> import torch
    >>> layer_spectra({"agop/seed3/layer02/spectrum": torch.ones(2), "agop/seed4/layer02/spectrum": torch.zeros(2)})
    {2: tensor([1., 1.])}
    """
    found: dict[int, tuple[int, Tensor]] = {}
    for name, tensor in tensors.items():
        if match := re.fullmatch(r"agop/seed(\d+)/layer(\d+)/spectrum", name):
            seed, layer = int(match[1]), int(match[2])
            if layer not in found or seed < found[layer][0]:
                found[layer] = seed, tensor
    return {layer: tensor for layer, (_, tensor) in sorted(found.items())}


def _spectrum_curve(name: str, values: Tensor, paint: str) -> Curve:
    kept = values.double()[:_EIGENVALUES]
    heights = [value if value > 0 else None for value in (kept / kept[0]).tolist()]
    return Curve(name, list(range(1, len(heights) + 1)), heights, paint)


DEEP_RFM_PLOTS: tuple[MakePlots, ...] = (
    partial(_collapse_plot, measure="nc1_trace_ratio", label="NC1"),
    partial(_collapse_plot, measure="nc2_gram_mse", label="NC2"),
    gram_plot,
    _spectrum_plot,
    _accuracy_plot,
    eigenvector_plot,
)
"""Plots of Deep RFM, in the order in which they are read."""
