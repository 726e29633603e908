"""What the numbers of models of tables say, in plain words computed from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agop.records import Explanation
from agop.reports.results import TableResult
from agop.reports.table_folds import fold_findings
from agop.reports.wording import fixed, listed, of_run, percent

__all__ = [
    "COUPLED_COLUMNS",
    "coupling_findings",
    "direction_findings",
    "importance_findings",
    "interaction_findings",
    "table_findings",
]

COUPLED_COLUMNS = 12
"""Columns at most between which the coupling is shown, the most important ones."""

_MOST, _NAMED, _SMALL, _COUPLED = 0.8, 4, 0.01, 0.9
"""Share that "most" is, names in a sentence, share that is small, and a coupling that is nearly one direction."""

_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def table_findings(result: TableResult) -> list[str]:
    r"""Sentences about what a model of a table depends on, and how well it predicts.

    Examples
    --------
    >>> from agop.records import explain_agop
    >>> names = ("age", "mass", "town")
    >>> explanation = explain_agop(np.diag([6.0, 3.0, 1.0]), np.eye(3), names, (0, 1, 2), names)
    >>> folds = [{"fold": k, "measure": "RMSE", "error": 1.0 + k, "baseline": 5.0} for k in (1, 2)]
    >>> print(*table_findings(TableResult("model", {"settings": {}}, explanation, folds)), sep="\n")
    Two of 3 columns make 90 % of the AGOP: age 60 % and mass 30 %.
    No two columns act through a common direction.
    The first direction holds 60 % of the AGOP: age +1.00; the first 3 hold 100 %.
    The RMSE is 2.5 ± 0.71 (mean and standard deviation over 2 folds), 50 % of that of the constant prediction and below
    it in every fold.
    """
    parts = importance_findings, interaction_findings, coupling_findings, direction_findings, fold_findings
    return [sentence for part in parts for sentence in part([result])]


def importance_findings(results: Sequence[TableResult]) -> list[str]:
    """Sentences about the columns that make most of the AGOP, and about those with the largest effect."""
    sentences = []
    for result in results:
        found = [_most_important(result.explanation), _largest_effect(result.explanation)]
        sentences += [of_run(results, result, sentence) for sentence in found if sentence]
    return sentences


def interaction_findings(results: Sequence[TableResult]) -> list[str]:
    """Sentences about the strongest interactions, where pairs were tried."""
    return [
        of_run(results, result, _interactions(result.explanation))
        for result in results
        if result.explanation.interactions
    ]


def coupling_findings(results: Sequence[TableResult]) -> list[str]:
    """Sentences about the pair of columns that acts most through one direction."""
    return [
        of_run(results, result, _coupling(result.explanation)) for result in results if _is_wide(result.explanation)
    ]


def direction_findings(results: Sequence[TableResult]) -> list[str]:
    """Sentences about the share of the leading directions and the largest entries of the first."""
    return [of_run(results, result, _directions(result.explanation)) for result in results]


def _most_important(explanation: Explanation) -> str:
    order, p = explanation.ranking(), len(explanation.columns)
    if p == 1:
        return f"The table has one column, {explanation.columns[0]}."
    shares = explanation.importance[order]
    count = min(int((shares.cumsum() < _MOST * shares.sum()).sum()) + 1, p)
    named = [f"{explanation.columns[index]} {percent(explanation.importance[index])}" for index in order[:count]]
    shown = listed(named, _NAMED)
    verb = "makes" if count == 1 else "make"
    text = f"{_counted(count)} of {p} columns {verb} {percent(float(shares[:count].sum()))} of the AGOP: {shown}"
    if count == p:
        every = "both columns" if p == 2 else f"all {p} columns"
        text = f"It takes {every} to make {percent(_MOST)} of the AGOP: {shown}"
    small = int((shares < _SMALL).sum())
    if small:
        verb, each = ("column has", "") if small == 1 else ("columns have", " each")
        text += f"; {small} {verb} less than {percent(_SMALL)}{each}"
    return f"{text}."


def _largest_effect(explanation: Explanation) -> str | None:
    """Whether the first column by effect is the first by importance as well."""
    effects = explanation.effects
    if effects is None or len(effects) < 2 or not np.isfinite(effects).all():
        return None
    first, most = int(np.argmax(effects)), explanation.ranking()[0]
    if not effects[first] > 0:
        return "No column has an effect on these rows."
    name, share = explanation.columns[first], percent(float(effects[first]))
    if effects[first] == effects[most]:
        name = explanation.columns[most]
        return f"The largest effect is that of {name} as well, {share} of the variance of the prediction."
    place, other = explanation.ranking().index(first) + 1, percent(float(effects[most]))
    text = (
        f"The largest effect is that of {name}, {share} of the variance of the prediction, number {place} by the AGOP"
    )
    return f"{text}; {explanation.columns[most]} has {other}."


def _interactions(explanation: Explanation) -> str:
    pairs = [pair for pair in explanation.interactions if np.isfinite(pair[2])]
    count = len({name for a, b, _ in pairs for name in (a, b)})
    if not pairs:
        return "No interaction could be estimated."
    (a, b, share), tried = pairs[0], f"{len(pairs)} pairs of {count} columns"
    if len(pairs) == 1:
        return f"The interaction of {a} with {b} is {percent(share)} of the variance of the prediction."
    if share < _SMALL:
        most = f"the most is {percent(share)} of its variance, {a} with {b}"
        return f"The prediction is nearly additive over the {tried} that were tried: {most}."
    text = f"The strongest interaction of {tried}, {a} with {b}, is {percent(share)} of the variance of the prediction"
    return f"{text}; the next, {pairs[1][0]} with {pairs[1][1]}, is {percent(pairs[1][2])}."


def _coupling(explanation: Explanation) -> str:
    shown = sorted(explanation.ranking()[:COUPLED_COLUMNS])
    upper = np.triu(explanation.coupling[np.ix_(shown, shown)], 1)
    a, b = (shown[int(index)] for index in np.unravel_index(upper.argmax(), upper.shape))
    value, names = float(upper.max()), f"{explanation.columns[a]} and {explanation.columns[b]}"
    if not value > 0:
        return "No two columns act through a common direction."
    which = f" among the {len(shown)} most important columns" if len(shown) < len(explanation.columns) else ""
    text = f"The strongest coupling{which} is that of {names}, {value:.2f} of 1"
    return f"{text}: they act nearly through one direction." if value >= _COUPLED else f"{text}."


def _directions(explanation: Explanation) -> str:
    shares, entries = explanation.shares, explanation.directions[0]
    order = np.argsort(-np.abs(entries), kind="stable")
    enough = int((np.square(entries[order]).cumsum() < _MOST).sum()) + 1
    shown = [f"{explanation.features[index]} {_signed(float(entries[index]))}" for index in order[:enough]]
    text = f"The first direction holds {percent(float(shares[0]))} of the AGOP: {listed(shown, _NAMED)}"
    both = len(shares) > 1 and float(shares[0]) < 1 - _SMALL
    return f"{text}; the first {len(shares)} hold {percent(float(shares.sum()))}." if both else f"{text}."


def _is_wide(explanation: Explanation) -> bool:
    return len(explanation.columns) > 1


def _signed(entry: float) -> str:
    return f"{'+' if entry > 0 else ''}{fixed(entry)}"


def _counted(count: int) -> str:
    return _WORDS[count] if count < len(_WORDS) else str(count)
