"""Collapse of a regression, NRC1 to NRC4, by layer."""

from __future__ import annotations

from collections.abc import Sequence

from agop.charts.changes import Change
from agop.charts.chart import Choice, Curves
from agop.charts.document import Plot
from agop.charts.findings import Finding
from agop.charts.judging import of_each
from agop.charts.palette import color
from agop.charts.seed_curves import seed_caption, seed_curve
from agop.network.plots.measures import Shown, regression_shown
from agop.network.result import NetworkResult, rows_caption
from agop.runs import Line, select, summarize_along, values_of

__all__ = ["regression_courses", "regression_plot"]


def regression_plot(results: Sequence[NetworkResult]) -> Plot | None:
    """NRC1 to NRC4 of what each layer reads, of one at a time; None if no run is a regression."""
    last = [result.last for result in results]
    layers = list(dict.fromkeys(layer for lines in last for layer in values_of(lines, "layer")))
    charts = {}
    for shown in regression_shown(line for lines in last for line in lines):
        curves = [
            seed_curve(result.name, found, color(run), at=layers)
            for run, (result, lines) in enumerate(zip(results, last, strict=True))
            if (found := summarize_along(select(lines, stage="input"), shown.measure, "layer", log=shown.log))
        ]
        if curves:
            charts[shown.label] = Curves("layer", shown.label, curves, log_y=shown.log)
    if not charts:
        return None
    drawn = [curve for chart in charts.values() for curve in chart.curves]
    return Plot(
        "nrc",
        "Regression collapse by layer",
        Choice("measure", charts, start=next(iter(charts))),
        of_each(results, lambda result: regression_courses(result.last)),
        "Of what each layer reads, at the last measurement, layers in the order of their calls"
        f"{seed_caption(drawn)}. {rows_caption(results)}",
        ("NRC", "stage (network)", "seed band"),
    )


def regression_courses(last: Sequence[Line]) -> list[Finding]:
    """Each measure from the first to the last layer that has it."""
    return [finding for shown in regression_shown(last) if (finding := _course(last, shown)) is not None]


def _course(last: Sequence[Line], shown: Shown) -> Finding | None:
    found = summarize_along(select(last, stage="input"), shown.measure, "layer", log=shown.log)
    if not found:
        return None
    first, end = next(iter(found)), next(reversed(found))
    if first == end:
        return Finding(shown.label, f"input of {first}", found[first].mean)
    change = Change.between(found[first], found[end], log=shown.log)
    return Finding.of(shown.label, f"layer inputs, {first} to {end}", change, found[end])
