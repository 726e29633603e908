"""NC1 of phi, S V^T phi and sigma(W phi) by layer and epoch of trained networks; quick: about 30 s."""

from __future__ import annotations

from functools import partial

from agop.experiments.reproduce.curves import curve, number
from agop.experiments.reproduce.figure import Figure, Verdict
from agop.experiments.reproduce.network_curves import epochs_of, falls
from agop.experiments.reproduce.network_parts import DATA, MEASURES, network_parts, network_verdicts
from agop.records import Line, hidden_layers, select

__all__ = ["BUDGET", "FIGURE"]

BUDGET = 120


def _cause(name: str, lines: list[Line]) -> Verdict:
    """Share of the right singular structure in the fall of NC1 over all hidden layers at the end."""
    start, end = epochs_of(lines)
    linear, whole = falls(lines, end)
    share = linear / whole if whole > 0 else None
    layers = curve(select(lines, epoch=end, stage="input"), "share", "layer", log=False)
    most = sum(value > 0.5 for value in layers.values())
    found = "has no share, since NC1 does not fall" if share is None else f"makes {share:.0%} of it"
    return Verdict(
        f"{name}: the right singular structure makes most of the fall of NC1",
        {"linear_decades": linear, "decades": whole, "share": share, "decades_at_start": falls(lines, start)[1]},
        None if share is None else share > 0.5,
        f"{name}: after {end} epochs NC1 changes by {number(-whole)} decades over the hidden layers; S V^T {found}, "
        f"and more than half in {most} of {len(hidden_layers(lines))} layers.",
    )


def _depth(name: str, lines: list[Line]) -> Verdict:
    """Collapse before the first hidden layer and after the last one, at the end."""
    _, end = epochs_of(lines)
    layers = hidden_layers(lines)
    before = curve(select(lines, epoch=end, stage="input", layer=layers[0]), "nc1_trace_ratio", "layer")
    after = curve(select(lines, epoch=end, stage="output", layer=layers[-1]), "nc1_trace_ratio", "layer")
    first, last = before.get(layers[0]), after.get(layers[-1])
    accuracy = curve(select(lines, epoch=end), "train_accuracy", "epoch", log=False)[end]
    return Verdict(
        f"{name}: NC1 falls tenfold or more over the fully connected layers",
        {"first": first, "last": last, "train_accuracy": accuracy},
        None if first is None or last is None else last <= first / 10,
        f"{name}: NC1 goes from {number(first)} before the first fully connected layer to {number(last)} after the "
        f"last hidden one, at a training accuracy of {accuracy:.3f}.",
    )


FIGURE = Figure(
    name="network-attribution",
    claim=(
        "In trained networks most of the fall of NC1 at a layer W = U S V^T is there after S V^T, the part that the "
        "AGOP predicts; the nonlinearity adds little."
    ),
    budget=BUDGET,
    data=DATA,
    parts=network_parts,
    verdicts=partial(network_verdicts, checks=(_cause, _depth)),
    measures=MEASURES,
)
