"""Which part of a layer makes NC1 fall: the linear map or the nonlinearity, as a plot and as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log

from agop.charts.chart import Bars, Series
from agop.charts.document import Plot
from agop.charts.findings import Finding, at_most, listed
from agop.charts.judging import of_each
from agop.charts.palette import color
from agop.network.plots.grouping import layer_names, told_names
from agop.network.result import NetworkResult
from agop.runs import LEAST_FALL, Line, SeedSummary, hidden_layers, select, summarize_along, values_of

__all__ = ["attribution_findings", "attribution_plot", "share_findings", "share_sum"]

_SHARE = "share of the linear map in the fall of NC1"


def attribution_plot(results: Sequence[NetworkResult]) -> Plot | None:
    """Bars of the falls of each layer with a nonlinearity at the last measurement; None if there are none."""
    found = [_falls(result.last) for result in results]
    layers = dict.fromkeys(layer for result in results for layer in hidden_layers(result.lines))
    names = layer_names(list(dict.fromkeys(layer for result in results for layer in values_of(result.lines, "layer"))))
    there = [
        (names[layer] if len(results) == 1 else f"{names[layer]}, {result.name}", *falls[layer])
        for layer in layers
        for result, falls in zip(results, found, strict=True)
        if layer in falls
    ]
    if not there:
        return None
    linear = [first.mean / log(10) for _, first, _ in there]
    rest = [None if whole is None else (whole.mean - first.mean) / log(10) for _, first, whole in there]
    series = [
        Series("linear map, φ to Wφ", linear, color(1)),
        Series("nonlinearity, Wφ to σ(Wφ)", rest, color(2)),
    ]
    return Plot(
        "attribution",
        "What makes NC1 fall",
        Bars([name for name, *_ in there], "fall of NC1 in decades", series, stacked=True),
        attribution_findings(results) or [Finding(_SHARE, "", None, notes=("no layer has NC1 on both sides",))],
        "Decades by which NC1 falls at the linear map and at the nonlinearity of each layer, at the last measurement; "
        "means over seeds. A bar to the left of 0 is a rise.",
        ("attribution", "NC1", "stage (network)"),
    )


def attribution_findings(results: Sequence[NetworkResult]) -> list[Finding]:
    """Share of the linear map in the fall of NC1 at the end: of each layer and, of several runs, of all."""

    def found(result: NetworkResult) -> list[Finding]:
        last = result.last
        return [*(share_sum(last) if len(results) > 1 else ()), *at_most(share_findings(last))]

    return of_each(results, found)


def share_sum(last: Sequence[Line]) -> list[Finding]:
    """Share of the linear map in the fall of NC1, summed over the layers."""
    linear, fall = (sum(each[k].mean for each in _over_whole_layers(last).values()) for k in (0, 1))
    if fall < LEAST_FALL:
        return []
    share, note = _share(linear, fall)
    return [Finding(_SHARE, "sum over the layers", share, "%", notes=note)]


def share_findings(last: Sequence[Line]) -> list[Finding]:
    """Share of the linear map in each layer in which every seed has a fall of 5 %; of the others one finding."""
    findings, level, seeds, names = [], [], 1, told_names(values_of(last, "layer"))
    for layer, (linear, fall) in _over_whole_layers(last).items():
        seeds = max(seeds, fall.n_seeds)
        if not all(part >= LEAST_FALL for _, part in fall.values):
            level.append(names[layer])
            continue
        share, notes = _share(linear.mean, fall.mean)
        if share is not None and _is_most(linear, fall):
            notes = (f"more than half{_in_seeds(fall.n_seeds)}",)
        findings.append(Finding(_SHARE, names[layer], share, "%", notes=notes))
    told = [finding for finding in findings if finding.value is not None]
    untold = [finding for finding in findings if finding.value is None]
    rest = [Finding(_SHARE, listed(level, 3), None, notes=(f"no fall of 5 %{_in_seeds(seeds)}",))] if level else []
    return [*told, *untold, *rest]


def _share(linear: float, fall: float) -> tuple[float | None, tuple[str, ...]]:
    """Part in a fall, if both parts fall; or else which of them rises, so that no share of it can be told.

    Examples
    --------
    >>> _share(3.0, 4.0), _share(3.0, 2.0)
    ((0.75, ()), (None, ('no share: the nonlinearity raises NC1 again',)))
    """
    if linear < 0:
        return None, ("no share: the linear map raises NC1",)
    return (linear / fall, ()) if linear <= fall else (None, ("no share: the nonlinearity raises NC1 again",))


def _in_seeds(count: int) -> str:
    return " in every seed" if count > 1 else ""


def _is_most(linear: SeedSummary, whole: SeedSummary) -> bool:
    """Whether the linear part is more than half of the fall in every seed."""
    falls = dict(whole.values)
    return all(part > 0.5 * falls[seed] for seed, part in linear.values)


def _falls(last: Iterable[Line]) -> dict[str, tuple[SeedSummary, SeedSummary | None]]:
    """Falls of log NC1 at the linear map and over the whole layer, by layer: means over the seeds that have both.

    If no seed has both, that at the linear map alone.
    """
    columns = "linear_log_fall", "output_log_fall"
    inputs = select(last, stage="input")
    both = [line for line in inputs if None not in (line.get(column) for column in columns)]
    linear, whole = (summarize_along(both, column, "layer", log=False) for column in columns)
    alone = summarize_along(inputs, columns[0], "layer", log=False)
    return {
        layer: (linear[layer], whole[layer]) if layer in linear and layer in whole else (summary, None)
        for layer, summary in alone.items()
    }


def _over_whole_layers(last: Iterable[Line]) -> dict[str, tuple[SeedSummary, SeedSummary]]:
    """Falls of the layers that have both."""
    return {layer: (first, whole) for layer, (first, whole) in _falls(last).items() if whole is not None}
