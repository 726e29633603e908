"""Findings on runs of Deep RFM: the fall of a measure, its cause, the control, accuracy, spectra."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import exp, isfinite, log
from typing import Any, TypeAlias

from torch import Tensor

from agop.charts.changes import SAME, Change, is_still, plain_change
from agop.charts.findings import Finding, number_text, percent, spread
from agop.charts.judging import UNSETTLED, compared, not_fitted, of_each, zeros
from agop.collapse import MEASURES
from agop.deep_rfm.result import DeepRFMResult
from agop.runs import Line, SeedSummary, select, summarize_seeds

__all__ = ["accuracy_findings", "collapse_findings", "comparison", "deep_rfm_findings", "spectrum_findings"]

Layers: TypeAlias = Mapping[int, SeedSummary]

_NAMES = {name: MEASURES[name].label for name in ("nc1_trace_ratio", "nc2_gram_mse")}

_ACCURACIES = {"test_accuracy": "test accuracy", "train_accuracy": "training accuracy"}

_INPUTS = {False: "layer inputs", True: "control, without the AGOP"}
"""Names of the inputs, by whether the lines are of the control."""

_STEPS = ("AGOP step", "random features", "normalization")
"""Steps in a layer, up to the normalized input of the next."""


def deep_rfm_findings(results: Sequence[DeepRFMResult]) -> list[Finding]:
    """Findings on the fit, the fall of NC1, its cause, the control, and the accuracy; which run ends lowest.

    Examples
    --------
    >>> lines = [
    ...     {"seed": 0, "control": False, "layer": layer, "stage": stage, "nc1_trace_ratio": nc1, "train_accuracy": 1.0}
    ...     for layer, stage, nc1 in [(1, "input", 4.0), (1, "agop", 1.0), (1, "features", 2.0), (2, "input", 2.0)]
    ... ]
    >>> for finding in deep_rfm_findings([DeepRFMResult("run", {"settings": {}}, lines)]):
    ...     print(*filter(None, finding.cells()), sep=" | ")
    NC1, layer inputs, layers 1 to 2 | 4 → 2 | ×0.5 a layer
    NC1, AGOP step, layer 1 | ×0.25 | 100 % of the fall
    NC1, random features, layer 1 | ×2 | undoes 50 % of the fall
    NC1, normalization, layer 1 | ×1 | leaves it as it is
    NC1, all steps, layer 1 | ×0.5
    """
    measure = "nc1_trace_ratio"

    def found(run: DeepRFMResult) -> list[Finding]:
        return [*not_fitted(run.fit()), *_measure(run.lines, measure), *_accuracy(run.lines, "test_accuracy")]

    return [*comparison(results, measure), *of_each(results, found)]


def collapse_findings(results: Sequence[DeepRFMResult], measure: str) -> list[Finding]:
    """Findings on the course of "nc1_trace_ratio" or "nc2_gram_mse" in each run, and which run ends lowest."""
    return [*comparison(results, measure), *of_each(results, lambda run: _measure(run.lines, measure))]


def comparison(results: Sequence[DeepRFMResult], measure: str) -> list[Finding]:
    """Which of several runs ends with the lowest NC1 or NC2; of runs of a control alone that counts."""
    ends = {result.name: end for result in results if (end := _end(result.lines, measure)) is not None}
    fits = {result.name: result.fit() for result in results}
    depths = {max(line["layer"] for line in result.lines) for result in results if result.name in ends}
    where = "last layer of each" if len(depths) > 1 else "last layer"
    return compared(_NAMES[measure], where, ends, fits)


def accuracy_findings(results: Sequence[DeepRFMResult]) -> list[Finding]:
    """Accuracy of the first, last and best layer of each run."""
    return of_each(results, lambda run: _accuracy(run.lines, "test_accuracy") or _accuracy(run.lines, "train_accuracy"))


def spectrum_findings(results: Sequence[DeepRFMResult], spectra: Sequence[Mapping[int, Tensor]]) -> list[Finding]:
    """Effective rank of the AGOP, and how many eigenvalues hold 90 % of its trace."""
    layers_of = dict(zip((result.name for result in results), spectra, strict=True))

    def found(result: DeepRFMResult) -> list[Finding]:
        layers = {layer: values.double() for layer, values in layers_of[result.name].items()}
        if not layers:
            return []
        first, last = min(layers), max(layers)
        start, end = (float(layers[k].sum() ** 2 / layers[k].square().sum()) for k in (first, last))
        count = int((layers[last].cumsum(0) < 0.9 * layers[last].sum()).sum()) + 1
        went = plain_change(start, end) if first < last else None
        return [
            Finding("effective rank of the AGOP", _span(first, last), end, course=went),
            Finding("eigenvalues that hold 90 % of the trace", f"layer {last}", count),
        ]

    return of_each(results, found)


def _measure(lines: Sequence[Line], measure: str) -> list[Finding]:
    """Course of a measure of the inputs and of the control, the steps between, and layers where it is 0."""
    name, found = _NAMES[measure], summarize_seeds(lines, measure)
    inputs, control = ([_course(name, k, found[k, "input"])] if (k, "input") in found else [] for k in _INPUTS)
    zero = [
        finding
        for k, where in _INPUTS.items()
        for finding in zeros(name, where, select(lines, stage="input", control=k), measure)
    ]
    if not found:
        return zero or [Finding(name, "layer inputs", None, notes=("not known at any layer",))]
    return [*inputs, *_steps(name, found), *control, *zero]


def _course(name: str, control: bool, layers: Layers) -> Finding:
    """Factor a layer from the first to the last; on the way there may be a value beyond both ends."""
    first, last = min(layers), max(layers)
    where, end = f"{_INPUTS[control]}, {_span(first, last)}", layers[last]
    if first == last:
        return Finding(name, where, end.mean, interval=spread(end))
    change = Change.between(layers[first], end, steps=last - first, step="layer")
    finding = Finding.of(name, where, change, end)
    if change is None or change.direction not in ("falls", "rises"):
        return finding
    far, most = (min, "lowest") if change.direction == "falls" else (max, "highest")
    layer = far(layers, key=lambda layer: layers[layer].mean)
    note = f"{most} at layer {layer}: {number_text(layers[layer].mean)}"
    return finding if layer == last else replace(finding, notes=(*finding.notes, note))


def _steps(name: str, found: Mapping[tuple[bool, str], Layers]) -> list[Finding]:
    """Factor of each step between two layers, its share of the fall, and what all of them make together.

    Geometric means over the layers with all stages that have a next one; if there is none, over those with all stages.
    """
    stages = [found.get((False, stage), {}) for stage in ("input", "agop", "features")]
    whole = sorted(set.intersection(*map(set, stages)))
    layers = [layer for layer in whole if layer + 1 in stages[0]]
    ways = [[stage[layer] for stage in stages] for layer in layers or whole]
    for layer, way in zip(layers, ways, strict=False):
        way.append(stages[0][layer + 1])
    by_seed: dict[str, dict[Any, list[float]]] = defaultdict(lambda: defaultdict(list))
    for way in ways:
        courses = [dict(summary.values) for summary in way]
        for seed in set.intersection(*map(set, courses)):
            for step, (before, after) in zip(_STEPS, pairwise(courses), strict=False):
                by_seed[step][seed].append(log(before[seed] / after[seed]))
    if not by_seed:
        return []
    drops = {
        step: SeedSummary.of({seed: sum(falls) / len(falls) for seed, falls in seeds.items()}, log=False)
        for step, seeds in by_seed.items()
    }
    falls = {step: 0.0 if is_still(drop) else drop.mean for step, drop in drops.items()}
    unsure = {step for step, drop in drops.items() if not is_still(drop) and not drop.is_beyond_spread}
    shares, verdict = _causes(falls, unsure)
    where = _span((layers or whole)[0], (layers or whole)[-1])
    findings = []
    for step, fall in falls.items():
        notes = shares.get(step, ""), UNSETTLED if step in unsure else ""
        findings.append(Finding(name, f"{step}, {where}", exp(-fall), "x", notes=tuple(filter(None, notes))))
    net = exp(-sum(drop.mean for drop in drops.values()))
    return [*findings, Finding(name, f"all steps, {where}", net, "x", notes=(verdict,) if verdict else ())]


def _causes(falls: Mapping[str, float], unsure: set[str]) -> tuple[dict[str, str], str]:
    """Share of each step in the fall or in what undoes it; a verdict instead where nothing falls on the whole.

    Examples
    --------
    >>> _causes({"AGOP step": 2.0, "random features": -0.5}, set())
    ({'AGOP step': '100 % of the fall', 'random features': 'undoes 25 % of the fall'}, '')
    >>> _causes({"AGOP step": 2.0, "random features": -2.0}, set())
    ({}, 'no net fall: the rises undo the falls')
    """
    fall, rise = (sum(max(0.0, sign * each) for each in falls.values()) for sign in (1, -1))
    lower = {step for step, each in falls.items() if each > 0}
    if not lower:
        return {}, "no step makes it fall"
    if lower <= unsure:
        return {}, "no step makes it fall beyond the spread"
    if rise > fall - log(SAME):
        return {}, "no net fall: the rises undo the falls"
    words = {1: "{} of the fall", 0: "leaves it as it is", -1: "undoes {} of the fall"}
    signs = {step: (each > 0) - (each < 0) for step, each in falls.items()}
    return {step: words[signs[step]].format(percent(abs(each) / fall)) for step, each in falls.items()}, ""


def _accuracy(lines: Sequence[Line], measure: str) -> list[Finding]:
    """Accuracy of the predictors, or that of a control alone, where it is known."""
    found = summarize_seeds(lines, measure, log=False)
    shown = next((control for control in _INPUTS if (control, "input") in found), None)
    return [] if shown is None else [_best(_ACCURACIES[measure], shown, found[shown, "input"])]


def _best(name: str, control: bool, layers: Layers) -> Finding:
    """Whether a layer on the way is better than the last, beyond the spread over seeds."""
    first, last = min(layers), max(layers)
    whose = f"{_INPUTS[True]}, " if control else ""
    if first == last:
        return Finding(name, f"{whose}layer {last}", layers[last].mean, interval=spread(layers[last]))
    shown = {layer: round(summary.mean, 3) for layer, summary in layers.items()}
    best = max(shown, key=lambda layer: shown[layer])
    change = Change.between(layers[first], layers[last], log=False)
    finding = Finding.of(name, whose + _span(first, last), change, layers[last])
    if shown[best] == shown[last]:
        return finding
    gain = Change.between(layers[last], layers[best], log=False)
    if best == first:
        note = "no layer is better than the first"
    elif gain is None or gain.direction != "rises":
        note = f"no layer is better than the last: {UNSETTLED}"
    else:
        note = f"best at layer {best}: {number_text(layers[best].mean)}"
    return replace(finding, notes=(*finding.notes, note))


def _end(lines: Sequence[Line], measure: str) -> SeedSummary | None:
    """Measure of the last layer input, or of the control if it was run alone; 0 if it is that for a seed."""
    inputs = select(lines, stage="input", control=False) or select(lines, stage="input", control=True)
    depth = max((line["layer"] for line in inputs), default=0)
    last = {line["seed"]: line.get(measure) for line in inputs if line["layer"] == depth}
    values = {seed: value for seed, value in last.items() if value is not None and isfinite(value)}
    return SeedSummary.with_zeros(values) if values else None


def _span(first: int, last: int) -> str:
    return f"layers {first} to {last}" if first < last else f"layer {last}"
