"""Plots of models of tables: what they depend on, and how well they predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from agop.records import Explanation
from agop.reports.charts import Bars, Chart, Choice, HeatMap, Series
from agop.reports.document import NumberTable, Plot
from agop.reports.explanation import interaction_matrix
from agop.reports.palette import colour
from agop.reports.results import TableResult
from agop.reports.table_findings import (
    COUPLED_COLUMNS,
    coupling_findings,
    direction_findings,
    importance_findings,
    interaction_findings,
)
from agop.reports.table_folds import fold_plot
from agop.reports.wording import percent

__all__ = ["table_numbers", "table_plots"]

_COLUMNS, _ENTRIES = 20, 12
"""Columns shown of the importance, entries shown of a direction."""

_SHARES = {"importance": "share of the AGOP", "effect": "share of the variance"}
"""What importance and effect are shares of."""


def table_plots(results: Sequence[TableResult]) -> list[Plot]:
    """Plots of one model, or of several on the same axes; what no model has is left out."""
    plots = (
        _importance_plot(results),
        _interaction_plot(results),
        _coupling_plot(results),
        _direction_plot(results),
        fold_plot(results),
    )
    return [plot for plot in plots if plot is not None]


def table_numbers(result: TableResult) -> NumberTable:
    """A row a column, the most important first: importance, effect, strongest coupling and interaction."""
    explanation = result.explanation
    has_rows, has_pairs = explanation.effects is not None, bool(explanation.interactions)
    columns = ["column", "importance", *["effect"] * has_rows, "coupled with", "coupling"]
    columns += ["interacts with", "interaction"] * has_pairs
    rows = []
    for index in explanation.ranking():
        row = [explanation.columns[index], f"{explanation.importance[index]:.4f}"]
        if explanation.effects is not None:
            row.append(f"{explanation.effects[index]:.4f}")
        row += _cells(explanation.strongest_coupling(index), ".2f")
        row += _cells(explanation.strongest_interaction(index), ".4f") if has_pairs else []
        rows.append(row)
    return NumberTable(f"Columns of {result.name}", columns, rows)


def _importance_plot(results: Sequence[TableResult]) -> Plot:
    """Both shares of one model side by side; of several models one of the two at a time."""
    found = {
        "importance": [_by_column(result.explanation, "importance") for result in results],
        "effect": [_by_column(result.explanation, "effects") for result in results],
    }
    order = _order(found["importance"])
    shown = order[:_COLUMNS]
    chart: Chart
    if len(results) == 1:
        series = [
            Series(f"{name}: {_SHARES[name]}", [values.get(column) for column in shown], colour(place))
            for place, (name, (values,)) in enumerate(found.items())
            if values
        ]
        chart = Bars(shown, "share", series)
    else:
        charts = {
            name: _runs_bars(results, shown, values, _SHARES[name]) for name, values in found.items() if any(values)
        }
        chart = charts["importance"] if len(charts) == 1 else Choice("measure", charts, start="importance")
    left_out = len(order) - len(shown)
    rest = f" {left_out} more column{'s are' if left_out > 1 else ' is'} left out." if left_out else ""
    caption = "Importance: how steep the prediction is along a column, the diagonal of the AGOP in units of standard "
    caption += "deviations. "
    if any(found["effect"]):
        caption += (
            "Effect: how much of its variance hangs on the column when the others are known, by swaps of values. "
        )
    return Plot(
        "importance",
        "What the prediction depends on",
        chart,
        importance_findings(results),
        caption.rstrip() + rest,
        ("AGOP", "importance", *["effect"] * any(found["effect"])),
    )


def _runs_bars(
    results: Sequence[TableResult], shown: Sequence[str], found: Sequence[Mapping[str, float]], title: str
) -> Bars:
    series = [
        Series(result.name, [values.get(column) for column in shown], colour(place))
        for place, (result, values) in enumerate(zip(results, found, strict=True))
        if values
    ]
    return Bars(shown, title, series)


def _interaction_plot(results: Sequence[TableResult]) -> Plot | None:
    charts = {
        result.name: _interaction_map(result.explanation) for result in results if result.explanation.interactions
    }
    if not charts:
        return None
    return Plot(
        "interactions",
        "Which columns interact",
        _by_run(results, charts),
        interaction_findings(results),
        "Total interaction index of each pair of the most important columns, in per cent of the variance of the "
        "prediction; 0 if the prediction is additive over the pair. Estimated by swaps of values between rows.",
        ("interaction",),
    )


def _interaction_map(explanation: Explanation) -> HeatMap:
    tried = {name for a, b, _ in explanation.interactions for name in (a, b)}
    names = [explanation.columns[index] for index in explanation.ranking() if explanation.columns[index] in tried]
    shares = 100 * interaction_matrix(names, explanation.interactions)
    values = [[None if np.isnan(share) else float(share) for share in row] for row in shares]
    return HeatMap("column", "column", names, names, values, "% of the variance", numbers=True)


def _coupling_plot(results: Sequence[TableResult]) -> Plot | None:
    wide = [result for result in results if len(result.explanation.columns) > 1]
    if not wide:
        return None
    most = max(len(result.explanation.columns) for result in wide)
    which = f" The {COUPLED_COLUMNS} most important columns." if most > COUPLED_COLUMNS else ""
    return Plot(
        "coupling",
        "Which columns act through one direction",
        _by_run(results, {result.name: _coupling_map(result.explanation) for result in wide}),
        coupling_findings(results),
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
    charts = {result.name: _directions(result.explanation, colour(place)) for place, result in enumerate(results)}
    return Plot(
        "directions",
        "Leading directions",
        _by_run(results, charts),
        direction_findings(results),
        f"The {_ENTRIES} largest entries at most of the leading eigenvectors of the AGOP, over the features that "
        "encode the columns. A direction and its negative mean the same.",
        ("direction", "AGOP"),
    )


def _directions(explanation: Explanation, paint: str) -> Choice:
    charts = {}
    for number, (entries, share) in enumerate(zip(explanation.directions, explanation.shares, strict=True), start=1):
        shown = np.argsort(-np.abs(entries), kind="stable")[:_ENTRIES]
        series = Series("entry", [float(entries[index]) for index in shown], paint)
        name = f"{number} ({percent(float(share))} of the AGOP)"
        charts[name] = Bars([explanation.features[index] for index in shown], "entry", [series])
    return Choice("direction", charts, start=next(iter(charts)))


def _by_column(explanation: Explanation, what: str) -> dict[str, float]:
    values = getattr(explanation, what)
    return {} if values is None else dict(zip(explanation.columns, values.tolist(), strict=True))


def _order(found: Sequence[Mapping[str, float]]) -> list[str]:
    """Columns of all runs, those with the largest mean importance over the runs that have them first."""
    names = dict.fromkeys(name for values in found for name in values)
    means = {name: np.mean([values[name] for values in found if name in values]) for name in names}
    return sorted(names, key=lambda name: -means[name])


def _by_run(results: Sequence[TableResult], charts: Mapping[str, Chart]) -> Chart:
    """The chart of the only run, or one of several at a time."""
    return next(iter(charts.values())) if len(results) == 1 else Choice("run", charts, start=next(iter(charts)))


def _cells(found: tuple[str, float] | None, form: str) -> list[str]:
    return ["–", "–"] if found is None else [found[0], format(found[1], form)]
