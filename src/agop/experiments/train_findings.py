"""What the lines of a training run say about its last measurement: a summary a layer, and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agop.records import SeedSummary, last_measured

__all__ = ["LayerSummary", "summarise_layers", "training_findings"]


@dataclass(frozen=True)
class LayerSummary:
    """A layer at the last measurement, over the seeds; None where no seed has a value.

    Attributes
    ----------
    layer
        Name.
    nc1_input, nc1_linear, nc1_output
        NC1 (trace ratio) of the input features, of W phi + b and of sigma(W phi + b); geometric means.
    share
        Share of W in the fall of NC1; mean over the seeds in which NC1 falls.
    nfa_root
        Correlation of W^T W and the root of the AGOP.
    """

    layer: str
    nc1_input: SeedSummary | None
    nc1_linear: SeedSummary | None
    nc1_output: SeedSummary | None
    share: SeedSummary | None
    nfa_root: SeedSummary | None


def summarise_layers(lines: Iterable[Mapping[str, Any]]) -> list[LayerSummary]:
    """Summaries in the order of the layers, from the lines of ``metrics.jsonl``.

    Examples
    --------
    >>> line = {"seed": 0, "epoch": 9, "layer": "fc.1", "stage": "input", "share": 0.5}
    >>> [summary] = summarise_layers([{**line, "nc1_trace_ratio": 4.0}, {**line, "epoch": 0, "nc1_trace_ratio": 7.0}])
    >>> summary.layer, summary.nc1_input.mean, summary.share.mean, summary.nc1_output
    ('fc.1', 4.0, 0.5, None)
    """
    last = last_measured(lines)

    def over_seeds(layer: str, stage: str, measure: str, *, log: bool) -> SeedSummary | None:
        chosen = [line.get(measure) for line in last if (line["layer"], line["stage"]) == (layer, stage)]
        values = [value for value in chosen if value is not None and (value > 0 or not log)]
        return SeedSummary.of(values, log=log) if values else None

    return [
        LayerSummary(
            layer,
            nc1_input=over_seeds(layer, "input", "nc1_trace_ratio", log=True),
            nc1_linear=over_seeds(layer, "linear", "nc1_trace_ratio", log=True),
            nc1_output=over_seeds(layer, "output", "nc1_trace_ratio", log=True),
            share=over_seeds(layer, "input", "share", log=False),
            nfa_root=over_seeds(layer, "input", "nfa_pearson_root", log=False),
        )
        for layer in dict.fromkeys(line["layer"] for line in last)
    ]


def training_findings(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    r"""Sentences about the loss, the fall of NC1, its cause, and the ansatz, at the last measurement.

    Examples
    --------
    >>> scores = {"seed": 0, "epoch": 9, "loss": 0.01, "train_accuracy": 1.0, "test_accuracy": None}
    >>> print(*training_findings([{**scores, "layer": "fc.1", "stage": "input", "nc1_trace_ratio": 4.0}]), sep="\n")
    After 9 epochs: training loss 0.01, training accuracy 1.000.
    NC1 of the layer inputs is 4 at fc.1.
    """
    layers = summarise_layers(lines)
    findings = [
        _scores(last_measured(lines)),
        _fall([(found.layer, found.nc1_input) for found in layers if found.nc1_input]),
    ]
    shares = {found.layer: found.share.mean for found in layers if found.share}
    if shares:
        most = [layer for layer, share in shares.items() if share > 0.5]
        findings.append(
            f"The linear map takes more than half of the fall of NC1 in {len(most)} of the {len(shares)} layers in "
            f"which NC1 falls up to the nonlinearity (shares {_listed(shares)})."
        )
    roots = {found.layer: found.nfa_root.mean for found in layers if found.nfa_root}
    if roots:
        findings.append(f"Correlation of W^T W with the root of the AGOP: {_listed(roots)}.")
    return [finding for finding in findings if finding]


def _scores(last: Sequence[Mapping[str, Any]]) -> str:
    seeds = list({line["seed"]: line for line in last}.values())
    if not seeds:
        return ""
    epochs = sorted({line["epoch"] for line in seeds})
    text = f"After {epochs[0]}{f' to {epochs[-1]}' if len(epochs) > 1 else ''} epochs: "
    columns = {"training loss": ("loss", ".3g"), "training accuracy": ("train_accuracy", ".3f")}
    columns["test accuracy"] = "test_accuracy", ".3f"
    found = []
    for name, (column, form) in columns.items():
        values = [line[column] for line in seeds if line[column] is not None]
        if values:
            found.append(f"{name} {sum(values) / len(values):{form}}")
    return f"{text}{', '.join(found)}{f' (means over {len(seeds)} seeds)' if len(seeds) > 1 else ''}."


def _fall(nc1: Sequence[tuple[str, SeedSummary]]) -> str:
    if not nc1:
        return "No layer has a positive, finite NC1."
    (first, start), (last, end) = nc1[0], nc1[-1]
    if first == last:
        return f"NC1 of the layer inputs is {start.mean:.3g} at {first}."
    verb = "falls" if end.mean < start.mean else "rises"
    return f"NC1 of the layer inputs {verb} from {start.mean:.3g} at {first} to {end.mean:.3g} at {last}."


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{layer} {value:.2f}" for layer, value in values.items())
