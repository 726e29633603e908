"""What is read first of networks: the fit, NC1 from the first to the last layer, and what made it fall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agop.charts.document import Summary
from agop.charts.findings import Finding, number_text, percent
from agop.charts.judging import NOT_FITTED, fit_text, verdict
from agop.network.plots.attribution import share_sum
from agop.network.plots.findings import comparison_of_runs, layer_findings, mean_ansatz, scores
from agop.network.plots.regression import regression_courses
from agop.network.result import NetworkResult
from agop.runs import select, summarize_along

__all__ = ["network_data", "network_summary"]

_SCORES = ("test accuracy", "accuracy on these rows", "training accuracy")
"""Accuracies, the one that is shown first."""


class _Row(NamedTuple):
    """Numbers of a run as they are printed, by the names of the columns, and its courses over the layers."""

    cells: dict[str, str]
    courses: list[Finding]
    share: float | None


def network_summary(results: Sequence[NetworkResult]) -> Summary:
    """Table of the runs, its deciding numbers, and the sentence that they carry.

    Examples
    --------
    >>> line = {"seed": 0, "epoch": 9, "train_accuracy": 1.0, "stage": "input"}
    >>> lines = [{**line, "layer": f"fc.{k}", "nc1_trace_ratio": nc1} for k, nc1 in ((1, 4.0), (2, 0.5))]
    >>> summary = network_summary([NetworkResult("run", {"settings": {}}, lines)])
    >>> summary.sentence
    'NC1 falls from 4 at the input of fc.1 to 0.5 at that of fc.2.'
    >>> summary.table.rows, summary.deciding
    ([['run', 'yes', '4 → 0.5', '1']], [(0, 2)])
    """
    rows = {result.name: _row(result) for result in results}
    if len(results) > 1:
        sentence, best = _comparison(results)
        column = next((column for row in rows.values() for column in row.cells if "→" in column), None)
        deciding = [(k, column) for k, name in enumerate(rows) if name in best and column is not None]
        deciding = deciding or [(k, "fitted") for k, each in enumerate(results) if each.fit().fitted is False]
    else:
        sentence, decides = _sentence(results[0], next(iter(rows.values())))
        deciding = [(0, decides)]
    return Summary.of(sentence, [(name, row.cells) for name, row in rows.items()], deciding)


def network_data(result: NetworkResult) -> str:
    """Samples, classes, and which rows count, as far as they are known."""
    record = result.record
    if record is None:
        return _rows(result)
    classes = f" of {record.n_classes} classes" if record.n_classes else ""
    dropped = f", {record.n_dropped} left out for their label" if record.n_dropped else ""
    return ", ".join(filter(None, [f"{record.n_samples:,} samples{classes}{dropped}", _rows(result)]))


def _rows(result: NetworkResult) -> str:
    return f"measured: {result.rows}" if result.rows else ""


def _row(result: NetworkResult) -> _Row:
    last, fit = result.last, result.fit()
    regression = regression_courses(last)
    courses = regression or [found for found in layer_findings([result])[:1] if found.value is not None]
    names = [each.quantity for each in courses] if regression else ["NC1 φ"] * len(courses)
    cells = {"fitted": fit_text(fit)}
    for name, each in zip(names, courses, strict=True):
        cells[f"{name}, first → last" if each.course else name] = each.cells()[2]
    if nc2 := summarize_along(select(last, stage="input"), "nc2_gram_mse", "layer"):
        cells["NC2 φ, last"] = number_text(nc2[list(nc2)[-1]].mean)
    share = next((found.value for found in share_sum(last)), None)
    if share is not None:
        cells["share of W"] = number_text(share, "%")
    for found in mean_ansatz(last):
        cells["NFA½, mean"] = number_text(found.value)
    accuracies = {found.quantity: found.value for found in scores(last, result.unit)}
    for score in [name for name in _SCORES if name in accuracies][:1]:
        cells[score] = number_text(accuracies[score])
    return _Row(cells, courses, share)


def _comparison(results: Sequence[NetworkResult]) -> tuple[str, list[str]]:
    found = comparison_of_runs(results)
    if found:
        return verdict(found)
    return "The runs are not compared: they have no NC1 at the same last layer.", []


def _sentence(result: NetworkResult, row: _Row) -> tuple[str, str]:
    """Sentence on one run, and the name of the column that it is about."""
    fit, course = result.fit(), row.courses[0] if row.courses else None
    if fit.fitted is False:
        return (
            f"The network has {NOT_FITTED} its data ({fit.name} {number_text(fit.value)}): collapse says little.",
            "fitted",
        )
    if course is None or course.course is None or course.value is None:
        return "There is no course over layers to tell of.", ""
    column = next(column for column in row.cells if "→" in column)
    quantity, change = column.split(",")[0].removesuffix(" φ"), course.course
    first, _, end = course.where.removeprefix("layer inputs, ").partition(" to ")
    sentence = (
        f"{quantity} {change.verb} from {number_text(change.start)} at the input of {first} to "
        f"{number_text(course.value)} at that of {end}"
    )
    if change.direction != "falls" or row.share is None:
        return f"{sentence}.", column
    return f"{sentence}; linear maps make {percent(row.share)} of the falls inside layers.", "share of W"
