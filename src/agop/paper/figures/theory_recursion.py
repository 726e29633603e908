"""The linearized recursion laid over Deep RFM on real data, with an error measure; quick: about 5 s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10
from pathlib import Path
from statistics import fmean

from agop.charts.chart import Curves, Grid
from agop.charts.palette import color
from agop.datasets import Dataset, subset
from agop.deep_rfm import DeepRFMSettings
from agop.paper.computed import Rows, write_once
from agop.paper.curves import course, curve, family, power_of_ten, rows_of
from agop.paper.deep_rfm_parts import FEATURES, deep_rfm_settings
from agop.paper.figure import Figure, Observe, Part, Verdict
from agop.paper.recursion_lines import recursion_lines
from agop.paper.scales import Scale
from agop.runs import Line, Run, select, values_of

__all__ = ["FIGURE"]

_MOST_ROWS = 2000
"""Rows of the comparison: the recursion solves with matrices over pairs of samples in float64."""

_CLOSE = log10(2)
"""Decades of error at a single layer up to which a prediction counts as good: a factor of two."""


@dataclass(frozen=True)
class _Curve:
    """Prediction of a curve, the first layer that counts at each stage, and the stage to which it was fitted."""

    how: str
    counted: Mapping[str, int]
    fitted: str | None = None


_CURVES = {
    "one step": _Curve("by one AGOP step from the measured inputs of each layer", {"agop": 1}),
    "first": _Curve("from layer 1 with both shifts fitted there", {"agop": 1, "features": 2}),
    "refitted": _Curve("from layer 1 with both shifts fitted at every layer", {"agop": 1}, "features"),
    "explained": _Curve("from layer 1 with the rise at each random map as measured", {"agop": 1}, "features"),
}


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:
    parts = []
    for name in data:
        for features in FEATURES:
            settings = deep_rfm_settings(scale, name, features, device)
            parts.append(Part(f"recursion-{name}-{features}", name, {"features": features}, settings, _run))
    return parts


def _run(settings: DeepRFMSettings, dataset: Dataset, out: Path, observe: Observe) -> Run:
    samples = min(settings.samples or _MOST_ROWS, _MOST_ROWS, len(dataset.train_labels))
    rows = Rows.of(subset(dataset, samples, 0), settings.standardize, settings.device)
    return write_once(settings, dataset, out, lambda: recursion_lines(settings, rows, observe))


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    verdicts = []
    for part in values_of(lines, "part"):
        found = select(lines, part=part)
        name = f"{found[0]['data']}, {found[0]['features']}"
        verdicts += [_error(name, found, which, curve) for which, curve in _CURVES.items()]
    return verdicts


def _error(name: str, lines: list[Line], which: str, predicted: _Curve) -> Verdict:
    """Distance in decades of the predicted NC1 from the measured one, at worst and on average, at each stage.

    The verdict is on the worst layer of every stage to which no constant was fitted.
    """
    claim = f"{name}: NC1 predicted {predicted.how} is right within a factor of two at every layer"
    counted = {stage: _pairs(lines, which, stage, first) for stage, first in predicted.counted.items()}
    if not any(counted.values()):
        return Verdict(claim, {}, None, "there is no such prediction")
    found = [_worst(stage, pairs) for stage, pairs in counted.items() if pairs]
    holds, note = all(error <= _CLOSE for error, _ in found), ""
    if predicted.fitted is not None and (pairs := _pairs(lines, which, predicted.fitted)):
        found.append(_worst(predicted.fitted, pairs))
        note = f"the stage {predicted.fitted} does not count, since constants are fitted there"
    return Verdict(claim, {key: value for _, numbers in found for key, value in numbers.items()}, holds, note)


def _worst(stage: str, pairs: list[tuple[int, float, float]]) -> tuple[float, dict[str, float]]:
    """Decades of the worst layer of a stage, and what is told of it."""
    errors = {layer: abs(power_of_ten(measured, predicted)) for layer, measured, predicted in pairs}
    worst = max(errors, key=lambda layer: errors[layer])
    _, measured, predicted = next(pair for pair in pairs if pair[0] == worst)
    return errors[worst], {
        f"{stage}_worst_decades": errors[worst],
        f"{stage}_worst_layer": worst,
        f"{stage}_mean_decades": fmean(errors.values()),
        f"{stage}_predicted": predicted,
        f"{stage}_measured": measured,
    }


def _pairs(lines: list[Line], which: str, stage: str, first: int = 1) -> list[tuple[int, float, float]]:
    """Layer, measured NC1 and predicted NC1, from a first layer on, where there are both."""
    measured, predicted = (
        curve(select(lines, curve=each, stage=stage), "nc1_trace_ratio", "layer") for each in ("measured", which)
    )
    return [
        (layer, measured[layer], predicted[layer])
        for layer in sorted(measured.keys() & predicted.keys())
        if layer >= first
    ]


def _chart(run: Run) -> Grid:
    """NC1 after the AGOP and after the random map, measured and predicted, and the shifts, by layer."""

    def panels(lines: list[Line]) -> dict[str, Curves]:
        stages = {"agop": "NC1 after the AGOP", "features": "NC1 after the random map"}
        found = {
            title: family(select(lines, stage=stage), "layer", "nc1_trace_ratio", ("curve", _DRAWN))
            for stage, title in stages.items()
        }
        measured = select(lines, curve="measured", stage="input")
        found["shifts"] = [
            course(measured, "layer", shift, label, color(place), "dot")
            for place, (shift, label) in enumerate(_SHIFTS.items(), start=len(_DRAWN))
        ]
        return {title: Curves("layer", title.split()[0], curves) for title, curves in found.items()}

    return rows_of(run, "part", lambda lines: f"{lines[0]['data']}, {lines[0]['features']}", panels)


_DRAWN = {
    "measured": "measured",
    "one step": "one AGOP step from measured inputs",
    "first": "both shifts from layer 1",
    "refitted": "both shifts from every layer",
    "explained": "rise at each random map as measured",
}
"""Name of each curve."""

_SHIFTS = {
    "kernel_shift": "λ_k",
    "features_shift": "λ_Φ",
    "explaining_shift": "λ_Φ explaining the rise",
}
"""Name of each shift."""


FIGURE = Figure(
    name="theory-recursion",
    claim=(
        "In high dimension, where kernels act as inner products plus a multiple of the identity, Deep RFM becomes a "
        "recursion of Gram matrices that tends to collapsed classes."
    ),
    budget=60,
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    caption=(
        "NC1 (tr Σ_W / tr Σ_B) of Deep RFM by layer, measured and by the linearized recursion with shifts λ that are "
        "fitted to it, all without unit. Shifts that are not positive are left out."
    ),
)
