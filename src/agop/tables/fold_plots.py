"""How well models of tables predict: the error by fold, as a plot."""

from __future__ import annotations

from collections.abc import Sequence

from agop.charts.chart import Bars, Choice, Series
from agop.charts.document import Plot
from agop.charts.palette import GREY, color
from agop.runs import Line
from agop.tables.findings import part_findings
from agop.tables.result import TableResult

__all__ = ["fold_plot"]


def fold_plot(results: Sequence[TableResult]) -> Plot | None:
    """Bars of the errors, for each error and target a chart: there is no common scale. None if there are no folds."""
    there = [(place, result) for place, result in enumerate(results) if result.folds]
    if not there:
        return None
    errors = dict.fromkeys(_error_of(result) for _, result in there)
    charts = {}
    for measure, target in errors:
        runs = [(place, result) for place, result in there if _error_of(result) == (measure, target)]
        name = f"{measure} of {target}" if target else measure
        names = ["model" if len(results) == 1 else result.name for _, result in runs]
        charts[name] = _fold_bars(
            [(n, place, result.folds) for n, (place, result) in zip(names, runs, strict=True)], name
        )
    has_baseline = any("baseline" in line for result in results for line in result.folds)
    caption = "Each fold was predicted by a model fitted to the other folds, with all its choices made anew."
    if has_baseline:
        caption += " The constant prediction is their mean target, or their most frequent class."
    return Plot(
        "folds",
        "Error by fold",
        next(iter(charts.values())) if len(charts) == 1 else Choice("error", charts, start=next(iter(charts))),
        part_findings(results, "folds"),
        caption,
        ("fold",),
    )


def _error_of(result: TableResult) -> tuple[str, str]:
    """Name of the error and of the target, which may be unknown."""
    return _measure(result.folds), str(result.info.get("target") or "")


def _measure(folds: Sequence[Line]) -> str:
    return str(folds[0].get("measure", "error"))


def _fold_bars(runs: Sequence[tuple[str, int, Sequence[Line]]], title: str) -> Bars:
    """Errors of each run with those of its constant prediction, which runs on the same folds share.

    Parameters
    ----------
    runs
        Name, place and lines of each.
    title
        Of the errors.
    """
    folds = sorted({line["fold"] for _, _, lines in runs for line in lines})
    constants = [_of_folds(lines, folds, "baseline") for _, _, lines in runs]
    known = [values for values in constants if any(value is not None for value in values)]
    shared = all(values == known[0] for values in known)
    series = []
    for (name, place, lines), constant in zip(runs, constants, strict=True):
        series.append(Series(name, _of_folds(lines, folds, "error"), color(place)))
        if not shared and constant in known:
            series.append(Series(f"{name}, constant prediction", constant, GREY))
    if known and shared:
        series.append(Series("constant prediction", known[0], GREY))
    return Bars([f"fold {fold}" for fold in folds], title, series)


def _of_folds(lines: Sequence[Line], folds: Sequence[int], what: str) -> list[float | None]:
    found = {line["fold"]: line.get(what) for line in lines}
    return [found.get(fold) for fold in folds]
