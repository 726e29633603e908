"""Kernel learning, and unconstrained features beside Deep RFM on real and on shuffled labels; quick: about 15 s."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from agop.datasets import Dataset
from agop.experiments.reproduce.computed import Rows, write_once
from agop.experiments.reproduce.curves import curve, number, power_of_ten
from agop.experiments.reproduce.deep_rfm_parts import deep_rfm_part, sizes
from agop.experiments.reproduce.figure import Figure, Observe, Part, Scale, Verdict
from agop.experiments.reproduce.kernel_learning_lines import KernelLearningSettings, kernel_learning_lines
from agop.records import Line, select, values_of
from agop.runs import Run

__all__ = ["BUDGET", "FIGURE"]

BUDGET = 60

_COLLAPSED = 1e-3
"""NC1 up to which unconstrained features count as collapsed."""


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:
    parts = []
    for name in data:
        settings = KernelLearningSettings(
            data=name,
            per_class=20 if scale == "quick" else 50,
            depth=sizes(scale).depth,
            width=sizes(scale).width,
            steps=60 if scale == "quick" else 100,
            device=device,
        )
        parts.append(Part(f"kernel-learning-{name}", name, {}, partial(_run, settings)))
        for shuffled in (False, True):
            part = deep_rfm_part(scale, name, "relu", device, shuffled=shuffled)
            parts.append(replace(part, columns={"panel": "labels", "shuffled": shuffled}))
    return parts


def _run(settings: KernelLearningSettings, dataset: Dataset, out: Path, observe: Observe) -> Run:
    rows = Rows.of(dataset, settings.device).balanced(settings.per_class)
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
    """Excess of the objective over its minimum and NC1 at the end, for each coding."""
    found = select(lines, panel="descent")
    ends = {coding: select(found, curve=coding)[-1] for coding in values_of(found, "curve")}
    excess = {coding: end["objective"] / end["minimum"] - 1 for coding, end in ends.items()}
    told = "; ".join(
        f"{coding}: {excess[coding]:.1%} above it, NC1 {number(end['nc1_trace_ratio'])}" for coding, end in ends.items()
    )
    steps = max(end["step"] for end in ends.values())
    return Verdict(
        f"{name}: descent on kernel matrices ends within 5 % of the objective of the collapsed one",
        {f"excess_{coding}": value for coding, value in excess.items()},
        max(excess.values()) < 0.05,
        f"{name}: from the Laplace kernel (NC1 {number(found[0]['nc1_trace_ratio'])}), {steps} steps of projected "
        f"descent lead towards the collapsed kernel, the minimiser ({told}).",
    )


def _rfm(name: str, lines: list[Line]) -> Verdict:
    """The objective along the iterates of RFM."""
    values = curve(select(lines, panel="rfm"), "objective", "step")
    first, last, least = values[min(values)], values[max(values)], min(values, key=lambda step: values[step])
    falls = all(values[step + 1] <= values[step] for step in values if step + 1 in values)
    return Verdict(
        f"{name}: the objective falls over the iterates of RFM",
        {"first": first, "last": last, "least": values[least], "least_iterate": least},
        last < first,
        f"{name}: over {max(values)} AGOP updates of RFM the objective goes from {number(first)} to {number(last)}, "
        f"{'at every update' if falls else 'not at every update'}; it is least, "
        f"{number(values[least])}, after {least}.",
    )


def _layers(name: str, lines: list[Line]) -> Verdict:
    """The objective along the layers of Deep RFM and of its control."""
    ends = {}
    for which in ("Deep RFM", "control"):
        values = curve(select(lines, panel="layers", curve=which), "objective", "step")
        ends[which] = values[min(values)], values[max(values)]
    (first, last), (_, control) = ends["Deep RFM"], ends["control"]
    (minimum, *_) = values_of(select(lines, panel="descent", curve="signed"), "minimum")
    return Verdict(
        f"{name}: the objective falls over the layers of Deep RFM, and not without the AGOP",
        {"first": first, "last": last, "control": control, "minimum": minimum},
        last < first <= control,
        f"{name}: over the layers of Deep RFM the objective of the layer's kernel goes from {number(first)} to "
        f"{number(last)}, with {number(minimum)} the least of any kernel; without the AGOP it goes to "
        f"{number(control)}.",
    )


def _unconstrained(name: str, lines: list[Line]) -> Verdict:
    """NC1 and NC2 at the end of the descent on unconstrained features, on real and on shuffled labels."""
    found = select(lines, panel="unconstrained")
    numbers: dict[str, float | None] = {}
    told = []
    for model in values_of(found, "curve"):
        ends = [select(found, curve=model, shuffled=shuffled)[-1] for shuffled in (False, True)]
        nc1, nc2 = ([end[measure] for end in ends] for measure in ("nc1_trace_ratio", "nc2_gram_mse"))
        numbers |= {f"{model}: {text}": value for text, value in zip(("real", "shuffled"), nc1, strict=True)}
        told.append(f"{model}: NC1 {number(nc1[0])} and {number(nc1[1])}, NC2 {number(nc2[0])} and {number(nc2[1])}")
    return Verdict(
        f"{name}: unconstrained features collapse alike on real and on shuffled labels",
        numbers,
        all(value is not None and value <= _COLLAPSED for value in numbers.values()),
        f"{name}: unconstrained features end, on real and on shuffled labels, at {'; '.join(told)}: this account "
        "ignores the data.",
    )


def _labels(name: str, lines: list[Line]) -> Verdict:
    """NC1 of Deep RFM at its last layer, and its fall over the layers, on real and on shuffled labels."""
    found = select(lines, panel="labels", control=False, stage="input")
    real, shuffled = (
        curve(select(found, shuffled=is_shuffled), "nc1_trace_ratio", "layer") for is_shuffled in (False, True)
    )
    last = min(max(real), max(shuffled))
    decades = [power_of_ten(values[last], values[1]) for values in (real, shuffled)]
    return Verdict(
        f"{name}: Deep RFM, unlike unconstrained features, leaves shuffled labels with ten times the NC1 of real ones",
        {"real": real[last], "shuffled": shuffled[last], "real_decades": decades[0], "shuffled_decades": decades[1]},
        shuffled[last] >= 10 * real[last],
        f"{name}: over {last} layers of Deep RFM NC1 of the inputs goes from {number(real[1])} to {number(real[last])} "
        f"on real labels, {number(decades[0])} decades, and from {number(shuffled[1])} to {number(shuffled[last])} on "
        f"shuffled ones, {number(decades[1])} decades.",
    )


FIGURE = Figure(
    name="theory-kernel-learning",
    claim=(
        "Kernel ridge regression that may also choose its kernel is biased to a collapsed one, and Deep RFM follows "
        "that bias through the data, while unconstrained features collapse whatever the data."
    ),
    budget=BUDGET,
    data={"quick": ("digits",), "cpu": ("mnist",), "paper": ("mnist", "cifar10", "svhn")},
    parts=_parts,
    verdicts=_verdicts,
)
