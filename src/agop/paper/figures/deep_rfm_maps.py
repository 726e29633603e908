"""Collapse with cosine features by scale and kernel of the random map; quick: about 20 s."""

from __future__ import annotations

from typing import cast

from agop.charts.chart import Curve, Curves, Dash, Grid
from agop.charts.palette import GRAY, color
from agop.paper.curves import course, curve, falls_by_seed
from agop.paper.deep_rfm_parts import MAPS, deep_rfm_part
from agop.paper.figure import Figure, Part, Verdict
from agop.paper.figures.deep_rfm_metrics import cause, fall
from agop.paper.scales import Scale
from agop.runs import Line, Run, select, values_of

__all__ = ["FIGURE"]

_COMPARED = (
    ("cosine-row-norm", "cosine", "of a small scale, on rows of mean norm 1, NC1 falls further than as published"),
    ("gaussian-row-norm", "cosine-row-norm", "without a kink of the kernel at 0 NC1 falls further than with one"),
)
"""Maps that should collapse further, those that they are compared with, and the claim."""


_NAMES = {
    "relu": "ReLU",
    "cosine": "cosine, Cauchy (published)",
    "cosine-row-norm": "cosine, Cauchy, γ = 0.02, row norm 1",
    "gaussian": "cosine, Gaussian, L = 2",
    "gaussian-row-norm": "cosine, Gaussian, L = 0.7, row norm 1",
}
"""Name of each map."""


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:
    return [deep_rfm_part(scale, name, features, device) for name in data for features in MAPS]


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    verdicts = []
    for data in values_of(lines, "data"):
        of_data = select(lines, data=data)
        for features in values_of(of_data, "features"):
            found = select(of_data, features=features)
            verdicts += [cause(f"{data}, {features}", found), fall(f"{data}, {features}", found)]
        verdicts += [_further(data, of_data, *pair) for pair in _COMPARED]
    return verdicts


def _further(data: str, lines: list[Line], which: str, other: str, claim: str) -> Verdict:
    """Whether NC1 of the layer inputs falls by more decades with one map, at worst, than with another at best."""
    inputs = {name: select(lines, features=name, stage="input", control=False) for name in (which, other)}
    falls = {name: falls_by_seed(found, "nc1_trace_ratio", "layer") for name, found in inputs.items()}
    distances = {name: curve(found, "scaled_distance", "layer") for name, found in inputs.items()}
    return Verdict(
        f"{data}: with cosine features {claim}",
        {f"{name}_{end}_decades": of(falls[name]) for name in falls for end, of in (("least", min), ("most", max))}
        | {f"{name}_scaled_distance": max(distances[name].values(), default=None) for name in distances},
        min(falls[which]) > max(0.0, *falls[other]),
    )


def _chart(run: Run) -> Grid:
    """NC1 of the layer inputs, and how saturated each map is, a column for each data set; controls dashed."""
    lines: list[Line] = list(run.metrics())
    measures = {"nc1_trace_ratio": "NC1 of the layer inputs", "scaled_distance": "distance across classes"}
    rows: dict[str, dict[str, Curves]] = {title: {} for title in measures.values()}
    for data in values_of(lines, "data"):
        inputs = select(lines, data=data, stage="input")
        for measure, title in measures.items():
            curves = [Curve("controls, without the AGOP", [], [], GRAY, dash="dash")]
            for place, (features, name) in enumerate(_NAMES.items()):
                for control in (False, True):
                    here = select(inputs, features=features, control=control)
                    label, dash = ("", "dash") if control else (name, "solid")
                    curves.append(course(here, "layer", measure, label, color(place), cast(Dash, dash)))
            rows[title][data] = Curves("layer", title, curves)
    return Grid(rows)


FIGURE = Figure(
    name="deep-rfm-maps",
    claim="Deep RFM collapses real data with ReLU and with cosine features alike, and the AGOP is the cause.",
    budget=60,
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    measures=(
        *("seed", "control", "layer", "stage", "nc1_trace_ratio", "nc2_gram_mse", "scaled_distance"),
        *("train_accuracy", "test_accuracy"),
    ),
    caption=(
        "NC1 (tr Σ_W / tr Σ_B) of the inputs of each layer, and the median distance between samples of two classes "
        "after the AGOP, in units of the width of the kernel of the random map. Dashed: the controls, without the "
        "AGOP."
    ),
)
