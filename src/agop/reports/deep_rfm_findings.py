"""What the numbers of Deep RFM runs say, in plain words computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import TypeAlias

from torch import Tensor

from agop.records import Line, SeedSummary, select, summarise_seeds
from agop.reports.deep_rfm_steps import Steps
from agop.reports.results import DeepRFMResult
from agop.reports.wording import SAME, lowest, of_run, zeros

__all__ = [
    "accuracy_findings",
    "collapse_findings",
    "deep_rfm_comparison",
    "deep_rfm_findings",
    "spectrum_findings",
]

Layers: TypeAlias = Mapping[int, SeedSummary]

_NAMES = {"nc1_trace_ratio": "NC1", "nc2_gram_mse": "NC2"}

_INPUTS = {False: "of the layer inputs", True: "of the control, without the AGOP,"}
"""Whose measure it is, by whether the lines are of the control."""


def deep_rfm_findings(lines: Iterable[Line]) -> list[str]:
    r"""Sentences about the fall of NC1, its cause, the control, and the accuracy.

    Examples
    --------
    >>> lines = [
    ...     {"seed": 0, "control": False, "layer": layer, "stage": stage, "nc1_trace_ratio": nc1,
    ...      "train_accuracy": 1.0, "test_accuracy": None}
    ...     for layer, stage, nc1 in [(1, "input", 4.0), (1, "agop", 1.0), (1, "features", 2.0), (2, "input", 2.0)]
    ... ]
    >>> print(*deep_rfm_findings(lines), sep="\n")
    NC1 of the layer inputs falls from 4 at layer 1 to 2 at layer 2, 2x a layer.
    The AGOP step divides NC1 by 4 and the random features multiply it by 2 (layer 1): all of the fall is at the AGOP
    step, and the random features undo 50 % of it.
    """
    lines = list(lines)
    accuracy = _shown(lines, "test_accuracy", log=False)
    return [
        *_measure_findings(lines, "nc1_trace_ratio", "NC1"),
        *([_accuracy("Test", *accuracy)] if accuracy is not None else []),
    ]


def collapse_findings(results: Sequence[DeepRFMResult], measure: str) -> list[str]:
    """Sentences about the course of "nc1_trace_ratio" or "nc2_gram_mse" in each run, and which run ends lowest."""
    name = _NAMES[measure]
    if len(results) == 1:
        (result,) = results
        left_out = _zeros(result.lines, measure, name) if _shown(result.lines, measure) else []
        return [_in_short(result.lines, measure, name), *left_out]
    sentences = []
    for result in results:
        if shown := _shown(result.lines, measure):
            control, layers = shown
            found = [_course(f"{name} {_INPUTS[control]}", layers), *_zeros(result.lines, measure, name)]
            sentences += [of_run(results, result, sentence) for sentence in found]
    return [*deep_rfm_comparison(results, measure), *sentences]


def deep_rfm_comparison(results: Sequence[DeepRFMResult], measure: str = "nc1_trace_ratio") -> list[str]:
    """A sentence on which of several runs ends with the lowest NC1 or NC2; of runs of a control alone that counts."""
    ends = {result.name: end for result in results if (end := _end(result.lines, measure)) is not None}
    return [lowest(f"At the last layer {_NAMES[measure]}", ends)] if len(ends) > 1 else []


def accuracy_findings(results: Sequence[DeepRFMResult]) -> list[str]:
    """Sentences about the accuracy of the first, last and best layer of each run."""
    findings = []
    for result in results:
        for measure, name in (("test_accuracy", "Test"), ("train_accuracy", "Training")):
            if shown := _shown(result.lines, measure, log=False):
                findings.append(of_run(results, result, _accuracy(name, *shown)))
                break
    return findings


def spectrum_findings(results: Sequence[DeepRFMResult], spectra: Sequence[Mapping[int, Tensor]]) -> list[str]:
    """Sentences about the effective rank of the AGOP, and how many eigenvalues hold 90 % of its trace."""
    findings = []
    for result, layers in zip(results, spectra, strict=True):
        if layers:
            first, last = min(layers), max(layers)
            ranks = [float(layers[k].double().sum() ** 2 / layers[k].double().square().sum()) for k in (first, last)]
            count = int((layers[last].double().cumsum(0) < 0.9 * layers[last].double().sum()).sum()) + 1
            ends = f"{ranks[0]:.3g} at layer {first}"
            ends += f" and {ranks[1]:.3g} at layer {last}" if first < last else ""
            verb = "eigenvalues hold" if count > 1 else "eigenvalue holds"
            sentence = f"The effective rank of the AGOP is {ends}, where {count} {verb} 90 % of its trace."
            findings.append(of_run(results, result, sentence))
    return findings


def _shown(lines: Iterable[Line], measure: str, *, log: bool = True) -> tuple[bool, Layers] | None:
    """A measure of the layer inputs, or of the control if it was run alone, with whether it is that."""
    found = summarise_seeds(lines, measure, log=log)
    return next(((control, found[control, "input"]) for control in _INPUTS if (control, "input") in found), None)


def _end(lines: Sequence[Line], measure: str) -> float | None:
    """A measure of the last layer input, or of the control if it was run alone; 0 if it is that for a seed."""
    inputs = select(lines, stage="input", control=False) or select(lines, stage="input", control=True)
    last = [line.get(measure) for line in inputs if line["layer"] == max(other["layer"] for other in inputs)]
    values = [value for value in last if value is not None and isfinite(value)]
    if not values:
        return None
    return SeedSummary.of(values).mean if min(values) > 0 else 0.0


def _zeros(lines: Sequence[Line], measure: str, name: str) -> list[str]:
    found = {control: select(lines, stage="input", control=control) for control in _INPUTS}
    return [text for control, part in found.items() for text in zeros(f"{name} {_INPUTS[control]}", part, measure)]


def _measure_findings(lines: Sequence[Line], measure: str, name: str) -> list[str]:
    found = summarise_seeds(lines, measure)
    if not found:
        return [f"No layer has a positive, finite {name}."]
    findings = []
    if (False, "input") in found:
        findings.append(_course(f"{name} {_INPUTS[False]}", found[False, "input"]))
    if (steps := Steps.of(found)) is not None:
        findings.append(steps.sentence(name))
    if (True, "input") in found:
        findings.append(_course(f"{name} {_INPUTS[True]}", found[True, "input"]))
    return [*findings, *_zeros(lines, measure, name)]


def _in_short(lines: Iterable[Line], measure: str, name: str) -> str:
    """The course of a measure, its cause, and the control, in one sentence."""
    found = summarise_seeds(lines, measure)
    inputs, control = found.get((False, "input")), found.get((True, "input"))
    if inputs is None:
        if control is None:
            return f"No layer has a positive, finite {name}."
        return f"{_pace(f'Without the AGOP {name}', control)}."
    parts = [_pace(name, inputs)]
    if (steps := Steps.of(found)) is not None:
        parts.append(steps.cause())
    if control is not None:
        parts.append(_pace("without the AGOP it", control))
    return f"{'; '.join(parts)}."


def _pace(name: str, layers: Layers) -> str:
    """Factor a layer, without the ends."""
    first, last = min(layers), max(layers)
    if first == last:
        return f"{name} is {layers[last].mean:.3g} at layer {last}"
    return f"{name} {' '.join(_change(layers))}"


def _change(layers: Layers) -> tuple[str, ...]:
    """What a measure does on the way from its first to its last layer, and by which factor a layer."""
    first, last = min(layers), max(layers)
    start, end = layers[first].mean, layers[last].mean
    factor = max(start / end, end / start) ** (1 / (last - first))
    if factor < SAME:
        return ("hardly changes",)
    return "falls" if end < start else "rises", f"{factor:.3g}x a layer"


def _course(name: str, layers: Layers) -> str:
    first, last = min(layers), max(layers)
    start, end = (f"{layers[layer].mean:.3g}" for layer in (first, last))
    if last == first:
        text = f"{name} is {end} at layer {last}"
    else:
        verb, *factor = _change(layers)
        text = ", ".join([f"{name} {verb} from {start} at layer {first} to {end} at layer {last}", *factor])
    if layers[last].n_seeds > 1:
        text += f" (95 % interval at layer {last}: {layers[last].low:.3g} to {layers[last].high:.3g}, "
        text += f"{layers[last].n_seeds} seeds)"
    return text + "."


def _accuracy(name: str, control: bool, layers: Layers) -> str:
    first, last = min(layers), max(layers)
    whose = _INPUTS[True] if control else f"of the layer predictor{'s' if first < last else ''}"
    shown = {layer: f"{layers[layer].mean:.3f}" for layer in layers}
    if first == last:
        return f"{name} accuracy {whose} is {shown[last]}."
    best = max(layers, key=lambda layer: float(shown[layer]))
    text = f"{name} accuracy {whose} is {shown[first]} at layer {first} and {shown[last]} at layer {last}"
    if best == first:
        return f"{text}; no layer is better than the first." if shown[last] != shown[first] else f"{text}."
    return f"{text}." if shown[best] == shown[last] else f"{text}; it is best at layer {best}, {shown[best]}."
