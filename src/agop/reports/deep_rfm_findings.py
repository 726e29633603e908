"""What the numbers of Deep RFM runs say, in plain words computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log

from torch import Tensor

from agop.records import Line, SeedSummary, summarise_seeds
from agop.reports.results import DeepRFMResult
from agop.reports.wording import SAME, lowest, of_run, percent

__all__ = [
    "accuracy_findings",
    "collapse_findings",
    "deep_rfm_comparison",
    "deep_rfm_findings",
    "eigenvector_findings",
    "gram_findings",
    "spectrum_findings",
]

Layers = Mapping[int, SeedSummary]


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
    The AGOP step divides NC1 by 4 and the random features multiply it by 2 (geometric means over the layers): all of
    the fall is at the AGOP step, and the random features undo 50 % of it.
    """
    lines = list(lines)
    findings = _measure_findings(lines, "nc1_trace_ratio", "NC1")
    accuracy = summarise_seeds(lines, "test_accuracy", log=False).get((False, "input"))
    return [*findings, *([_accuracy(accuracy)] if accuracy else [])]


def collapse_findings(results: Sequence[DeepRFMResult], measure: str) -> list[str]:
    """Sentences about the course of "nc1_trace_ratio" or "nc2_gram_mse" in each run, and which run ends lowest."""
    name = "NC1" if measure.startswith("nc1") else "NC2"
    if len(results) == 1:
        return [_in_short(results[0].lines, measure, name)]
    courses = {
        result.name: layers
        for result in results
        if (layers := summarise_seeds(result.lines, measure).get((False, "input")))
    }
    sentences = [f"{run}: {_course(f'{name} of the layer inputs', layers)}" for run, layers in courses.items()]
    return [*deep_rfm_comparison(results, measure), *sentences]


def deep_rfm_comparison(results: Sequence[DeepRFMResult], measure: str = "nc1_trace_ratio") -> list[str]:
    """A sentence on which of several runs ends with the lowest NC1 or NC2."""
    name = "NC1" if measure.startswith("nc1") else "NC2"
    ends = {
        result.name: layers[max(layers)].mean
        for result in results
        if (layers := summarise_seeds(result.lines, measure).get((False, "input")))
    }
    if len(ends) < 2:
        return []
    return [lowest(f"At the last layer {name}", ends)]


def accuracy_findings(results: Sequence[DeepRFMResult]) -> list[str]:
    """Sentences about the accuracy of the first, last and best layer of each run."""
    findings = []
    for result in results:
        for measure, name in (("test_accuracy", "Test"), ("train_accuracy", "Training")):
            if layers := summarise_seeds(result.lines, measure, log=False).get((False, "input")):
                findings.append(of_run(results, result, _accuracy(layers, name)))
                break
    return findings


def gram_findings(
    results: Sequence[DeepRFMResult], found: Sequence[Mapping[tuple[str, str, int], Tensor]]
) -> list[str]:
    """Sentences about the mean cosine within and between classes at the first and last layer."""
    findings = []
    for result, grams in zip(results, found, strict=True):
        n_classes = result.info.get("n_classes")
        layers = sorted(layer for metric, stage, layer in grams if (metric, stage) == ("agop", "input"))
        if not layers or n_classes is None or any(len(grams["agop", "input", k]) % n_classes for k in layers):
            continue
        ends = [_cosines(grams["agop", "input", layer], n_classes) for layer in (layers[0], layers[-1])]
        (within, between), (last_within, last_between) = ends
        findings.append(
            of_run(
                results,
                result,
                f"From layer {layers[0]} to layer {layers[-1]} the mean cosine of two samples of a class goes from "
                f"{within:.2f} to {last_within:.2f} (collapsed: 1), of two classes from {between:.2f} to "
                f"{last_between:.2f} (simplex ETF of {n_classes} classes: {-1 / (n_classes - 1):.2f}).",
            )
        )
    return findings


def spectrum_findings(results: Sequence[DeepRFMResult], spectra: Sequence[Mapping[int, Tensor]]) -> list[str]:
    """Sentences about the effective rank of the AGOP, and how many eigenvalues hold 90 % of its trace."""
    findings = []
    for result, layers in zip(results, spectra, strict=True):
        if layers:
            first, last = min(layers), max(layers)
            ranks = [float(layers[k].double().sum() ** 2 / layers[k].double().square().sum()) for k in (first, last)]
            count = int((layers[last].double().cumsum(0) < 0.9 * layers[last].double().sum()).sum()) + 1
            sentence = (
                f"The effective rank of the AGOP is {ranks[0]:.3g} at layer {first} and {ranks[1]:.3g} at layer "
                f"{last}, where {count} eigenvalue{'s hold' if count > 1 else ' holds'} 90 % of its trace."
            )
            findings.append(of_run(results, result, sentence))
    return findings


def eigenvector_findings(shown: Sequence[tuple[str, Sequence[float]]]) -> list[str]:
    """Sentences about the share of the pictured eigenvectors in the trace, by run.

    Examples
    --------
    >>> eigenvector_findings([("run", [0.5, 0.25])])
    ['The 2 eigenvectors hold 75 % of the trace of the AGOP, the first 50 %.']
    """
    sentences = {
        name: f"The {len(shares)} eigenvectors hold {percent(sum(shares))} of the trace of the AGOP, the first "
        f"{percent(shares[0])}."
        for name, shares in shown
        if shares
    }
    return list(sentences.values()) if len(shown) == 1 else [f"{name}: {text}" for name, text in sentences.items()]


def _measure_findings(lines: Iterable[Line], measure: str, name: str) -> list[str]:
    found = summarise_seeds(lines, measure)
    if not found:
        return [f"No layer has a positive, finite {name}."]
    findings = []
    if (False, "input") in found:
        findings.append(_course(f"{name} of the layer inputs", found[False, "input"]))
    if (factors := _step_factors(found)) is not None:
        agop, features = map(_changed, factors)
        findings.append(
            f"The AGOP step {agop[0]} {name} by {agop[1]:.3g} and the random features {features[2]} it by "
            f"{features[1]:.3g} (geometric means over the layers): {_cause(*factors)}."
        )
    if (True, "input") in found:
        findings.append(_course(f"{name} of the control, without the AGOP,", found[True, "input"]))
    return findings


def _in_short(lines: Iterable[Line], measure: str, name: str) -> str:
    """The course of a measure, its cause, and the control, in one sentence."""
    found = summarise_seeds(lines, measure)
    inputs, control = found.get((False, "input")), found.get((True, "input"))
    if inputs is None:
        return (
            f"No layer has a positive, finite {name}." if control is None else f"{_pace(name, control)}, without AGOP."
        )
    parts = [_pace(name, inputs)]
    if (factors := _step_factors(found)) is not None:
        parts.append(_cause(*factors))
    if control is not None:
        parts.append(_pace("without the AGOP it", control))
    return f"{'; '.join(parts)}."


def _pace(name: str, layers: Layers) -> str:
    """Factor a layer, without the ends."""
    first, last = min(layers), max(layers)
    if first == last:
        return f"{name} is {layers[last].mean:.3g} at layer {last}"
    return f"{name} {_change(layers)[0]}"


def _change(layers: Layers) -> tuple[str, str]:
    """What a measure does on the way through the layers, with the factor a layer and without."""
    first, last = min(layers), max(layers)
    start, end = layers[first].mean, layers[last].mean
    factor = max(start / end, end / start) ** (1 / (last - first))
    if factor < SAME:
        return "hardly changes", "hardly changes"
    verb = "falls" if end < start else "rises"
    return f"{verb} {factor:.3g}x a layer", verb


def _step_factors(found: Mapping[tuple[bool, str], Layers]) -> tuple[float, float] | None:
    """Factors of the AGOP step and of the random features, None where a stage is missing."""
    stages = [found.get((False, stage)) for stage in ("input", "agop", "features")]
    before, middle, after = stages
    if before is None or middle is None or after is None:
        return None
    at_agop, at_features = _factor(before, middle), _factor(middle, after)
    return None if at_agop is None or at_features is None else (at_agop, at_features)


def _course(name: str, layers: Layers) -> str:
    first, last = min(layers), max(layers)
    start, end = (f"{layers[layer].mean:.3g}" for layer in (first, last))
    if last == first:
        text = f"{name} is {end} at layer {last}"
    else:
        pace, verb = _change(layers)
        factor = pace.removeprefix(verb).replace(" ", ", ", 1)
        text = f"{name} {verb} from {start} at layer {first} to {end} at layer {last}{factor}"
    if layers[last].n_seeds > 1:
        text += f" (95 % interval at layer {last}: {layers[last].low:.3g} to {layers[last].high:.3g}, "
        text += f"{layers[last].n_seeds} seeds)"
    return text + "."


def _cause(at_agop: float, at_features: float) -> str:
    """Which of the two steps of a layer makes the measure fall."""
    agop, features = -log(at_agop), -log(at_features)
    if agop <= 0 and features <= 0:
        return "neither step makes it fall"
    if agop + features <= 0:
        lower, raiser = ("AGOP step", "random features") if agop > 0 else ("random features", "AGOP step")
        return f"what it falls by at the {lower} it rises by at the {raiser} and more"
    if min(agop, features) >= 0:
        return f"{percent(agop / (agop + features))} of the fall is at the AGOP step"
    if agop > 0:
        return f"all of the fall is at the AGOP step, and the random features undo {percent(-features / agop)} of it"
    return f"all of the fall is at the random features, and the AGOP step undoes {percent(-agop / features)} of it"


def _changed(factor: float) -> tuple[str, float, str]:
    """Verb of a singular and of a plural subject, with what it multiplies or divides by."""
    return ("multiplies", factor, "multiply") if factor >= 1 else ("divides", 1 / factor, "divide")


def _factor(before: Layers, after: Layers) -> float | None:
    """Geometric mean over the layers of after / before."""
    common = sorted(before.keys() & after.keys())
    logs = [log(after[layer].mean / before[layer].mean) for layer in common]
    return exp(sum(logs) / len(logs)) if logs else None


def _accuracy(layers: Layers, name: str = "Test") -> str:
    first, last, best = min(layers), max(layers), max(layers, key=lambda layer: layers[layer].mean)
    if first == last:
        return f"{name} accuracy of the layer predictor is {layers[last].mean:.3f}."
    text = f"{name} accuracy of the layer predictors is {layers[first].mean:.3f} at layer {first} and "
    text += f"{layers[last].mean:.3f} at layer {last}"
    return f"{text}." if best == last else f"{text}; it is best at layer {best}, {layers[best].mean:.3f}."


def _cosines(gram: Tensor, n_classes: int) -> tuple[float, float]:
    """Mean cosine within a class, without that of a sample with itself, and between classes."""
    size = len(gram) // n_classes
    blocks = gram.double().reshape(n_classes, size, n_classes, size).sum((1, 3))
    own = float(blocks.trace() - gram.double().trace())
    other = float(blocks.sum() - blocks.trace())
    return own / (n_classes * size * max(1, size - 1)), other / (n_classes * (n_classes - 1) * size * size)
