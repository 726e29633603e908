"""NC1 and NC2 beside those of random labels, and the onset of collapse with the feature norm there; quick: 60 s."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean, pstdev

from agop.charts.chart import Curves, Grid
from agop.network import Onset, onset_of_collapse
from agop.paper.curves import epochs_of, family, rows_of
from agop.paper.figure import Figure, Part, Verdict
from agop.paper.network_parts import if_fitted, train_part, train_settings
from agop.paper.scales import Scale
from agop.runs import Line, Run, TrainingFit, select, values_of

__all__ = ["FIGURE"]

_NC1, _NC2 = "nc1_trace_ratio", "nc2_gram_mse"

_LABELS = {_NC1: "NC1", _NC2: "NC2"}

_DRAWS = 39
"""Draws of random labels: another lies in their range with a probability of 95 %."""

_VARIATION = 0.08
"""Coefficient of variation of the feature norm at the onset below which it counts as the same: that of the paper."""

_LEAST_TRAININGS = 4

_SHUFFLED = "shuffled labels"

_CONDITIONS: dict[str, dict[str, float | int | bool]] = {
    "as it is": {},
    "learning rate / 2": {"lr": 0.025},
    "batches of 100": {"batch_size": 100},
    "weight decay 1e-3": {"weight_decay": 1e-3},
    "initial gain 0.7": {"gain": 0.7},
    _SHUFFLED: {"permute_labels": True, "gain": 1.0, "epochs": 450},
}
"""What is changed of a training, by its name; labels without relation to the images take longer to learn."""

_SEEDS: dict[Scale, tuple[int, ...]] = {"quick": (1,), "cpu": (1, 2), "paper": (1, 2, 3)}
"""Seeds; with 0 the conditions were chosen."""


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:
    """Trainings of one network that differ in one setting, measured every few epochs at the last features alone."""
    parts = []
    for name in data:
        base = train_settings(scale, name, "mlp", device)
        every = max(1, base.epochs // 50)
        base = replace(base, seeds=_SEEDS[scale], every=every, layers=("fc.output",), chance=_DRAWS)
        for place, (condition, changes) in enumerate(_CONDITIONS.items()):
            settings = replace(base, **changes)  # type: ignore[arg-type]
            columns = {"model": "mlp", "condition": condition}
            parts.append(train_part(f"chance-{name}-{place}", settings, columns))
    return parts


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    verdicts = []
    for data in values_of(lines, "data"):
        found = select(select(lines, data=data), stage="input")
        for condition in values_of(found, "condition"):
            here = select(found, condition=condition)
            levels = (_below_chance(f"{data}, {condition}", here, measure) for measure in _LABELS)
            verdicts += [if_fitted(verdict, here) for verdict in levels]
        verdicts.append(_same_norm(data, found))
    return verdicts


def _below_chance(name: str, lines: list[Line], measure: str) -> Verdict:
    """Whether a measure ends below all random labels of the same features, in every seed, and where it began."""
    start, end = epochs_of(lines)
    ends = select(lines, epoch=end)
    columns = {"": measure, "_chance_least": f"{measure}_chance_least", "_chance_largest": f"{measure}_chance_largest"}
    first, last = (
        {key: _mean(select(lines, epoch=epoch), each) for key, each in columns.items()} for epoch in (start, end)
    )
    numbers = {f"{_LABELS[measure].lower()}{key}_start": value for key, value in first.items()}
    numbers |= {f"{_LABELS[measure].lower()}{key}_end": value for key, value in last.items()}
    pairs = [(line.get(measure), line.get(columns["_chance_least"])) for line in ends]
    known = [(value, least) for value, least in pairs if least is not None]
    claim = f"{name}: {_LABELS[measure]} of the last features ends below that of random labels ({_DRAWS} draws)"
    holds = all(value is not None and value < least for value, least in known) if known else None
    return Verdict(claim, numbers, holds)


def _mean(lines: list[Line], column: str) -> float | None:
    known = [line[column] for line in lines if line.get(column) is not None]
    return fmean(known) if known else None


def _same_norm(data: str, lines: list[Line]) -> Verdict:
    """Spread of the feature norm at the onset over the trainings that collapse, shuffled labels left out."""
    norms: list[float] = []
    numbers: dict[str, float | None] = {}
    for condition in values_of(lines, "condition"):
        here = select(lines, condition=condition)
        onsets = [onset_of_collapse(select(here, seed=seed)) for seed in values_of(here, "seed")]
        found = [onset for onset in onsets if onset is not None] if TrainingFit.of(here).fitted else []
        numbers |= _of_onsets(condition, found)
        if condition != _SHUFFLED:
            norms += [onset.feature_norm for onset in found if onset.feature_norm is not None]
    claim = (
        f"{data}: the feature norm at the onset of collapse (NC1 of 0.1) is the same however the network is trained "
        f"(coefficient of variation {_VARIATION} or less)"
    )
    variation = pstdev(norms) / fmean(norms) if len(norms) >= 2 else None
    numbers = {"variation": variation, "trainings": float(len(norms)), **numbers}
    holds = None if variation is None or len(norms) < _LEAST_TRAININGS else variation <= _VARIATION
    return Verdict(claim, numbers, holds)


def _of_onsets(condition: str, onsets: list[Onset]) -> dict[str, float | None]:
    """Mean epoch of the onset, its largest error, and the mean norm there."""
    name = condition.replace(" ", "_")
    if not onsets:
        return {f"onset_{name}": None}
    norms = [onset.feature_norm for onset in onsets if onset.feature_norm is not None]
    return {
        f"onset_{name}": fmean(onset.index for onset in onsets),
        f"error_{name}": max(onset.error for onset in onsets),
        f"norm_{name}": fmean(norms) if norms else None,
    }


def _chart(run: Run) -> Grid:
    """NC1 and NC2 of the last features, the least of random labels, and the feature norm; a row a data set."""

    def panels(lines: list[Line]) -> dict[str, Curves]:
        here = select(lines, stage="input")
        conditions = values_of(here, "condition")
        named, unnamed = {name: name for name in conditions}, dict.fromkeys(conditions, "")
        found = {}
        for measure, label in {**_LABELS, "feature_norm": "norm"}.items():
            curves = family(here, "epoch", measure, ("condition", named))
            if measure in _LABELS:
                curves += family(here, "epoch", f"{measure}_chance_least", ("condition", unnamed), "dash")
            found[label] = Curves("epoch", label, curves)
        return found

    return rows_of(run, "data", lambda lines: str(lines[0]["data"]), panels)


FIGURE = Figure(
    name="chance",
    claim=(
        "Collapse is more than what random labels of the same features show, and sets in when the norm of the features "
        "reaches a value that is that of network and data, however it is trained."
    ),
    budget=240,
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    data={"quick": ("digits",), "cpu": ("mnist",), "paper": ("mnist", "cifar10", "svhn")},
    measures=(
        *("seed", "epoch", "loss", "train_accuracy", "test_accuracy", "layer", "stage", "feature_norm"),
        *(f"{measure}{end}" for measure in _LABELS for end in ("", "_chance_least", "_chance_largest")),
    ),
    paper="Rupa 2026, arXiv 2604.00230, for the onset",
    caption=(
        "NC1 and NC2 of what the output layer reads; dashed: the least value of 39 draws of random labels for the same "
        "features. Norm: root mean square of the norm of these features."
    ),
)
"""Collapse beside chance, and when it sets in."""
