"""Loss and accuracy of networks while they learn: plots and findings."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from typing import Literal

from agop.charts.changes import ends_of
from agop.charts.chart import Curve, Curves, Dash
from agop.charts.document import Plot
from agop.charts.findings import Finding
from agop.charts.judging import compared, marked, of_each
from agop.charts.palette import color
from agop.charts.seed_curves import seed_caption, seed_curve
from agop.network.plots.findings import unit_of
from agop.network.result import NetworkResult
from agop.runs import Line, SeedSummary, last_measured, measurements, summarize_along

__all__ = ["score_findings", "score_plot"]


def score_plot(results: Sequence[NetworkResult], measure: str) -> Plot | None:
    """Curves of "loss" or "accuracy" on training and test rows; None if no run has several values."""
    log = _is_log(results, measure)
    limits = (0, 1) if measure == "accuracy" else (0 if log else -inf, inf)
    curves: list[Curve] = []
    for run, result in enumerate(results):
        for place, (name, column, dash, lines) in enumerate(_measured(result, measure)):
            found = summarize_along(lines, column, "epoch", log=log)
            if len(found) > 1:
                label = name if len(results) == 1 else f"{result.name}, {name}"
                paint = color(place if len(results) == 1 else run)
                curves.append(seed_curve(label, dict(sorted(found.items())), paint, dash, limits=limits))
    if not curves:
        return None
    caption = f"{'Geometric' if log else 'Arithmetic'} means over seeds{seed_caption(curves)}"
    dotted = "; dotted: while the weights changed" if any(curve.dash == "dot" for curve in curves) else ""
    return Plot(
        measure,
        measure.capitalize(),
        Curves(unit_of(results), measure, curves, log_y=log),
        score_findings(results, measure),
        f"{caption}{dotted}.",
        (measure, "seed band"),
    )


def score_findings(results: Sequence[NetworkResult], measure: str) -> list[Finding]:
    """Course of "loss" or "accuracy" of each run, and which run ends best."""
    log = _is_log(results, measure)

    def found(result: NetworkResult) -> list[Finding]:
        tested, trained, running = (_course(each, measure, result.unit, log=log) for each in _measured(result, measure))
        return [*trained, *tested] or running

    return [*_best(results, measure, log=log), *of_each(results, found)]


def _measured(result: NetworkResult, measure: str) -> list[tuple[str, str, Dash, Sequence[Line]]]:
    """Name, column, style and lines of each curve: test, training, running."""
    lines = measurements(result.lines)
    return [
        ("test", f"test_{measure}", "solid", lines),
        ("training", "train_accuracy" if measure == "accuracy" else measure, "dash", lines),
        (f"training, mean over the {result.unit}", f"running_{measure}", "dot", result.epochs),
    ]


def _course(curve: tuple[str, str, Dash, Sequence[Line]], measure: str, unit: str, *, log: bool) -> list[Finding]:
    name, column, _, lines = curve
    change = ends_of(lines, column, log=log)
    if change is None:
        return []
    where = "first to last measurement" if change.span is None else f"{unit} {change.span[0]} to {change.span[1]}"
    return [Finding.of(f"{name.split(',', maxsplit=1)[0]} {measure}", where, change)]


def _best(results: Sequence[NetworkResult], measure: str, *, log: bool) -> list[Finding]:
    """Which run ends best, on test rows if all runs have some, or else on training rows."""
    for place, rows in enumerate(("test", "training")):
        ends: dict[str, SeedSummary] = {}
        for result in results:
            _, column, _, lines = _measured(result, measure)[place]
            found = summarize_along([{**line, "all": 0} for line in last_measured(lines)], column, "all", log=log)
            ends.update((result.name, summary) for summary in found.values())
        if len(ends) > 1 and len(ends) == len(results):
            best: Literal["lowest", "highest"] = "highest" if measure == "accuracy" else "lowest"
            return marked(compared(f"{rows} {measure}", "last measurement", ends, best=best), results)
    return []


def _is_log(results: Sequence[NetworkResult], measure: str) -> bool:
    """A loss is shown by its logarithm, unless one is not positive."""
    if measure == "accuracy":
        return False
    values = [
        line[column]
        for result in results
        for _, column, _, lines in _measured(result, measure)
        for line in lines
        if line.get(column) is not None and isfinite(line[column])
    ]
    return all(value > 0 for value in values)
