"""What the numbers of Deep RFM runs say, in plain words computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, isfinite
from typing import TypeAlias

from torch import Tensor

from agop.charts.findings.changes import Change
from agop.charts.findings.fits import fit_findings, ranking
from agop.charts.findings.wording import zeros
from agop.charts.kind import of_run
from agop.deep_rfm.result import DeepRFMResult
from agop.deep_rfm.steps import Steps
from agop.runs import BAND_SEEDS, Line, SeedSummary, select, summarize_seeds

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
    r"""Sentences about the fit, the fall of NC1, its cause, the control, and the accuracy.

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
        *fit_findings(select(lines, control=False) or lines, "layer"),
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
    depths = {max(line["layer"] for line in result.lines) for result in results if result.name in ends}
    return ranking(f"{_NAMES[measure]} at the last layer{' of each' if len(depths) > 1 else ''}", results, ends)


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
    found = summarize_seeds(lines, measure, log=log)
    return next(((control, found[control, "input"]) for control in _INPUTS if (control, "input") in found), None)


def _end(lines: Sequence[Line], measure: str) -> SeedSummary | None:
    """A measure of the last layer input, or of the control if it was run alone; 0 if it is that for a seed."""
    inputs = select(lines, stage="input", control=False) or select(lines, stage="input", control=True)
    depth = max((line["layer"] for line in inputs), default=0)
    last = {line["seed"]: line.get(measure) for line in inputs if line["layer"] == depth}
    values = {seed: value for seed, value in last.items() if value is not None and isfinite(value)}
    return SeedSummary.with_zeros(values) if values else None


def _zeros(lines: Sequence[Line], measure: str, name: str) -> list[str]:
    found = {control: select(lines, stage="input", control=control) for control in _INPUTS}
    return [text for control, part in found.items() for text in zeros(f"{name} {_INPUTS[control]}", part, measure)]


def _measure_findings(lines: Sequence[Line], measure: str, name: str) -> list[str]:
    found = summarize_seeds(lines, measure)
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
    found = summarize_seeds(lines, measure)
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
    change = Change.between(layers[first], layers[last])
    if change is None:
        return f"{name} is not known for any seed at both ends"
    if change.verb == "goes":
        return f"{name} moves by no more than the spread over {change.by.n_seeds} seeds"
    return f"{name} hardly changes" if change.verb == "stays" else f"{name} {change.verb} {_factor(layers, change)}"


def _factor(layers: Layers, change: Change) -> str:
    """By how much a layer; on the way there may be a lower value, or a higher one, than at both ends."""
    first, last = min(layers), max(layers)
    text = f"{exp(abs(change.by.mean) / (last - first)):.3g}x a layer"
    means = {layer: layers[layer].mean for layer in sorted(layers)}
    straight = sorted(means.values(), reverse=change.verb == "falls")
    if list(means.values()) == straight:
        return text
    far = (min if change.verb == "falls" else max)(means, key=means.__getitem__)
    most = "lowest" if change.verb == "falls" else "highest"
    return f"{text} on average" + (f", {most} at layer {far}, {means[far]:.3g}" if far != last else "")


def _course(name: str, layers: Layers) -> str:
    first, last = min(layers), max(layers)
    change = Change.between(layers[first], layers[last])
    if last == first:
        text = f"{name} is {layers[last].mean:.3g} at layer {last}"
    elif change is None:
        return f"No seed has {name} both at layer {first} and at layer {last}."
    else:
        verb = "hardly changes" if change.verb == "stays" else change.verb
        text = f"{name} {verb} from {change.start:.3g} at layer {first} to {change.end:.3g} at layer {last}"
        more = {"stays": "", "goes": change.within}.get(change.verb, _factor(layers, change))
        text = ", ".join(filter(None, [text, more]))
    return f"{text}{_spread(last, layers[last])}."


def _spread(layer: int, summary: SeedSummary) -> str:
    """The interval of many seeds, or the ends of a few."""
    if summary.n_seeds == 1:
        return ""
    if summary.n_seeds >= BAND_SEEDS:
        return f" (95 % interval at layer {layer}: {summary.low:.3g} to {summary.high:.3g}, {summary.n_seeds} seeds)"
    values = [value for _, value in summary.values]
    return f" ({summary.n_seeds} seeds at layer {layer}: {min(values):.3g} to {max(values):.3g})"


def _accuracy(name: str, control: bool, layers: Layers) -> str:
    first, last = min(layers), max(layers)
    whose = _INPUTS[True] if control else f"of the layer predictor{'s' if first < last else ''}"
    shown = {layer: f"{layers[layer].mean:.3f}" for layer in layers}
    if first == last:
        return f"{name} accuracy {whose} is {shown[last]}."
    best = max(layers, key=lambda layer: float(shown[layer]))
    text = f"{name} accuracy {whose} is {shown[first]} at layer {first} and {shown[last]} at layer {last}"
    if shown[first] == shown[last] == shown[best]:
        return f"{text}."
    if best == first:
        return f"{text}; no layer is better than the first."
    if shown[best] == shown[last]:
        return f"{text}."
    gain = Change.between(layers[last], layers[best], log=False)
    if gain is None or gain.verb != "rises":
        return f"{text}; no layer is better than the last by more than the spread over seeds."
    return f"{text}; it is best at layer {best}, {shown[best]}."
