"""Mechanism and collapse over a grid of initial gains, from lazy training to feature learning; quick: about 20 s."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean
from typing import Any

from torch.nn import Module

from agop.charts.chart import Curves, Grid
from agop.paper.curves import (
    LEAST_FALL,
    epochs_of,
    falls,
    family,
    first_epoch,
    last_nc1,
    over_layers,
    rank_correlation,
    rows_of,
)
from agop.paper.figure import Figure, Part, Verdict
from agop.paper.network_parts import MEASURES, name_of, train_part, train_settings
from agop.paper.scales import Scale
from agop.paper.training.run import trained_network
from agop.paper.training.settings import TrainSettings
from agop.runs import Line, Run, TrainingFit, hidden_layers, last_measured, select, values_of

__all__ = ["FIGURE", "GAINS", "weight_changes"]

GAINS: dict[Scale, tuple[float, ...]] = {
    "quick": (0.3, 0.5, 1.0, 2.0),
    "cpu": (0.3, 0.4, 0.5, 0.7, 1.0, 1.4, 2.0),
    "paper": (0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.4, 2.0),
}
"""Initial gains, from small weights, which have to grow, to large ones, which need not move."""

_MECHANISM, _COLLAPSE = 0.5, 0.1
"""The mechanism is there where the linear maps make this share of a fall of NC1 over the hidden layers that can be
shared out; collapse, where NC1 after them is this or less."""

_LEAST_GAINS = 6
"""Gains from which on a rank correlation decides: of the orders of six 3 % have 0.8 or more by chance, of four 17 %."""


def weight_changes(run: Run) -> Iterator[dict[str, Any]]:
    r"""Lines of a training with the column "weight_change" on the input stage of every layer at the last epoch.

    It is :math:`\|W - W_0\|_F / \|W_0\|_F`, which is small in lazy training.
    """
    info = run.info()
    settings = TrainSettings.of(info["settings"])
    changes: dict[tuple[int, str], float] = {}
    last = {}
    for seed in settings.seeds:
        before = settings.network(info["input_shape"], info["n_classes"], seed)
        for name, weight in _weights(trained_network(run, seed)).items():
            start = _weights(before)[name]
            changes[seed, name] = float((weight - start).norm() / start.norm())
        last[seed] = max(line["epoch"] for line in run.metrics() if line["seed"] == seed)
    for line in run.metrics():
        seed = line["seed"]
        is_end = line["stage"] == "input" and line["epoch"] == last[seed]
        yield line | ({"weight_change": changes[seed, line["layer"]]} if is_end else {})


def _weights(network: Module) -> dict[str, Any]:
    parameters = network.named_parameters()
    return {name.removesuffix(".weight"): value.detach() for name, value in parameters if name.endswith(".weight")}


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:
    """The learning rate falls with the sixth power of gains above 1, at which the outputs move as fast for a step."""
    parts = []
    for name in data:
        base = train_settings(scale, name, "mlp", device)
        for gain in GAINS[scale]:
            settings = replace(base, gain=gain, lr=base.lr / max(1.0, gain) ** 6)
            part = train_part(f"mlp-{name}-gain-{gain:g}", settings, {"model": "mlp", "gain": gain})
            parts.append(replace(part, lines=weight_changes))
    return parts


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    found = (select(lines, data=data) for data in values_of(lines, "data"))
    return [verdict for part in found for verdict in _of_data(part)]


def _of_data(lines: list[Line]) -> list[Verdict]:
    """Checks of the gains at which the network has fitted; the others are named, and decide nothing."""
    every = {gain: select(lines, gain=gain) for gain in sorted(values_of(lines, "gain"))}
    by_gain = {gain: found for gain, found in every.items() if TrainingFit.of(found).fitted}
    left_out = [gain for gain in every if gain not in by_gain]
    verdicts = _of_fitted(lines[0]["data"], by_gain)
    if not left_out:
        return verdicts
    told = f"left out, since not fitted: gains {_listed(left_out)}"
    return [replace(verdict, note="; ".join(filter(None, [verdict.note, told]))) for verdict in verdicts]


def _of_fitted(name: str, by_gain: dict[float, list[Line]]) -> list[Verdict]:
    ends = {gain: _end(found) for gain, found in by_gain.items()}
    predictors = {
        "share": "the share of the linear maps in the fall of NC1",
        "nfa": "the correlation of WᵀW with the root of the AGOP",
        "change": "the relative change of the weights",
    }
    predictions = [_prediction(name, ends, key, text) for key, text in predictors.items()]
    return [_where(name, ends), *predictions, _when(name, by_gain)]


def _end(lines: list[Line]) -> dict[str, float | None]:
    """Numbers of one gain at the last epoch: collapse and the three candidates for a mechanism."""
    _, end = epochs_of(lines)
    return {
        "nc1": last_nc1(lines, end),
        "loss": fmean(line["loss"] for line in select(lines, epoch=end)),
        "share": _share(lines, end),
        "nfa": over_layers(lines, "nfa_pearson_root", end),
        "change": over_layers(lines, "weight_change", end),
    }


def _where(name: str, ends: dict[float, dict[str, float | None]]) -> Verdict:
    """Gains that collapse, and those at which the linear maps do it; where all do or none, nothing is compared."""
    collapse = [gain for gain, end in ends.items() if end["nc1"] is not None and end["nc1"] <= _COLLAPSE]
    mechanism = [gain for gain, end in ends.items() if end["share"] is not None and end["share"] > _MECHANISM]
    return Verdict(
        f"{name}: the networks that collapse are those in which the linear maps make most of the fall of NC1",
        {f"nc1_gain_{gain:g}": end["nc1"] for gain, end in ends.items()}
        | {f"share_gain_{gain:g}": end["share"] for gain, end in ends.items()}
        | {f"loss_gain_{gain:g}": end["loss"] for gain, end in ends.items()},
        collapse == mechanism if 0 < len(collapse) < len(ends) else None,
        f"NC1 of {_COLLAPSE:g} or less at gains {_listed(collapse)}, most of its fall by linear maps at gains "
        f"{_listed(mechanism)}",
    )


def _prediction(name: str, ends: dict[float, dict[str, float | None]], key: str, text: str) -> Verdict:
    """Rank correlation over the gains of a candidate with the decades of collapse."""
    pairs = [(end[key], end["nc1"]) for end in ends.values()]
    known = [(value, -nc1) for value, nc1 in pairs if value is not None and nc1 is not None]
    rank = rank_correlation(*zip(*known, strict=True)) if known else None
    return Verdict(
        f"{name}: over the gains, {text} predicts collapse (rank correlation of 0.8 or more)",
        {"rank_correlation": rank, "gains": float(len(known))}
        | {f"{key}_gain_{gain:g}": end[key] for gain, end in ends.items()},
        None if rank is None or len(known) < _LEAST_GAINS else rank >= 0.8,
    )


def _when(name: str, by_gain: dict[float, list[Line]]) -> Verdict:
    """Epochs from which on the mechanism, and collapse, are there to stay; without collapse by training none counts."""
    epochs: dict[float, tuple[int | None, int | None]] = {}
    for gain, lines in by_gain.items():
        measured = sorted(values_of(lines, "epoch"))
        shares = [(epoch, _share(lines, epoch)) for epoch in measured]
        nc1 = [(epoch, last_nc1(lines, epoch)) for epoch in measured]
        epochs[gain] = first_epoch(shares, _MECHANISM, above=True), first_epoch(nc1, _COLLAPSE, above=False)
    start = {gain: min(values_of(lines, "epoch")) for gain, lines in by_gain.items()}
    ordered = [
        first is not None and first <= second
        for gain, (first, second) in epochs.items()
        if second is not None and second > start[gain]
    ]
    return Verdict(
        f"{name}: in every training that collapses the mechanism comes no later than collapse",
        {f"{what}_epoch_gain_{gain:g}": epochs[gain][i] for gain in epochs for i, what in enumerate(("share", "nc1"))},
        all(ordered) if ordered else None,
    )


def _share(lines: list[Line], epoch: int) -> float | None:
    """Share of the linear maps in the fall of NC1 over the hidden layers; None where that is too small to share."""
    linear, whole = falls(lines, epoch)
    return linear / whole if whole >= LEAST_FALL else None


def _listed(gains: list[float]) -> str:
    return ", ".join(f"{gain:g}" for gain in gains) or "none"


def _chart(run: Run) -> Grid:
    """Collapse and the candidates for its cause by gain, and NC1 by epoch; a row for each data set."""

    def panels(lines: list[Line]) -> dict[str, Curves]:
        end, layers = last_measured(lines), {layer: layer for layer in hidden_layers(lines)}
        found = {}
        for title, (measure, stage, log, y_range) in _PANELS.items():
            here = select(end, stage=stage)
            curves = family(here, "gain", measure, ("layer", layers), ordered="layers", log=log)
            found[title] = Curves("initial gain", title, curves, log_x=True, log_y=log, y_range=y_range)
        last = select(lines, layer=next(reversed(layers)), stage="output")
        gains = "gain", {gain: f"gain {gain:g}" for gain in sorted(values_of(lines, "gain"))}
        by_epoch = family(last, "epoch", "nc1_trace_ratio", gains, ordered="settings")
        return found | {"NC1 after the last hidden layer": Curves("epoch", "NC1", by_epoch)}

    return rows_of(run, "data", name_of, panels)


_PANELS: dict[str, tuple[str, str, bool, tuple[float, float] | None]] = {
    "NC1 after the layer": ("nc1_trace_ratio", "output", True, None),
    "share of the linear map in the fall of NC1": ("share", "input", False, (-0.2, 1.3)),
    "correlation of WᵀW with AGOP½": ("nfa_pearson_root", "input", False, None),
    "relative change of the weights": ("weight_change", "input", True, None),
}
"""Measure, stage, scale and shown range of each panel; shares of a small fall lie far outside."""


FIGURE = Figure(
    name="initialization",
    claim=(
        "In the feature-learning regime, to which small initial weights lead, it is the right singular structure that "
        "collapses the features; on the way to lazy training both should go."
    ),
    budget=60,
    data={"quick": ("digits",), "cpu": ("mnist",), "paper": ("mnist", "cifar10", "svhn")},
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    measures=(*MEASURES, "weight_change"),
    caption=(
        "All at the last epoch but the last panel. NC1 is tr Σ_W / tr Σ_B, without unit; share is the part of the "
        "fall of log NC1 over a layer that its linear map makes; triangles are values beyond the axis, "
        "where the layer makes NC1 hardly fall; the change is ‖W − W₀‖ / ‖W₀‖. Colors from blue to brown are layers, "
        "those from green to yellow are gains."
    ),
)
