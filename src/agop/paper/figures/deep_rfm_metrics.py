"""NC1 and NC2 of Deep RFM by layer and stage, for ReLU and cosine features; quick: about 10 s."""

from __future__ import annotations

from math import log10
from statistics import fmean

from agop.charts.chart import Curves, Grid
from agop.deep_rfm.plots import STAGES
from agop.paper.curves import curve, falls_by_seed, family, power_of_ten
from agop.paper.deep_rfm_parts import FEATURES, deep_rfm_part
from agop.paper.figure import Figure, Part, Verdict
from agop.paper.scales import Scale
from agop.runs import Line, Run, select, values_of

__all__ = ["FIGURE", "cause", "fall"]

_FALL, _LATE_FALL = 1.0, 0.3
"""Decades by which NC1 of the layer inputs falls where they collapse: tenfold over all layers, and twofold over the
second half of them, since a random map that undoes what the AGOP does lets NC1 fall at the first layers alone."""


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:
    return [deep_rfm_part(scale, name, features, device) for name in data for features in FEATURES]


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    verdicts = []
    for part in values_of(lines, "part"):
        found = select(lines, part=part)
        name = f"{found[0]['data']}, {found[0]['features']}"
        verdicts += [cause(name, found), fall(name, found), _frame(name, found)]
    return verdicts


def cause(name: str, lines: list[Line]) -> Verdict:
    """Decades of NC1 at the AGOP step, at the random map, over all layers, and over those of the control.

    The AGOP must lower NC1 and leave it lower: the inputs fall tenfold over the layers, and go on to fall over the
    second half of them, for every seed. Random map and control each make less than a tenth of the AGOP's fall.
    """
    nc1 = {stage: _by_layer(lines, "nc1_trace_ratio", stage) for stage in ("input", "agop", "features")}
    common = sorted(set.intersection(*(set(found) for found in nc1.values())))
    at_agop = fmean(power_of_ten(nc1["agop"][layer], nc1["input"][layer]) for layer in common)
    at_map = fmean(power_of_ten(nc1["features"][layer], nc1["agop"][layer]) for layer in common)
    control = _by_layer(lines, "nc1_trace_ratio", "input", control=True)
    first, last = min(control), max(control)
    control_fall = power_of_ten(control[last], control[first])
    inputs = select(lines, stage="input", control=False)
    half = [line for line in inputs if line["layer"] >= (common[0] + common[-1]) // 2]
    falls, late = (falls_by_seed(found, "nc1_trace_ratio", "layer") for found in (inputs, half))
    is_net = min(falls) >= _FALL and min(late) >= _LATE_FALL
    holds = is_net and at_map < 0.1 * at_agop and control_fall < 0.1 * at_agop * len(common)
    return Verdict(
        f"{name}: the AGOP stage, not the random map, collapses the features",
        {
            "agop_decades": at_agop,
            "map_decades": at_map,
            "decades": fmean(falls),
            "least_decades": min(falls),
            "least_late_decades": min(late),
            "control_decades": control_fall,
        },
        holds,
    )


def fall(name: str, lines: list[Line]) -> Verdict:
    """NC1 of the layer inputs at the first and the last layer; it must fall tenfold for every seed."""
    falls = falls_by_seed(select(lines, stage="input", control=False), "nc1_trace_ratio", "layer")
    nc1 = _by_layer(lines, "nc1_trace_ratio", "input")
    agop = _by_layer(lines, "nc1_trace_ratio", "agop")
    first, last = min(nc1), max(nc1)
    return Verdict(
        f"{name}: NC1 of the layer inputs falls tenfold or more over the layers",
        {"first": nc1[first], "last": nc1[last], "last_agop": agop.get(last), "least_decades": min(falls)},
        min(falls) >= _FALL,
    )


def _frame(name: str, lines: list[Line]) -> Verdict:
    """NC2 of the layer inputs, which must fall threefold for every seed, and three times as far as in the control."""
    falls, control_falls = (
        falls_by_seed(select(lines, stage="input", control=control), "nc2_gram_mse", "layer")
        for control in (False, True)
    )
    control = _by_layer(lines, "nc2_gram_mse", "input", control=True)
    nc2 = _by_layer(lines, "nc2_gram_mse", "input")
    first, last = min(nc2), max(nc2)
    best = min(nc2, key=lambda layer: nc2[layer])
    return Verdict(
        f"{name}: NC2 of the layer inputs falls threefold or more, and three times as far as without the AGOP",
        {"first": nc2[first], "last": nc2[last], "least": nc2[best], "least_layer": best, "control": control[last]}
        | {"least_decades": min(falls), "control_most_decades": max(control_falls)},
        min(falls) - max(0.0, *control_falls) >= log10(3),
    )


def _by_layer(lines: list[Line], measure: str, stage: str, *, control: bool = False) -> dict[int, float]:
    return curve(select(lines, stage=stage, control=control), measure, "layer")


def _chart(run: Run) -> Grid:
    """A row for each measure and kind of features, a column for each data set; the control dashed."""
    lines: list[Line] = list(run.metrics())
    rows: dict[str, dict[str, Curves]] = {}
    for title, measure in (("NC1", "nc1_trace_ratio"), ("NC2", "nc2_gram_mse")):
        for part in values_of(lines, "part"):
            found, control = (select(lines, part=part, control=control) for control in (False, True))
            curves = family(found, "layer", measure, ("stage", STAGES))
            curves += family(control, "layer", measure, ("stage", {"input": f"{STAGES['input']}, control"}), "dash")
            row = rows.setdefault(f"{title}, {_FEATURES[found[0]['features']]} features", {})
            row[found[0]["data"]] = Curves("layer", title, curves)
    return Grid(rows)


_FEATURES = {"relu": "ReLU", "cosine": "cosine"}
"""Name of each kind of features."""


FIGURE = Figure(
    name="deep-rfm-metrics",
    claim=(
        "Deep RFM collapses real data layer by layer, in NC1 and in NC2, for ReLU and for cosine features alike, and "
        "it is the multiplication by the root of the AGOP that does it, not the random map."
    ),
    budget=30,
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    caption=(
        "NC1 (tr Σ_W / tr Σ_B) and NC2 (mean squared difference of the cosines between class means from those of a "
        "simplex frame), both without unit, by layer at each stage. Dashed: the control, the identity in place of the "
        "AGOP."
    ),
)
