"""FACT and the ansatz beside WᵀW over training, weight decay and depth; quick: about 90 s."""

from __future__ import annotations

from dataclasses import replace

from agop.charts.chart import Curves, Grid
from agop.charts.palette import color
from agop.paper.curves import course, epochs_of, over_layers, rank_correlation, rows_of
from agop.paper.figure import Figure, Part, Verdict
from agop.paper.network_parts import if_fitted, train_part, train_settings
from agop.paper.scales import Scale
from agop.runs import Line, Run, TrainingFit, hidden_layers, select, values_of

__all__ = ["FIGURE"]

_FACT, _ROOT = "fact_pearson", "nfa_pearson_root"

_MARGIN, _NEARER = 0.05, 0.5
"""Correlation by which FACT must be lower without weight decay, and share of the distance of the ansatz from 1 that
FACT may have to predict WᵀW better: both are near 1."""

_THERE, _NOT_THERE, _PRECISE = 0.5, 0.5, 0.9
"""Correlation from which on the ansatz is there, below which FACT is not, and from which on FACT holds."""

_RANK, _LEAST_LAYERS = 0.5, 10
"""Rank correlation that counts as one, and layers from which on it decides: of ten 14 % have as much by chance."""

_DECAYS: dict[Scale, tuple[float, ...]] = {
    "quick": (0.0, 5e-4, 2e-3),
    "cpu": (0.0, 5e-4, 2e-3),
    "paper": (0.0, 1e-4, 5e-4, 2e-3),
}
_STEPS, _LR = 3000, 0.1
"""Steps on all rows, whose gradients have no noise, and learning rate: with momentum 0.9 a weight that nothing holds
falls to 1/e in 2,000 steps at the smaller weight decay, and in 500 at the larger one."""

_DEPTHS: dict[Scale, tuple[int, ...]] = {"quick": (2, 4), "cpu": (2, 4), "paper": (2, 4)}
_SEEDS: dict[Scale, tuple[int, ...]] = {"quick": (1,), "cpu": (1, 2), "paper": (1, 2, 3)}
"""Seeds; with 0 decays and thresholds were chosen."""


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:
    """Trainings by full batches to convergence, as the theorem asks for."""
    parts = []
    for name in data:
        base = train_settings(scale, name, "mlp", device)
        full = {"batch_size": base.samples or 100_000, "epochs": _STEPS, "every": _STEPS // 10}
        base = replace(base, lr=_LR, momentum=0.9, seeds=_SEEDS[scale], **full)  # type: ignore[arg-type]
        for depth in _DEPTHS[scale]:
            for decay in _DECAYS[scale]:
                settings = replace(base, fc_layers=depth, weight_decay=decay)
                columns: dict[str, str | float] = {
                    "network": f"{name}, {depth} hidden layers",
                    "depth": depth,
                    "decay": decay,
                }
                parts.append(train_part(f"fact-{name}-{depth}-{decay:g}", settings, columns))
    return parts


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    verdicts = []
    for data in values_of(lines, "data"):
        of_data = select(lines, data=data)
        for depth in values_of(of_data, "depth"):
            by_decay = {decay: select(of_data, depth=depth, decay=decay) for decay in values_of(of_data, "decay")}
            for decay, found in by_decay.items():
                name = f"{data}, {depth} layers, weight decay {decay:g}"
                if decay > 0:
                    checks = (_converges(name, found), _predicts(name, found))
                    verdicts += [if_fitted(verdict, found) for verdict in checks]
            verdicts.append(_needs_decay(f"{data}, {depth} layers", by_decay))
        verdicts += [_before_training(data, of_data), _explains(data, of_data)]
    return verdicts


def _converges(name: str, lines: list[Line]) -> Verdict:
    """Correlation of FACT at the start and at the end, and the weight decay that the gradients tell."""
    numbers = {f"fact_{end}": over_layers(lines, _FACT, epoch) for end, epoch in _ends(lines)}
    _, end = epochs_of(lines)
    numbers["stationarity_end"] = over_layers(lines, "fact_stationarity", end)
    numbers["decay_told"] = over_layers(lines, "fact_decay", end)
    start, last = numbers["fact_start"], numbers["fact_end"]
    holds = None if start is None or last is None else start < _NOT_THERE and last >= _PRECISE
    return Verdict(f"{name}: training makes FACT hold, from below {_NOT_THERE} to {_PRECISE} or more", numbers, holds)


def _predicts(name: str, lines: list[Line]) -> Verdict:
    """FACT against the root of the AGOP at the end, in every seed."""
    _, end = epochs_of(lines)
    pairs = [_both(select(lines, seed=seed), end) for seed in values_of(lines, "seed")]
    fact, root = _both(lines, end)
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    holds = all(1 - one <= _NEARER * (1 - other) for one, other in known) if known else None
    claim = f"{name}: at the end FACT predicts WᵀW better than the root of the AGOP (half as far from 1, or less)"
    return Verdict(claim, {"fact_end": fact, "root_end": root}, holds)


def _needs_decay(name: str, by_decay: dict[float, list[Line]]) -> Verdict:
    """FACT at the end with the largest weight decay that fits, and without any."""
    claim = f"{name}: without weight decay FACT agrees less with WᵀW at the end (correlation {_MARGIN} lower)"
    fitted = {decay: lines for decay, lines in by_decay.items() if TrainingFit.of(lines).fitted}
    with_decay = max((decay for decay in fitted if decay > 0), default=None)
    if 0.0 not in fitted or with_decay is None:
        return Verdict(claim, {}, None, "not fitted without weight decay, or with any")
    ends = [over_layers(fitted[decay], _FACT, epochs_of(fitted[decay])[1]) for decay in (0.0, with_decay)]
    without, there = ends
    holds = None if without is None or there is None else without <= there - _MARGIN
    return Verdict(claim, {"fact_without": without, "fact_with": there, "decay": with_decay}, holds)


def _before_training(data: str, lines: list[Line]) -> Verdict:
    """FACT and the ansatz before training, over all runs: what is high there has not converged."""
    start, _ = epochs_of(lines)
    fact, root = _both(lines, start)
    claim = (
        f"{data}: before training WᵀW agrees with the root of the AGOP ({_THERE} or more) where FACT does not hold "
        f"(below {_NOT_THERE}), so that the ansatz there is no sign of convergence"
    )
    holds = None if fact is None or root is None else root >= _THERE and fact < _NOT_THERE
    return Verdict(claim, {"root_start": root, "fact_start": fact}, holds)


def _explains(data: str, lines: list[Line]) -> Verdict:
    """Rank correlation of FACT and the ansatz over the hidden layers of all runs at the end."""
    pairs: list[tuple[float, float]] = []
    for part in values_of(lines, "part"):
        found = select(lines, part=part)
        if not TrainingFit.of(found).fitted:
            continue
        _, end = epochs_of(found)
        inputs = [line for line in select(found, epoch=end, stage="input") if line["layer"] in hidden_layers(found)]
        pairs += [(line[_FACT], line[_ROOT]) for line in inputs if None not in (line.get(_FACT), line.get(_ROOT))]
    rank = rank_correlation(*zip(*pairs, strict=True)) if pairs else None
    claim = f"{data}: at the end the ansatz holds in those layers in which FACT does (rank correlation {_RANK} or more)"
    decides = rank is not None and len(pairs) >= _LEAST_LAYERS
    numbers = {"rank_correlation": rank, "layers": float(len(pairs))}
    return Verdict(claim, numbers, rank >= _RANK if decides and rank is not None else None)


def _ends(lines: list[Line]) -> list[tuple[str, int]]:
    return list(zip(("start", "end"), epochs_of(lines), strict=True))


def _both(lines: list[Line], epoch: int) -> tuple[float | None, float | None]:
    """Correlations of WᵀW with FACT and with the root of the AGOP, means over hidden layers and seeds."""
    return over_layers(lines, _FACT, epoch), over_layers(lines, _ROOT, epoch)


_DRAWN = {
    _FACT: "FACT",
    _ROOT: "AGOP½",
    "nfa_pearson": "AGOP",
    "fact_stationarity": "cosine of W and −∂L/∂W",
}


def _chart(run: Run) -> Grid:
    """Correlations with WᵀW by epoch, means over the hidden layers; a row a depth and a panel a weight decay."""

    def panels(lines: list[Line]) -> dict[str, Curves]:
        found = {}
        for decay in values_of(lines, "decay"):
            here = _means(select(lines, decay=decay))
            curves = [
                course(here, "epoch", measure, label, color(place), log=False)
                for place, (measure, label) in enumerate(_DRAWN.items())
            ]
            found[f"weight decay {decay:g}"] = Curves("epoch", "correlation", curves, log_y=False)
        return found

    return rows_of(run, "network", lambda lines: str(lines[0]["network"]), panels)


def _means(lines: list[Line]) -> list[Line]:
    """A line for each seed and epoch: means over the hidden layers."""
    found: list[Line] = []
    for seed in values_of(lines, "seed"):
        of_seed = select(lines, seed=seed)
        for epoch in values_of(of_seed, "epoch"):
            means = {measure: over_layers(of_seed, measure, epoch) for measure in _DRAWN}
            found.append({"seed": seed, "epoch": epoch, **means})
    return found


FIGURE = Figure(
    name="fact",
    claim=(
        "Where training with weight decay converges, the gradients of the loss determine WᵀW, and better than the "
        "AGOP of the outputs does, whose agreement with WᵀW follows from that."
    ),
    budget=240,
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    data={"quick": ("digits",), "cpu": ("mnist",), "paper": ("mnist", "cifar10")},
    measures=(
        *("seed", "epoch", "loss", "train_accuracy", "test_accuracy", "layer", "stage"),
        *("nfa_pearson", _ROOT, _FACT, "fact_cosine", "fact_stationarity", "fact_decay", "nc1_trace_ratio"),
    ),
    paper="Boix-Adserà, Mallinar, Simon, Belkin 2025, arXiv 2507.05644",
    caption=(
        "Correlation of the entries of WᵀW with those of the symmetric part of −Wᵀ∂L/∂W (FACT), of the AGOP and of its "
        "root, and the cosine of W and −∂L/∂W: means over the hidden layers, by epoch of one full batch."
    ),
)
"""Which of FACT and the ansatz predicts WᵀW, and when."""
