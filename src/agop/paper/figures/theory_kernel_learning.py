"""Kernel learning, and unconstrained features beside Deep RFM on real and on shuffled labels; quick: about 15 s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from agop.charts.chart import Curve, Curves, Dash, Grid
from agop.charts.palette import GRAY, color
from agop.datasets import Dataset
from agop.paper.computed import Rows, write_once
from agop.paper.curves import course, curve, falls_by_seed
from agop.paper.deep_rfm_parts import SIZES, deep_rfm_part
from agop.paper.figure import Figure, Observe, Part, Verdict
from agop.paper.kernel_learning_lines import KernelLearningSettings, kernel_learning_lines
from agop.paper.scales import Scale
from agop.runs import Line, Run, select, values_of

__all__ = ["FIGURE"]

_COLLAPSED = 1e-3
"""NC1 up to which unconstrained features count as collapsed."""


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:
    parts = []
    for name in data:
        settings = KernelLearningSettings(
            data=name,
            per_class=20 if scale == "quick" else 50,
            depth=SIZES[scale].depth,
            width=SIZES[scale].width,
            steps=60 if scale == "quick" else 100,
            device=device,
        )
        parts.append(Part(f"kernel-learning-{name}", name, {}, settings, _run))
        for shuffled in (False, True):
            part = deep_rfm_part(scale, name, "relu", device, shuffled=shuffled)
            parts.append(replace(part, columns={"panel": "labels", "shuffled": shuffled}))
    return parts


def _run(settings: KernelLearningSettings, dataset: Dataset, out: Path, observe: Observe) -> Run:
    rows = Rows.of(dataset, settings.standardize, settings.device).balanced(settings.per_class)
    return write_once(settings, dataset, out, lambda: kernel_learning_lines(settings, rows, observe))


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    verdicts = []
    for name in values_of(lines, "data"):
        found = select(lines, data=name)
        verdicts += [_descent(name, found), _rfm(name, found), _layers(name, found)]
        verdicts += [_unconstrained(name, found), _labels(name, found)]
    return verdicts


def _descent(name: str, lines: list[Line]) -> Verdict:
    """Excess of the objective over its minimum, at the start and at the end, and NC1 at the end, for each coding."""
    found = select(lines, panel="descent")
    curves = {coding: select(found, curve=coding) for coding in values_of(found, "curve")}
    ends = {coding: steps[-1] for coding, steps in curves.items()}
    starts, excess = (
        {coding: steps[i]["objective"] / steps[i]["minimum"] - 1 for coding, steps in curves.items()} for i in (0, -1)
    )
    return Verdict(
        f"{name}: descent on kernel matrices comes within 5 % of the objective of the collapsed one, from further away",
        {f"excess_{coding}": value for coding, value in excess.items()}
        | {f"excess_{coding}_start": value for coding, value in starts.items()}
        | {f"nc1_{coding}": end["nc1_trace_ratio"] for coding, end in ends.items()},
        max(excess.values()) < 0.05 < min(starts.values()),
    )


def _rfm(name: str, lines: list[Line]) -> Verdict:
    """The objective along the iterates of RFM, which must not rise again."""
    values = curve(select(lines, panel="rfm"), "objective", "step")
    first, last, least = values[min(values)], values[max(values)], min(values, key=lambda step: values[step])
    return Verdict(
        f"{name}: the objective falls at every AGOP update of RFM",
        {"first": first, "last": last, "least": values[least], "least_iterate": least},
        _falls_throughout(values),
    )


def _layers(name: str, lines: list[Line]) -> Verdict:
    """The objective along the layers of Deep RFM, which must not rise again, and of its control."""
    deep, without = (
        curve(select(lines, panel="layers", curve=which), "objective", "step") for which in ("Deep RFM", "control")
    )
    first, last, control = deep[min(deep)], deep[max(deep)], without[max(without)]
    least = min(deep, key=lambda layer: deep[layer])
    (minimum, *_) = values_of(select(lines, panel="descent", curve="signed"), "minimum")
    return Verdict(
        f"{name}: the objective falls at every layer of Deep RFM, and not without the AGOP",
        {"first": first, "last": last, "least": deep[least], "control": control, "minimum": minimum}
        | {"least_layer": least},
        _falls_throughout(deep) and first <= control,
    )


def _falls_throughout(values: Mapping[int, float]) -> bool:
    """Whether every value is below the one before it."""
    ordered = [values[step] for step in sorted(values)]
    return len(ordered) > 1 and all(after < before for before, after in pairwise(ordered))


def _unconstrained(name: str, lines: list[Line]) -> Verdict:
    """NC1 and NC2 at the end of the descent on unconstrained features, on real and shuffled labels, and NC1 before."""
    found = select(lines, panel="unconstrained")
    nc1: dict[str, float | None] = {}
    nc2: dict[str, float | None] = {}
    starts: list[float | None] = []
    for model in values_of(found, "curve"):
        for shuffled, text in ((False, "real"), (True, "shuffled")):
            start, *_, end = select(found, curve=model, shuffled=shuffled)
            starts.append(start["nc1_trace_ratio"])
            nc1[f"{model}: {text}"], nc2[f"NC2 of {model}: {text}"] = end["nc1_trace_ratio"], end["nc2_gram_mse"]
    return Verdict(
        f"{name}: unconstrained features collapse alike on real and on shuffled labels",
        nc1 | nc2,
        all(value is not None and value <= _COLLAPSED for value in nc1.values())
        and all(value is None or value > _COLLAPSED for value in starts),
    )


def _labels(name: str, lines: list[Line]) -> Verdict:
    """Decades by which NC1 falls over the layers of Deep RFM, on real and on shuffled labels, seed by seed."""
    found = select(lines, panel="labels", control=False, stage="input")
    real, shuffled = (
        curve(select(found, shuffled=is_shuffled), "nc1_trace_ratio", "layer") for is_shuffled in (False, True)
    )
    falls = [
        falls_by_seed(select(found, shuffled=is_shuffled), "nc1_trace_ratio", "layer") for is_shuffled in (False, True)
    ]
    last, holds = min(max(real), max(shuffled)), min(falls[0]) > max(0.0, *falls[1])
    least = {"real_least_decades": min(falls[0]), "shuffled_most_decades": max(falls[1])}
    means = {"real_decades": fmean(falls[0]), "shuffled_decades": fmean(falls[1])}
    alike = not holds and min(*falls[0], *falls[1]) > 0
    return Verdict(
        f"{name}: Deep RFM, unlike unconstrained features, collapses real labels further than shuffled ones",
        {"real": real[last], "shuffled": shuffled[last], **means, **least},
        holds,
        "random labels collapse as well as real ones" if alike else "",
    )


def _chart(run: Run) -> Grid:
    """The objective three times, and NC1 on real and on shuffled labels, dashed; a row for each data set."""
    lines: list[Line] = list(run.metrics())
    rows = {}
    for name in values_of(lines, "data"):
        found = select(lines, data=name)
        descent = select(found, panel="descent")
        excess = [
            course(
                [{**line, "excess": line["objective"] / line["minimum"] - 1} for line in select(descent, curve=coding)],
                *("step", "excess", f"{coding} targets", color(place)),
            )
            for place, coding in enumerate(values_of(descent, "curve"))
        ]
        (minimum, *_) = values_of(select(descent, curve="signed"), "minimum")
        rows[name] = {
            "free kernels: objective / minimum − 1": Curves("step", "objective / minimum − 1", excess),
            "RFM: objective": _objectives(select(found, panel="rfm"), "AGOP updates", minimum),
            "Deep RFM: objective": _objectives(select(found, panel="layers"), "layer", minimum),
            "unconstrained features: NC1": _of_labels(select(found, panel="unconstrained"), "step"),
            "Deep RFM: NC1 of the inputs": _of_labels(
                [{"curve": "Deep RFM", **line} for line in select(found, panel="labels", control=False, stage="input")],
                "layer",
            ),
        }
    return Grid(rows)


_STYLES: Mapping[str, tuple[str, Dash]] = {
    "RFM": (color(3), "solid"),
    "Deep RFM": (color(4), "solid"),
    "control": (GRAY, "dash"),
}


def _objectives(lines: list[Line], x_title: str, minimum: float) -> Curves:
    curves = [
        course(select(lines, curve=name), "step", "objective", name, *_STYLES[name])
        for name in values_of(lines, "curve")
    ]
    steps = sorted(values_of(lines, "step"))
    ends = [steps[0], steps[-1]]
    return Curves(x_title, "objective", [*curves, Curve("least of any kernel", ends, [minimum] * 2, GRAY, dash="dot")])


def _of_labels(lines: list[Line], along: str) -> Curves:
    curves = [
        course(
            select(lines, curve=name, shuffled=shuffled),
            *(along, "nc1_trace_ratio", f"{name}, shuffled labels" if shuffled else name, paint),
            "dash" if shuffled else "solid",
        )
        for place, name in enumerate(values_of(lines, "curve"))
        for paint in [_STYLES[name][0] if name in _STYLES else color(5 + place)]
        for shuffled in (False, True)
    ]
    return Curves(along, "NC1", curves)


FIGURE = Figure(
    name="theory-kernel-learning",
    claim=(
        "Kernel ridge regression that may also choose its kernel is biased to a collapsed one, and Deep RFM follows "
        "that bias through the data, while unconstrained features collapse whatever the data."
    ),
    budget=60,
    data={"quick": ("digits",), "cpu": ("mnist",), "paper": ("mnist", "cifar10", "svhn")},
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    caption=(
        "Objective of kernel ridge regression, a sum over rows and outputs: over its least value, less 1, by descent "
        "on kernel matrices, and itself by RFM and by Deep RFM; NC1 (tr Σ_W / tr Σ_B, without unit) of unconstrained "
        "and of learned features. Dashed: shuffled labels, or the control without the AGOP."
    ),
)
