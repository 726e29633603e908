"""The linearised recursion laid over Deep RFM on real data, with an error measure; quick: about 5 s."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import fmean

from agop.datasets import Dataset, subset
from agop.experiments.deep_rfm import DeepRFMSettings
from agop.experiments.reproduce.computed import Rows, write_once
from agop.experiments.reproduce.curves import curve, number, power_of_ten
from agop.experiments.reproduce.deep_rfm_parts import DATA, FEATURES, deep_rfm_settings
from agop.experiments.reproduce.figure import Figure, Observe, Part, Scale, Verdict
from agop.experiments.reproduce.recursion_lines import recursion_lines
from agop.records import Line, select, values_of
from agop.runs import Run

__all__ = ["BUDGET", "FIGURE"]

BUDGET = 60

_MOST_ROWS = 2000
"""Rows of the comparison: the recursion solves with matrices over pairs of samples in float64."""

_CLOSE = 0.3
"""Decades of mean error up to which a prediction counts as good: a factor of two."""

_CURVES = {
    "one step": ("agop", "after one AGOP step from the measured inputs of each layer"),
    "first": ("features", "after the random map, from layer 1 with both shifts fitted there,"),
    "refitted": ("features", "after the random map, from layer 1 with both shifts fitted at every layer,"),
    "explained": ("features", "after the random map, from layer 1 with its rise there as measured,"),
}


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:
    parts = []
    for name in data:
        for features in FEATURES:
            settings = deep_rfm_settings(scale, name, features, device)
            parts.append(Part(f"recursion-{name}-{features}", name, {"features": features}, partial(_run, settings)))
    return parts


def _run(settings: DeepRFMSettings, dataset: Dataset, out: Path, observe: Observe) -> Run:
    samples = min(settings.samples or _MOST_ROWS, _MOST_ROWS, len(dataset.train_labels))
    rows = Rows.of(subset(dataset, samples, 0), settings.device)
    return write_once(settings, dataset, out, lambda: recursion_lines(settings, rows, observe))


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    verdicts = []
    for part in values_of(lines, "part"):
        found = select(lines, part=part)
        name = f"{found[0]['data']}, {found[0]['features']}"
        verdicts += [_error(name, found, which, *where) for which, where in _CURVES.items()]
    return verdicts


def _error(name: str, lines: list[Line], which: str, stage: str, how: str) -> Verdict:
    """Mean distance in decades of the predicted NC1 from the measured one, at a stage of every layer."""
    claim = f"{name}: NC1 predicted {how} is right within a factor of two on average"
    pairs = _pairs(lines, which, stage)
    if not pairs:
        return Verdict(claim, {}, None, f"{name}: there is no prediction {how}.")
    error, (layer, measured, predicted) = _mean_error(pairs), pairs[-1]
    numbers: dict[str, float | None] = {"mean_error_decades": error, "measured": measured, "predicted": predicted}
    sentence = (
        f"{name}: NC1 predicted {how} is off by {number(error)} decades on average over {len(pairs)} layers; at layer "
        f"{layer} it is {number(predicted)} where {number(measured)} was measured"
    )
    if stage == "features" and (before := _pairs(lines, which, "agop")):
        numbers["agop_mean_error_decades"] = _mean_error(before)
        sentence += f"; before the random map it is off by {number(_mean_error(before))} decades on average"
    return Verdict(claim, numbers, error <= _CLOSE, f"{sentence}.")


def _pairs(lines: list[Line], which: str, stage: str) -> list[tuple[int, float, float]]:
    """Layer, measured NC1 and predicted NC1, where there are both."""
    measured, predicted = (
        curve(select(lines, curve=each, stage=stage), "nc1_trace_ratio", "layer") for each in ("measured", which)
    )
    return [(layer, measured[layer], predicted[layer]) for layer in sorted(measured.keys() & predicted.keys())]


def _mean_error(pairs: list[tuple[int, float, float]]) -> float:
    return fmean(abs(power_of_ten(measured, predicted)) for _, measured, predicted in pairs)


FIGURE = Figure(
    name="theory-recursion",
    claim=(
        "In high dimension, where kernels act as inner products plus a multiple of the identity, Deep RFM becomes a "
        "recursion of Gram matrices that tends to collapsed classes."
    ),
    budget=BUDGET,
    data=DATA,
    parts=_parts,
    verdicts=_verdicts,
)
