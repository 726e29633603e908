"""NFA, scatter ratios and loss of trained networks by epoch; quick: the runs of network-attribution, or about 30 s."""

from __future__ import annotations

from functools import partial

from agop.charts.chart import Curves, Grid
from agop.charts.palette import color
from agop.paper.curves import course, curve, epochs_of, family, over_layers, rows_of
from agop.paper.figure import Figure, Verdict
from agop.paper.network_parts import MEASURES, name_of, network_parts, network_verdicts
from agop.runs import Line, Run, hidden_layers, measurements, select, values_of

__all__ = ["FIGURE"]

_RISE = 0.1
"""Rise of the correlation from which on WᵀW has come to agree with the AGOP: both are near the identity at first."""

_ENDS = ("within_start", "within_end", "between_start", "between_end", "loss_start", "loss_end")


def _ansatz(name: str, lines: list[Line]) -> Verdict:
    """Correlation of WᵀW with the AGOP and its root, at the start and at the end."""
    start, end = epochs_of(lines)
    root = [over_layers(lines, "nfa_pearson_root", epoch) for epoch in (start, end)]
    by_epoch = {epoch: over_layers(lines, "nfa_pearson_root", epoch) for epoch in values_of(lines, "epoch")}
    known = {epoch: value for epoch, value in by_epoch.items() if value is not None}
    least = min(known, key=lambda epoch: known[epoch], default=None)
    plain = [over_layers(lines, "nfa_pearson", epoch) for epoch in (start, end)]
    return Verdict(
        f"{name}: WᵀW comes to agree with the root of the AGOP: above 0.5, and {_RISE:g} above the start",
        {
            "root_start": root[0],
            "root_end": root[1],
            "root_least": known.get(least),
            "root_least_epoch": least,
            "plain_start": plain[0],
            "plain_end": plain[1],
        },
        None if root[0] is None or root[1] is None else root[1] > max(0.5, root[0] + _RISE),
    )


def _scatter(name: str, lines: list[Line]) -> Verdict:
    """Parts of the total scatter after the last hidden layer, and the loss, at the start and at the end."""
    start, end = epochs_of(lines)
    last = select(lines, layer=hidden_layers(lines)[-1], stage="output")
    within, between, loss = (
        curve(last, measure, "epoch", log=False) for measure in ("within_total_ratio", "between_total_ratio", "loss")
    )
    ends = [values.get(epoch) for values in (within, between, loss) for epoch in (start, end)]
    defined = all(value is not None for value in ends)
    return Verdict(
        f"{name}: tr Σ_W / tr Σ_T falls to a third or less and tr Σ_B / tr Σ_T rises",
        dict(zip(_ENDS, ends, strict=True)),
        within[end] <= within[start] / 3 and between[end] > between[start] if defined else None,
    )


def _chart(run: Run) -> Grid:
    """Ansatz, the two parts of the scatter by layer, and the loss, by epoch; a row for each network."""

    def panels(lines: list[Line]) -> dict[str, Curves]:
        inputs, outputs = (select(lines, stage=stage) for stage in ("input", "output"))
        layers = {layer: layer for layer in hidden_layers(lines)}
        shown = partial(family, ordered="layers", log=False)
        powers = shown(inputs, "epoch", "nfa_pearson_root", ("layer", layers))
        powers += shown(inputs, "epoch", "nfa_pearson", ("layer", dict.fromkeys(layers, "")), "dash")
        within, between = (
            Curves("epoch", title, shown(outputs, "epoch", f"{part}_total_ratio", ("layer", layers)))
            for part, title in (("within", "tr Σ_W / tr Σ_T"), ("between", "tr Σ_B / tr Σ_T"))
        )
        return {
            "WᵀW and AGOP½ (dashed: AGOP), correlation": Curves("epoch", "correlation", powers, log_y=False),
            "tr Σ_W / tr Σ_T after the layer": within,
            "tr Σ_B / tr Σ_T after the layer": between,
            "training loss": Curves("epoch", "loss", [course(measurements(lines), "epoch", "loss", "", color(2))]),
        }

    return rows_of(run, "part", name_of, panels)


FIGURE = Figure(
    name="network-nfa",
    claim=(
        "While the loss and the within-class part of the scatter fall in training, WᵀW comes to agree with the AGOP: "
        "the neural feature ansatz holds where collapse happens."
    ),
    budget=120,
    parts=network_parts,
    verdicts=partial(network_verdicts, checks=(_ansatz, _scatter)),
    chart=_chart,
    measures=MEASURES,
    caption=(
        "By epoch and layer: correlation of the entries of WᵀW with those of the root of the AGOP, and of the AGOP "
        "(dashed); shares of the scatter of the outputs that lie within and between classes; training loss. None has "
        "a unit."
    ),
)
