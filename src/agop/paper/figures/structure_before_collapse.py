"""Superclasses in the class means of a network that learns classes: early, and gone at the end; quick: about 60 s."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import fmean

from agop.charts.chart import Curves, Grid
from agop.charts.findings import number_text
from agop.charts.palette import color
from agop.datasets import Dataset, load
from agop.network import NetworkRecord
from agop.paper.curves import course, curve, rows_of
from agop.paper.factors import FactorSettings, run_factors
from agop.paper.figure import Figure, Observe, Part, Verdict
from agop.paper.groupings import GROUPINGS
from agop.paper.network_parts import if_fitted, train_settings
from agop.paper.scales import Scale
from agop.paper.training.run import run_train
from agop.paper.training.settings import TrainSettings
from agop.runs import Line, Run, select, values_of

__all__ = ["FIGURE"]

_NC2 = "nc2_gram_mse"

_RISE, _GONE, _SYMMETRY, _SIGNIFICANT = 0.05, 0.5, 1 / 3, 0.05
"""Rise of the structure from which on there is one; share of its peak at and below which it is gone; share of its peak
to which NC2 must fall; share of random groupings that may have as much structure."""

_CONTROLS = ("neither", "halves")
"""Groupings of which inputs show nothing in common."""

_NAMES = ("first", "second", "neither", *GROUPINGS)

_SEEDS: dict[Scale, tuple[int, ...]] = {"quick": (1, 2, 3), "cpu": (1, 2, 3), "paper": (1, 2, 3)}
"""Seeds; with 0 thresholds were chosen."""

_ENDS = ("start", "peak", "end")


def _structure(name: str) -> str:
    return f"superclass_structure/{name}"


def _chance(name: str) -> str:
    return f"superclass_chance/{name}"


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:  # noqa: ARG001 (the data are its own)
    """Trainings on pairs of factors, and on digits, whose superclasses are measured at the last features."""
    made = [FactorSettings(seed=seed) for seed in _SEEDS[scale]]
    parts = [Part(f"factors-{each.seed}", each.data, {}, each, run_factors) for each in made]
    base = train_settings("quick", "digits", "mlp", device)
    groupings = tuple(each for each, (_, known) in GROUPINGS.items() if base.data in known)
    digits = replace(base, seeds=_SEEDS[scale], every=2, layers=("fc.output",), superclasses=groupings)
    return [*parts, Part("structure-digits", digits.data, {}, digits, _run_digits)]


def _run_digits(settings: TrainSettings, dataset: Dataset | None, out: Path, observe: Observe) -> Run:  # noqa: ARG001
    def epoch(seed: int, epoch: int, loss: float | None, _: NetworkRecord | None) -> None:
        observe(f"seed {seed}, epoch {epoch}/{settings.epochs}: loss {number_text(loss)}")

    return run_train(settings, load(settings.data), out, epoch)


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    verdicts = []
    for data in values_of(lines, "data"):
        found = select(select(lines, data=data), stage="input")
        verdicts.append(if_fitted(_symmetry(data, found), found))
        for name in _names(found):
            check = _no_structure if name in _CONTROLS else _early
            verdicts.append(if_fitted(check(data, name, found), found))
    return verdicts


def _names(lines: list[Line]) -> list[str]:
    return [name for name in _NAMES if any(line.get(_structure(name)) is not None for line in lines)]


def _symmetry(data: str, lines: list[Line]) -> Verdict:
    """NC2 at its peak and at the end, in every seed."""
    seeds = [_course(lines, seed, _NC2) for seed in values_of(lines, "seed")]
    ends = [(each[min(each)], max(each.values()), each[max(each)]) for each in seeds]
    numbers = {f"nc2_{name}": fmean(column) for name, column in zip(_ENDS, zip(*ends, strict=True), strict=True)}
    claim = f"{data}: the class means end near a simplex frame (NC2 falls to a third of its peak or less)"
    return Verdict(claim, numbers, all(end <= _SYMMETRY * peak for _, peak, end in ends))


def _early(data: str, name: str, lines: list[Line]) -> Verdict:
    """Structure rises by training, beyond random groupings, before half of the fall of NC2, and is gone at the end."""
    claim = (
        f"{data}, {name}: superclass structure comes first (rises by {_RISE} to a peak that {_SIGNIFICANT:.0%} "
        "of groupings have, before half of the fall of NC2) and goes (ends at half of its peak or less)"
    )
    found = [_of_seed(lines, name, seed) for seed in values_of(lines, "seed")]
    numbers = {key: fmean(each[key] for each in found) for key in found[0]}
    holds = all(
        each["peak"] >= each["start"] + _RISE
        and each["chance_at_peak"] <= _SIGNIFICANT
        and each["peak_epoch"] < each["nc2_half_epoch"]
        and each["end"] <= _GONE * each["peak"]
        for each in found
    )
    return Verdict(claim, numbers, holds)


def _no_structure(data: str, name: str, lines: list[Line]) -> Verdict:
    """The control: at its peak more random groupings have as much structure than would be significant."""
    claim = f"{data}, {name}: a grouping that images do not show has no more structure than random ones"
    found = [_of_seed(lines, name, seed) for seed in values_of(lines, "seed")]
    numbers = {key: fmean(each[key] for each in found) for key in ("start", "peak", "end", "chance_at_peak")}
    return Verdict(claim, numbers, all(each["chance_at_peak"] > _SIGNIFICANT for each in found))


def _of_seed(lines: list[Line], name: str, seed: int) -> dict[str, float]:
    structure, chance = _course(lines, seed, _structure(name)), _course(lines, seed, _chance(name))
    nc2 = _course(lines, seed, _NC2)
    peak = max(structure, key=lambda epoch: structure[epoch])
    top = max(nc2, key=lambda epoch: nc2[epoch])
    half = (nc2[top] * nc2[max(nc2)]) ** 0.5
    return {
        "start": structure[min(structure)],
        "peak": structure[peak],
        "end": structure[max(structure)],
        "peak_epoch": float(peak),
        "nc2_half_epoch": float(
            next((epoch for epoch in sorted(nc2) if epoch >= top and nc2[epoch] <= half), max(nc2))
        ),
        "chance_at_peak": chance[peak],
    }


def _course(lines: list[Line], seed: int, measure: str) -> dict[int, float]:
    """Values of a measure by epoch."""
    return curve(select(lines, seed=seed), measure, "epoch", log=False)


def _chart(run: Run) -> Grid:
    """Structure of each grouping, NC2 and NC1 by epoch; a row a data set."""

    def panels(lines: list[Line]) -> dict[str, Curves]:
        here = select(lines, stage="input")
        places = {name: _NAMES.index(name) for name in _names(here)}
        structures = [
            course(here, "epoch", _structure(name), name, color(place), log=False) for name, place in places.items()
        ]
        chances = [course(here, "epoch", _chance(name), name, color(place)) for name, place in places.items()]
        return {
            "structure of superclasses": Curves("epoch", "structure", structures, log_y=False),
            "random groupings with as much": Curves("epoch", "share", chances),
            "NC2": Curves("epoch", "NC2", [course(here, "epoch", _NC2, "", color(7))]),
            "NC1": Curves("epoch", "NC1", [course(here, "epoch", "nc1_trace_ratio", "", color(7))]),
        }

    return rows_of(run, "data", lambda lines: str(lines[0]["data"]), panels)


FIGURE = Figure(
    name="structure-before-collapse",
    claim=(
        "A network that is told classes alone first puts similar classes together, and only later takes them apart "
        "into the simplex frame of collapse, which knows of no similarity."
    ),
    budget=180,
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    data=None,
    measures=(
        *("seed", "epoch", "loss", "train_accuracy", "test_accuracy", "layer", "stage", "nc1_trace_ratio", _NC2),
        *(f"superclass_{column}/{name}" for name in _NAMES for column in ("structure", "chance", "nc1")),
    ),
    paper="Zhao, Papadimitriou, Thrampoulidis 2026, arXiv 2606.26749",
    caption=(
        "Share of the scatter of the class means that lies between superclasses, adjusted to 0 for random groupings "
        "and 1 for classes that coincide; share of random groupings with as much; NC2 and NC1: all of what the output "
        "layer reads."
    ),
)
"""Superclasses in the class means, and the simplex frame after them."""
