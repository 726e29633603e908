"""Findings on networks: the fit, the scores, the course of NC1 over layers and epochs, the ansatz."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import isfinite
from statistics import fmean

from agop.charts.changes import Change, ends_of, steepest, steps
from agop.charts.findings import Finding, at_most, listed, spread
from agop.charts.judging import compared, not_fitted, of_each, zeros
from agop.network.output_layer import BY_DEFINITION, compared_lines, output_layer
from agop.network.plots.attribution import share_findings, share_sum
from agop.network.plots.chance import chance_findings
from agop.network.plots.grouping import grouped, in_words, stream_names
from agop.network.plots.measures import by_column, regression_shown
from agop.network.plots.onset import onset_findings
from agop.network.plots.regression import regression_courses
from agop.network.result import NetworkResult
from agop.runs import Line, SeedSummary, hidden_layers, select, summarize_along, values_of

__all__ = [
    "comparison_of_runs",
    "epoch_findings",
    "layer_findings",
    "map_findings",
    "mean_ansatz",
    "network_findings",
    "nfa_findings",
    "scores",
    "unit_of",
]

_NC1, _ROOT = "nc1_trace_ratio", "nfa_pearson_root"

_STAGES = {"output": "after the nonlinearity of", "linear": "after the linear map of", "input": "input of"}

_NOWHERE = "not known at any layer"

_ANSATZ = "correlation of WᵀW with AGOP½"


def network_findings(results: Sequence[NetworkResult]) -> list[Finding]:
    """Findings at the last measurement on the fit, the scores, NC1 by layer, its onset and its cause, and the ansatz.

    Examples
    --------
    >>> line = {"seed": 0, "epoch": 9, "loss": 0.01, "train_accuracy": 1.0, "layer": "fc.1", "stage": "input"}
    >>> run = NetworkResult("run", {"settings": {}}, [{**line, "nc1_trace_ratio": 4.0}])
    >>> [(finding.quantity, finding.where, finding.value) for finding in network_findings([run])]
    [('training loss', 'epoch 9', 0.01), ('training accuracy', 'epoch 9', 1.0), ('NC1', 'input of fc.1', 4.0)]
    """

    def found(result: NetworkResult) -> list[Finding]:
        last = result.last
        several = len(results) > 1 or _is_deep(last)
        cause = [*at_most(share_findings(last)), *at_most(_ansatz(last))]
        return [
            *not_fitted(result.fit()),
            *scores(last, result.unit),
            *_layers(last),
            *onset_findings(result),
            *chance_findings(last),
            *([*share_sum(last), *mean_ansatz(last)] if several else cause),
        ]

    return [*comparison_of_runs(results), *of_each(results, found)]


def layer_findings(results: Sequence[NetworkResult]) -> list[Finding]:
    """NC1 by layer at the last measurement, and which run ends lowest."""
    return [*comparison_of_runs(results), *of_each(results, lambda result: _layers(result.last))]


def map_findings(results: Sequence[NetworkResult]) -> list[Finding]:
    """Course of NC1 at the input of each layer, and the layer and the step at which it falls most."""

    def found(result: NetworkResult) -> list[Finding]:
        ends = _ends(result, "input")
        most = steepest(ends) if len(ends) > 1 else []
        rows = [(layer, _over_epochs(result, "input", layer, change)) for layer, change in ends.items()]
        marked = [replace(row, notes=(*row.notes, "largest fall")) if layer in most else row for layer, row in rows]
        inputs = by_column(select(result.lines, stage="input"), "layer")
        changes = {(layer, step): change for layer in ends for step, change in steps(inputs[layer], _NC1).items()}
        places = steepest(changes)
        where = listed([f"{in_words(layer)} from {result.unit} {a} to {b}" for layer, (a, b) in places])
        step = [Finding("NC1", f"steepest fall: {where}", changes[places[0]].factor, "x")] if places else []
        return [*_with_note_first(marked, "largest fall"), *step]

    return of_each(results, found)


def epoch_findings(results: Sequence[NetworkResult]) -> list[Finding]:
    """Course of NC1 after the nonlinearity of every layer, from the first to the last measurement."""

    def found(result: NetworkResult) -> list[Finding]:
        for stage in _STAGES:
            if ends := _ends(result, stage):
                return at_most([_over_epochs(result, stage, layer, change) for layer, change in ends.items()])
        return []

    return of_each(results, found)


def nfa_findings(results: Sequence[NetworkResult]) -> list[Finding]:
    """Correlation of W^T W with the root of the AGOP, before and after, where it says something."""

    def found(result: NetworkResult) -> list[Finding]:
        last, lines = result.last, select(result.lines, stage="input")
        skipped = output_layer(last)
        courses = {layer: here for layer, here in by_column(lines, "layer").items() if layer != skipped}
        ends = {layer: ends_of(here, _ROOT, log=False) for layer, here in courses.items()}
        rows = [Finding.of(_ANSATZ, in_words(layer), change) for layer, change in ends.items() if change is not None]
        rows = rows or _ansatz(last)
        several = len(results) > 1 or len(rows) > 1
        definition = [Finding(_ANSATZ, in_words(skipped), None, notes=(BY_DEFINITION,))] if skipped else []
        return [*(mean_ansatz(last) if several else ()), *at_most([] if _is_deep(last) else rows), *definition]

    return of_each(results, found)


def unit_of(results: Sequence[NetworkResult]) -> str:
    """Unit that the runs count: "epoch", "step", or both."""
    return " or ".join(dict.fromkeys(result.unit for result in results))


def _is_deep(lines: Iterable[Line]) -> bool:
    """Whether layers are grouped by blocks, too many to tell of each."""
    return grouped(values_of(lines, "layer")) is not None


def _with_note_first(findings: Sequence[Finding], note: str) -> list[Finding]:
    """The first findings and those with a note, which come first where not all are kept."""
    if len(findings) <= 9:
        return list(findings)
    return at_most(sorted(findings, key=lambda finding: note not in finding.notes))


def comparison_of_runs(results: Sequence[NetworkResult]) -> list[Finding]:
    """Which of several runs ends with the lowest NC1, if they have the same last layer."""
    ends = {result.name: end for result in results if (end := _last_input(result.last)) is not None}
    layers = {layer for layer, _ in ends.values()}
    fits = {result.name: result.fit() for result in results}
    found = {name: summary for name, (_, summary) in ends.items()}
    return compared("NC1", f"input of {in_words(layers.pop())}", found, fits) if len(layers) == 1 else []


def scores(last: Sequence[Line], unit: str) -> list[Finding]:
    """Loss and accuracy, means over seeds, of a positive loss geometric; epoch 0 says that it is not known."""
    seeds = [{**line, "all": 0} for line in {line["seed"]: line for line in last}.values()]
    trained = any(line.get("train_accuracy") is not None for line in seeds)
    columns = {
        "training loss": "loss",
        **({"training accuracy": "train_accuracy"} if trained else {"accuracy on these rows": "accuracy"}),
        "test accuracy": "test_accuracy",
    }
    epochs = sorted({line["epoch"] for line in seeds})
    where = "" if epochs in ([], [0]) else f"{unit} {epochs[0]}{f' to {epochs[-1]}' if len(epochs) > 1 else ''}"
    findings = []
    for name, column in columns.items():
        log = column == "loss" and all((line.get(column) or 0) > 0 for line in seeds)
        for summary in summarize_along(seeds, column, "all", log=log).values():
            some = (f"of {summary.n_seeds} of {len(seeds)} seeds",) if summary.n_seeds < len(seeds) else ()
            findings.append(Finding(name, where, summary.mean, interval=spread(summary), notes=some))
    return findings


def _layers(last: Sequence[Line]) -> list[Finding]:
    """Course of NC1 over the inputs of the layers, the largest fall of a step, and layers where it is 0.

    Of a regression the courses of NRC1 to NRC4.
    """
    if shown := regression_shown(last):
        return regression_courses(last) or [Finding(shown[0].label, "layer inputs", None, notes=(_NOWHERE,))]
    inputs = select(last, stage="input")
    by_layer = summarize_along(inputs, _NC1, "layer")
    names = stream_names(values_of(inputs, "layer"))
    found = {name: by_layer[layer] for layer, name in names.items() if layer in by_layer}
    zero = zeros("NC1", "layer inputs", inputs, _NC1)
    if not found:
        return zero or [Finding("NC1", "layer inputs", None, notes=(_NOWHERE,))]
    first, end = next(iter(found)), next(reversed(found))
    if len(found) == 1:
        return [Finding("NC1", f"input of {first}", found[first].mean, interval=spread(found[first])), *zero]
    whole = Finding.of("NC1", f"layer inputs, {first} to {end}", Change.between(found[first], found[end]), found[end])
    return [whole, *_largest_step(found), *zero]


def _largest_step(found: Mapping[str, SeedSummary]) -> list[Finding]:
    """Layer at which NC1 falls most, if it does so there in every seed."""
    pairs = {after: Change.between(found[before], found[after]) for before, after in pairwise(found)}
    changes = {layer: change for layer, change in pairs.items() if change is not None}
    largest = steepest(changes) if len(changes) > 1 else []
    where = f"largest fall of a step, to {listed(largest)}"
    return [Finding("NC1", where, changes[largest[0]].factor, "x")] if largest else []


def _last_input(last: Sequence[Line]) -> tuple[str, SeedSummary] | None:
    """Name and NC1 of the last layer input that has one; 0 if it is that for a seed."""
    inputs = [line for line in select(last, stage="input") if (nc1 := line.get(_NC1)) is not None and isfinite(nc1)]
    if not inputs:
        return None
    layer = values_of(inputs, "layer")[-1]
    return layer, SeedSummary.with_zeros({line["seed"]: line[_NC1] for line in inputs if line["layer"] == layer})


def _ansatz(last: Sequence[Line]) -> list[Finding]:
    found = summarize_along(compared_lines(last), _ROOT, "layer", log=False)
    return [
        Finding(_ANSATZ, in_words(layer), summary.mean, interval=spread(summary)) for layer, summary in found.items()
    ]


def mean_ansatz(last: Sequence[Line]) -> list[Finding]:
    """Mean correlation of W^T W with the root of the AGOP over the layers that are compared; none without any."""
    means = [finding.value for finding in _ansatz(last) if finding.value is not None]
    return [Finding(_ANSATZ, "mean over the layers at the end", fmean(means))] if means else []


def _ends(result: NetworkResult, stage: str) -> dict[str, Change]:
    """NC1 at a stage at the first and the last measurement, of the layers that have both."""
    layers = hidden_layers(result.lines) if stage == "output" else values_of(result.lines, "layer")
    here = by_column(select(result.lines, stage=stage), "layer")
    found = {layer: ends_of(here.get(layer, []), _NC1) for layer in layers}
    return {layer: change for layer, change in found.items() if change is not None}


def _over_epochs(result: NetworkResult, stage: str, layer: str, change: Change) -> Finding:
    when = "first to last measurement" if change.span is None else f"{result.unit} {change.span[0]} to {change.span[1]}"
    return Finding.of("NC1", f"{_STAGES[stage]} {in_words(layer)}, {when}", change)
