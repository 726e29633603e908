"""Directions that a target depends on, which the AGOP has before the predictor predicts; quick: about 10 s."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from agop.charts.chart import Curves, Grid
from agop.charts.palette import color, shade
from agop.datasets import Dataset
from agop.paper.curves import course
from agop.paper.figure import Figure, Observe, Part, Verdict
from agop.paper.multi_index import MultiIndexSettings, multi_index_lines
from agop.paper.scales import Scale
from agop.runs import Line, Run, select, values_of

__all__ = ["FIGURE"]

_FOUND, _CHANCE = 25.0, 60.0
"""Largest principal angle in degrees up to which the directions count as found, and above which as not found at all."""

_UNKNOWN, _PREDICTED = 0.4, 0.1
"""Test error over the variance of the target from which on it counts as not predicted, and up to which as predicted."""

_ROWS: dict[Scale, tuple[int, ...]] = {
    "quick": (100, 200, 400, 800, 1600),
    "cpu": (100, 200, 400, 800, 1600, 3200),
    "paper": (100, 200, 400, 800, 1600, 3200, 6400, 12800),
}
_SEEDS: dict[Scale, tuple[int, ...]] = {"quick": (1, 2, 3), "cpu": (1, 2, 3), "paper": (1, 2, 3, 4, 5)}
"""Seeds; with 0 dimension, rows, iterates and thresholds were chosen."""


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:  # noqa: ARG001 (the data are its own)
    parts = []
    for seed in _SEEDS[scale]:
        settings = MultiIndexSettings(20, _ROWS[scale], 5, seed)
        name = f"multi-index-{settings.dimension}-{max(settings.rows)}-{seed}"
        parts.append(Part(name, settings.data, {"seed": seed}, settings, _run))
    return parts


def _run(settings: MultiIndexSettings, dataset: Dataset | None, out: Path, observe: Observe) -> Run:  # noqa: ARG001
    run = Run.create(out, asdict(settings))
    if not (run.path / "metrics.jsonl").exists():
        with run.working():
            run.rewrite(multi_index_lines(settings, observe))
    run.finish()
    return run


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    verdicts = []
    for seed in values_of(lines, "seed"):
        true, shuffled = (select(lines, seed=seed, shuffled=which) for which in (False, True))
        verdicts += [_fewer_rows(seed, true), _earlier(seed, true), _helps(seed, true), _by_chance(seed, shuffled)]
    return verdicts


def _fewer_rows(seed: int, lines: list[Line]) -> Verdict:
    """Kernel ridge regression has the directions at a number of rows at which it does not have the target."""
    found = next((line for line in select(lines, iteration=0) if line["angle"] <= _FOUND), None)
    numbers = {name: None if found is None else found[name] for name in ("rows", "angle", "test_error")}
    claim = (
        f"seed {seed}: the AGOP of kernel ridge regression is within {_FOUND:g} degrees of the directions at a number "
        f"of rows at which the test error is {_UNKNOWN} of the variance or more"
    )
    return Verdict(claim, numbers, found is not None and found["test_error"] >= _UNKNOWN)


def _earlier(seed: int, lines: list[Line]) -> Verdict:
    """At the fewest rows that suffice to predict, the directions are found at an earlier iterate."""
    claim = (
        f"seed {seed}: with the fewest rows from which the recursion predicts (test error {_PREDICTED} of the "
        f"variance), the directions are found at an earlier iterate"
    )
    enough = _rows_to_predict(lines)
    if enough is None:
        return Verdict(claim, {"rows": None}, None, "no number of rows suffices")
    of_rows = select(lines, rows=enough)
    found = next((line["iteration"] for line in of_rows if line["angle"] <= _FOUND), None)
    predicted = next(line["iteration"] for line in of_rows if line["test_error"] <= _PREDICTED)
    numbers = {"rows": enough, "found_at": found, "predicted_at": predicted}
    return Verdict(claim, numbers, found is not None and found < predicted)


def _helps(seed: int, lines: list[Line]) -> Verdict:
    """The recursion predicts where kernel ridge regression does not."""
    claim = f"seed {seed}: the recursion predicts where kernel ridge regression has a test error of {_UNKNOWN} or more"
    enough = _rows_to_predict(lines)
    if enough is None:
        return Verdict(claim, {"rows": None}, False)
    start, *_, end = select(lines, rows=enough)
    numbers = {"rows": enough, "test_error_start": start["test_error"], "test_error_end": end["test_error"]}
    return Verdict(claim, numbers, start["test_error"] >= _UNKNOWN)


def _by_chance(seed: int, lines: list[Line]) -> Verdict:
    least = min(line["angle"] for line in lines)
    claim = (
        f"seed {seed}: with targets in a random order the angle is above {_CHANCE:g} degrees at every number of rows"
    )
    return Verdict(claim, {"angle_least": least}, least > _CHANCE)


def _rows_to_predict(lines: list[Line]) -> int | None:
    """Fewest rows from which on the last iterate predicts; None if it does not with the most."""
    last = max(line["iteration"] for line in lines)
    enough = None
    for line in select(lines, iteration=last):
        enough = (enough or line["rows"]) if line["test_error"] <= _PREDICTED else None
    return enough


def _chart(run: Run) -> Grid:
    """Angle and error by rows, without AGOP and at the end, and by iterate at each number of rows."""
    lines: list[Line] = list(run.metrics())
    true = select(lines, shuffled=False)
    last = max(line["iteration"] for line in true)
    by_rows = {"no AGOP": select(true, iteration=0), f"{last} updates": select(true, iteration=last)}
    by_rows["no AGOP, targets in a random order"] = select(lines, shuffled=True)
    by_iterate = {f"{n} rows": select(true, rows=n) for n in values_of(true, "rows")}
    rows = {}
    for measure, title in (("angle", "largest principal angle, degrees"), ("test_error", "test error / variance")):
        panels = {}
        for along, parts in (("rows", by_rows), ("iteration", by_iterate)):
            curves = [
                course(
                    *(part, along, measure, name),
                    color(place) if along == "rows" else shade(place, len(parts), "settings"),
                    log=False,
                )
                for place, (name, part) in enumerate(parts.items())
            ]
            axis = "training rows" if along == "rows" else "iterate"
            panels[f"by {axis}"] = Curves(axis, title, curves, log_x=along == "rows", log_y=False)
        rows[title] = panels
    return Grid(rows)


FIGURE = Figure(
    name="central-subspace",
    claim=(
        "The leading eigenvectors of the AGOP of kernel ridge regression are the directions that the target has, at "
        "fewer samples than it takes to predict it; the recursion then predicts."
    ),
    budget=30,
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    data=None,
    paper="Zhu, Davis, Drusvyatskiy, Fazel 2026, arXiv 2605.15082",
    caption=(
        "Largest principal angle between the leading eigenvectors of the AGOP and the directions of the target, and "
        "mean squared test error over the variance of the target: means over draws."
    ),
)
"""Angle to the directions of the target, and test error, by rows and iterates."""
