"""Plot of the error of models of tables by fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agop.charts.chart import Bars, Choice, Series
from agop.charts.document import Plot
from agop.charts.palette import GRAY, color
from agop.tables.findings import part_findings
from agop.tables.result import TableResult

__all__ = ["fold_plot"]


def fold_plot(results: Sequence[TableResult]) -> Plot | None:
    """Bars of the errors, for each error and target a chart: there is no common scale. None if there are no folds."""
    there = {
        "model" if len(results) == 1 else result.name: (result, color(place))
        for place, result in enumerate(results)
        if result.folds
    }
    if not there:
        return None
    titles = dict.fromkeys(_title(result) for result, _ in there.values())
    charts = {
        title: _bars({name: pair for name, pair in there.items() if _title(pair[0]) == title}, title)
        for title in titles
    }
    caption = "Each fold was predicted by a model fitted to the other folds, with all its choices made anew."
    if any("baseline" in line for result in results for line in result.folds):
        caption += " The constant prediction is their mean target, or their most frequent class."
    return Plot(
        "folds",
        "Error by fold",
        next(iter(charts.values())) if len(charts) == 1 else Choice("error", charts, start=next(iter(charts))),
        part_findings(results, "folds"),
        caption,
        ("fold",),
    )


def _title(result: TableResult) -> str:
    """Name of the error, and of the target if it is known."""
    measure, target = result.folds[0].get("measure", "error"), result.info.get("target")
    return f"{measure} of {target}" if target else str(measure)


def _bars(runs: Mapping[str, tuple[TableResult, str]], title: str) -> Bars:
    """Errors of each run with those of its constant prediction, which runs on the same folds share."""
    folds = sorted({line["fold"] for result, _ in runs.values() for line in result.folds})

    def values(result: TableResult, what: str) -> list[float | None]:
        found = {line["fold"]: line.get(what) for line in result.folds}
        return [found.get(fold) for fold in folds]

    constants = {name: values(result, "baseline") for name, (result, _) in runs.items()}
    known = {name: each for name, each in constants.items() if any(value is not None for value in each)}
    shared = all(each == next(iter(known.values())) for each in known.values())
    series = []
    for name, (result, paint) in runs.items():
        series.append(Series(name, values(result, "error"), paint))
        if name in known and not shared:
            series.append(Series(f"{name}, constant prediction", known[name], GRAY))
    if known and shared:
        series.append(Series("constant prediction", next(iter(known.values())), GRAY))
    return Bars([f"fold {fold}" for fold in folds], title, series)
