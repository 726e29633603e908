"""Plots of models of tables: what they depend on, and how well they predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agop.charts.chart import Bars, Chart, Choice, HeatMap, Series
from agop.charts.document import NumberTable, Plot
from agop.charts.findings import percent
from agop.charts.kind import MakePlots, by_run
from agop.charts.palette import color
from agop.tables.explanation import Explanation
from agop.tables.findings import COUPLED_COLUMNS, part_findings
from agop.tables.fold_plots import fold_plot
from agop.tables.result import TableResult

__all__ = ["TABLE_PLOTS", "explanation_charts", "table_numbers"]

_COLUMNS, _ENTRIES, _PAIRS = 20, 12, 15
"""Columns shown of the effects, entries shown of a direction, and pairs shown of the interactions."""

_SHARES = {"effect": "share of the variance", "steepness": "share of the AGOP"}
"""Units of effect and steepness."""


def explanation_charts(explanation: Explanation) -> list[Chart]:
    """Charts of effects, leading directions, and interactions if pairs were tried, for one picture."""
    results = [TableResult("model", {"settings": {}}, explanation)]
    plots = (_effect_plot(results), _direction_plot(results), _interaction_plot(results))
    return [plot.chart for plot in plots if plot is not None]


def table_numbers(result: TableResult) -> NumberTable:
    """A row a column, the largest effect first: effect and its error, steepness, strongest interaction and coupling."""
    explanation = result.explanation
    pairs = ["interacts with", "interaction", "± s.e."] if explanation.interactions else []
    columns = ["column", "effect", "± s.e.", "steepness", *pairs, "coupled with", "coupling"]
    rows = [
        [
            explanation.columns[index],
            *(f"{each[index]:.4f}" for each in (explanation.effects, explanation.errors, explanation.steepness)),
            *(_cells(explanation.strongest_interaction(index), len(pairs), ".4f") if pairs else []),
            *_cells(explanation.strongest_coupling(index), 2, ".2f"),
        ]
        for index in explanation.ranking()
    ]
    return NumberTable(f"Columns of {result.name}", columns, rows, words=("interacts with", "coupled with"))


def _effect_plot(results: Sequence[TableResult]) -> Plot:
    """Effects and steepness of one model side by side; of several models one of the two at a time."""
    order = _order(results)
    shown = order[:_COLUMNS]
    charts = {name: Bars(shown, title, _series(results, shown, name)) for name, title in _SHARES.items()}
    chart: Chart = Choice("measure", charts, start="effect")
    if len(results) == 1:
        both = [
            replace(charts[name].series[0], name=f"{name}: {title}", color=color(place))
            for place, (name, title) in enumerate(_SHARES.items())
        ]
        chart = Bars(shown, "share", both)
    left_out = len(order) - len(shown)
    rest = f" {left_out} more column{'s are' if left_out > 1 else ' is'} left out." if left_out else ""
    return Plot(
        "effects",
        "What the prediction depends on",
        chart,
        part_findings(results, "effects"),
        "Effect: the share of the variance of the prediction that hangs on a column, by swaps of its values between "
        "rows; the lines are two standard errors on each side, and columns whose lines overlap are not told apart. "
        "Steepness: the squared slope along a column, the diagonal of the AGOP in units of standard deviations, which "
        f"can be large between the data and is no importance.{rest}",
        ("effect", "standard error", "steepness", "AGOP"),
    )


def _series(results: Sequence[TableResult], shown: Sequence[str], name: str) -> list[Series]:
    """Effects or steepness of each model; None for columns that it does not have."""
    found = []
    for place, result in enumerate(results):
        columns, explanation = result.explanation.columns, result.explanation
        values = explanation.effects if name == "effect" else explanation.steepness
        errors = _at(shown, columns, explanation.errors) if name == "effect" else None
        found.append(Series(result.name, _at(shown, columns, values), color(place), errors))
    return found


def _at(shown: Sequence[str], columns: Sequence[str], values: NDArray[np.float64]) -> list[float | None]:
    known = dict(zip(columns, values.tolist(), strict=True))
    return [known.get(column) for column in shown]


def _interaction_plot(results: Sequence[TableResult]) -> Plot | None:
    """Pairs of columns with the standard errors of their interactions, the strongest first."""
    charts = {
        result.name: _interactions(result.explanation, color(place))
        for place, result in enumerate(results)
        if result.explanation.interactions
    }
    if not charts:
        return None
    more = max(len(result.explanation.interactions) for result in results) > _PAIRS
    which = f" The {_PAIRS} strongest of the pairs that were tried." if more else ""
    return Plot(
        "interactions",
        "Which columns interact",
        by_run(results, charts),
        part_findings(results, "interactions"),
        "Total interaction index of pairs of the columns with the largest effects; 0 if the prediction is additive "
        "over the pair. Estimated by swaps of values between rows; the lines are two standard errors on each side, and "
        f"pairs whose lines overlap are not told apart.{which}",
        ("interaction", "standard error"),
    )


def _interactions(explanation: Explanation, paint: str) -> Bars:
    shown = explanation.interactions[:_PAIRS]
    values, errors = [100 * share for *_, share, _ in shown], [100 * error for *_, error in shown]
    names = [f"{a} × {b}" for a, b, *_ in shown]
    return Bars(names, "% of the variance of the prediction", [Series("interaction", values, paint, errors)])


def _coupling_plot(results: Sequence[TableResult]) -> Plot | None:
    wide = [result for result in results if len(result.explanation.columns) > 1]
    if not wide:
        return None
    most = max(len(result.explanation.columns) for result in wide)
    which = f" The {COUPLED_COLUMNS} columns with the largest effects." if most > COUPLED_COLUMNS else ""
    return Plot(
        "coupling",
        "Which columns act through one direction",
        by_run(results, {result.name: _coupling_map(result.explanation) for result in wide}),
        part_findings(results, "coupling"),
        "Alignment of the gradients with respect to two columns: 1 if the prediction depends on both through one "
        f"direction, 0 if the slopes are uncorrelated, which an interaction can leave so.{which}",
        ("coupling", "AGOP"),
    )


def _coupling_map(explanation: Explanation) -> HeatMap:
    order = explanation.ranking()[:COUPLED_COLUMNS]
    names = [explanation.columns[index] for index in order]
    values = explanation.coupling[np.ix_(order, order)].tolist()
    return HeatMap("column", "column", names, names, values, "coupling", numbers=True)


def _direction_plot(results: Sequence[TableResult]) -> Plot:
    charts = {result.name: _directions(result.explanation, color(place)) for place, result in enumerate(results)}
    return Plot(
        "directions",
        "Leading directions",
        by_run(results, charts),
        part_findings(results, "directions"),
        f"The {_ENTRIES} largest entries at most of the leading eigenvectors of the AGOP, over the features that "
        "encode the columns: where the prediction is steep. A direction and its negative mean the same.",
        ("direction", "AGOP"),
    )


def _directions(explanation: Explanation, paint: str) -> Choice:
    charts = {}
    for number, (entries, share) in enumerate(zip(explanation.directions, explanation.shares, strict=True), start=1):
        shown = np.argsort(-np.abs(entries), kind="stable")[:_ENTRIES]
        series = Series("entry", [float(entries[index]) for index in shown], paint)
        part = f", {len(shown)} of {len(entries)} entries shown" if len(shown) < len(entries) else ""
        name = f"{number} ({percent(float(share))} of the AGOP{part})"
        charts[name] = Bars([explanation.features[index] for index in shown], "entry", [series])
    return Choice("direction", charts, start=next(iter(charts)))


def _order(results: Sequence[TableResult]) -> list[str]:
    """Columns of all runs, those with the largest mean effect over the runs that have them first."""
    found: dict[str, list[float]] = {}
    for result in results:
        for index in result.explanation.ranking():
            found.setdefault(result.explanation.columns[index], []).append(result.explanation.effects[index])
    return sorted(found, key=lambda name: -float(np.mean(found[name])))


def _cells(found: tuple[Any, ...] | None, width: int, form: str) -> list[str]:
    return ["–"] * width if found is None else [found[0], *(format(value, form) for value in found[1:])]


TABLE_PLOTS: tuple[MakePlots, ...] = (_effect_plot, _interaction_plot, _coupling_plot, _direction_plot, fold_plot)
"""Plots of models of tables, in the order in which they are read."""
