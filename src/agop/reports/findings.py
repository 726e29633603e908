"""What the numbers of a run say, in plain words computed from them."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log
from typing import Any

from agop.records import SeedSummary, summarise_seeds

__all__ = ["deep_rfm_findings"]


def deep_rfm_findings(lines: list[dict[str, Any]]) -> list[str]:
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
    The AGOP step multiplies NC1 by 0.25 and the random features by 2 (geometric means over the layers).
    """
    nc1 = summarise_seeds(lines, "nc1_trace_ratio")
    findings = []
    for control, name in ((False, "NC1 of the layer inputs"), (True, "NC1 of the control, without the AGOP,")):
        if (control, "input") in nc1:
            findings.append(_fall(name, nc1[control, "input"]))
    if not nc1:
        return ["No layer has a positive, finite NC1."]
    if (False, "agop") in nc1 and (False, "features") in nc1:
        stages = [nc1[False, stage] for stage in ("input", "agop", "features")]
        at_agop, at_features = (_factor(a, b) for a, b in pairwise(stages))
        findings.insert(
            1,
            f"The AGOP step multiplies NC1 by {at_agop:.2g} and the random features by {at_features:.2g} "
            "(geometric means over the layers).",
        )
    accuracy = summarise_seeds(lines, "test_accuracy", log=False).get((False, "input"))
    if accuracy:
        first, last = min(accuracy), max(accuracy)
        findings.append(
            f"Test accuracy of the layer predictors is {accuracy[first].mean:.3f} at layer {first} and "
            f"{accuracy[last].mean:.3f} at layer {last}."
        )
    return findings


def _fall(name: str, layers: dict[int, SeedSummary]) -> str:
    first, last = min(layers), max(layers)
    start, end = layers[first].mean, layers[last].mean
    if last == first:
        text = f"{name} is {end:.3g} at layer {last}"
    else:
        verb = "falls" if end < start else "rises"
        factor = max(start / end, end / start) ** (1 / (last - first))
        text = f"{name} {verb} from {start:.3g} at layer {first} to {end:.3g} at layer {last}, {factor:.3g}x a layer"
    if layers[last].n_seeds > 1:
        text += f" (95 % interval at layer {last}: {layers[last].low:.3g} to {layers[last].high:.3g}, "
        text += f"{layers[last].n_seeds} seeds)"
    return text + "."


def _factor(before: dict[int, SeedSummary], after: dict[int, SeedSummary]) -> float:
    """Geometric mean over the layers of after / before."""
    common = sorted(before.keys() & after.keys())
    logs = [log(after[layer].mean / before[layer].mean) for layer in common]
    return exp(sum(logs) / len(logs))
