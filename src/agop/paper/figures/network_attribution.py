"""NC1 of φ, W φ and σ(W φ) by layer and epoch of trained networks; quick: about 30 s."""

from __future__ import annotations

from functools import partial
from statistics import fmean

from agop.charts.chart import Curves, Grid
from agop.network.plots.measures import STAGES
from agop.paper.curves import LEAST_FALL, curve, epochs_of, falls, family, rows_of
from agop.paper.figure import Figure, Verdict
from agop.paper.network_parts import MEASURES, name_of, network_parts, network_verdicts
from agop.runs import Line, Run, hidden_layers, last_measured, select, values_of

__all__ = ["FIGURE"]


def _cause(name: str, lines: list[Line]) -> Verdict:
    """Share of the right singular structure in the fall of NC1 over all hidden layers at the end.

    For every seed NC1 must fall by ``LEAST_FALL``, by that much more than before training, and more than half of it at
    the linear maps.
    """
    start, end = epochs_of(lines)
    (linear, whole), (_, before) = falls(lines, end), falls(lines, start)
    share = linear / whole if whole >= LEAST_FALL else None
    layers = curve(select(lines, epoch=end, stage="input"), "share", "layer", log=False)
    most = sum(value > 0.5 for value in layers.values())
    is_known = bool(values_of(select(lines, epoch=end, stage="input"), "output_log_fall"))
    seeds = [select(lines, seed=seed) for seed in values_of(lines, "seed")]
    return Verdict(
        f"{name}: training makes NC1 fall over the hidden layers, most of it by the right singular structure",
        {"linear_decades": linear, "decades": whole, "share": share, "decades_at_start": before}
        | {"layers_of_most": most, "layers": len(hidden_layers(lines))},
        all(_is_linear(of_seed, start, end) for of_seed in seeds) if is_known else None,
    )


def _is_linear(lines: list[Line], start: int, end: int) -> bool:
    """Whether NC1 falls, by training, and more than half of it at the linear parts, in one seed."""
    (linear, whole), (_, before) = falls(lines, end), falls(lines, start)
    return min(whole, whole - before) >= LEAST_FALL and linear > whole / 2


def _depth(name: str, lines: list[Line]) -> Verdict:
    """Collapse before the first hidden layer and after the last one, before and after training."""
    start, end = epochs_of(lines)
    layers = hidden_layers(lines)
    before = curve(select(lines, stage="input", layer=layers[0]), "nc1_trace_ratio", "epoch")
    after = curve(select(lines, stage="output", layer=layers[-1]), "nc1_trace_ratio", "epoch")
    tenfold = {
        epoch: after[epoch] <= before[epoch] / 10 for epoch in (start, end) if epoch in before and epoch in after
    }
    first, last = before.get(end), after.get(end)
    accuracy = curve(select(lines, epoch=end), "train_accuracy", "epoch", log=False)[end]
    return Verdict(
        f"{name}: after training, and not before, NC1 falls tenfold or more over the fully connected layers",
        {"first": first, "last": last, "first_at_start": before.get(start), "last_at_start": after.get(start)}
        | {"train_accuracy": accuracy},
        None if end not in tenfold else tenfold[end] and not tenfold.get(start, False),
    )


def _chart(run: Run) -> Grid:
    """NC1 of the stages by epoch, a row a network and a panel a hidden layer, with the share at the end."""

    def panels(lines: list[Line]) -> dict[str, Curves]:
        found = {layer: select(lines, layer=layer) for layer in hidden_layers(lines)}
        stages = "stage", STAGES
        return {
            f"{layer}{_share(here)}": Curves("epoch", "NC1", family(here, "epoch", "nc1_trace_ratio", stages))
            for layer, here in found.items()
        }

    return rows_of(run, "part", name_of, panels)


def _share(lines: list[Line]) -> str:
    """Mean share at the end, over the seeds that have one, for a title; of what rises on one side there is none."""
    shares = [line["share"] for line in select(last_measured(lines), stage="input") if line.get("share") is not None]
    return f": share {fmean(shares):.2f}" if shares and all(0 <= share <= 1 for share in shares) else ""


FIGURE = Figure(
    name="network-attribution",
    claim=(
        "In trained networks most of the fall of NC1 at a layer is made by its weight W = U S Vᵀ, through the right "
        "singular structure S Vᵀ that the AGOP predicts; the nonlinearity adds little."
    ),
    budget=120,
    parts=network_parts,
    verdicts=partial(network_verdicts, checks=(_cause, _depth)),
    chart=_chart,
    measures=MEASURES,
    caption=(
        "NC1 (tr Σ_W / tr Σ_B, without unit) by epoch at the stages of each fully connected layer: its input φ, the "
        "linear map W φ, the nonlinearity σ(W φ). Share: the part of the fall of log NC1 over the layer that the "
        "linear map makes, at the last epoch, where NC1 falls on both sides of it."
    ),
)
