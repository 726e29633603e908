"""What the numbers of models of tables say, in plain words computed from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from agop.charts.findings.wording import fixed, listed, percent
from agop.charts.kind import of_run
from agop.tables.explanation import Explanation
from agop.tables.fold_plots import fold_findings
from agop.tables.result import TableResult

__all__ = [
    "COUPLED_COLUMNS",
    "coupling_findings",
    "direction_findings",
    "effect_findings",
    "interaction_findings",
    "table_findings",
]

COUPLED_COLUMNS = 12
"""Columns at most between which the coupling is shown, those of the largest effects."""

_MOST, _NAMED, _SMALL, _COUPLED = 0.8, 4, 0.01, 0.9
"""Share that "most" is, names in a sentence, share that is small, and a coupling that is nearly one direction."""

_VARIANCE = "of the variance of the prediction"


def table_findings(result: TableResult) -> list[str]:
    r"""Sentences about what a model of a table depends on, and how well it predicts.

    Examples
    --------
    >>> from agop.tables import explain_agop
    >>> names, effects = ("age", "mass", "town"), {"effects": [0.3, 0.6, 0.2], "errors": [0.02, 0.03, 0.04]}
    >>> explanation = explain_agop(np.diag([6.0, 3.0, 1.0]), np.eye(3), names, (0, 1, 2), names, **effects)
    >>> folds = [{"fold": k, "measure": "RMSE", "error": 1.0 + k, "baseline": 5.0} for k in (1, 2)]
    >>> print(*table_findings(TableResult("model", {"settings": {}}, explanation, folds)), sep="\n")
    The largest effect is that of mass, 60 % ± 3 % of the variance of the prediction (± standard error); which is next
    is not settled: age with 30 % ± 2 % and town with 20 % ± 4 %.
    The prediction is steepest along age, 60 % of the AGOP; its effect is 30 % ± 2 %, and less than that of mass.
    No two columns act through a common direction.
    The first direction holds 60 % of the AGOP: age +1.00; the first 3 hold 100 %.
    The RMSE is 2.5 ± 0.71 (mean and standard deviation over 2 folds), 50 % of that of the constant prediction and below
    it in every fold.
    """
    parts = effect_findings, interaction_findings, coupling_findings, direction_findings, fold_findings
    return [sentence for part in parts for sentence in part([result])]


def effect_findings(results: Sequence[TableResult]) -> list[str]:
    """Sentences about the columns with the largest effects, and about the steepest."""
    sentences = []
    for result in results:
        found = [_largest_effects(result.explanation), _largest_by_fold(result), _steepest(result.explanation)]
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


def _largest_effects(explanation: Explanation) -> str:
    """Columns that have, or may have, the largest effect; those that come next; those whose effect is surely small."""
    order, columns = explanation.ranking(), explanation.columns
    if len(order) == 1:
        return f"The table has one column, {columns[0]}."
    if not (explanation.effects > 2 * explanation.errors).any():
        return "No column has an effect beyond its standard error."
    leaders = explanation.leaders()
    after = [index for index in order if index not in leaders]
    if len(leaders) > 1:
        text = f"Which column has the largest effect is not settled: {_named(explanation, leaders)} {_VARIANCE} "
        text += "(± standard error)"
    else:
        text = f"The largest effect is that of {columns[leaders[0]]}, {_effect(explanation, leaders[0])} {_VARIANCE} "
        text += "(± standard error)"
        near = [index for index in after if not explanation.is_above(after[0], index)]
        text += f"; next is {_named(explanation, near)}" if len(near) == 1 else ""
        text += f"; which is next is not settled: {_named(explanation, near)}" if len(near) > 1 else ""
    small = int((explanation.effects + 2 * explanation.errors < _SMALL).sum())
    if small:
        text += f"; {small} {'column has' if small == 1 else 'columns have'} less than {percent(_SMALL)}"
    return f"{text}."


def _largest_by_fold(result: TableResult) -> str | None:
    """Which column has the largest effect on the models of the folds, where these were measured."""
    folds = [line["effects"] for line in result.folds if line.get("effects")]
    if len(folds) < 2 or len(result.explanation.columns) == 1:
        return None
    counts = Counter(max(effects, key=lambda name: effects[name]["share"]) for effects in folds)
    (first, count), *others = counts.most_common()
    shares = [effects[first]["share"] for effects in folds]
    if not min(shares) > 0:
        return None
    if others:
        named = listed([f"{name} in {count}" for name, count in counts.most_common()], _NAMED)
        return f"The models of {len(folds)} folds disagree on the largest effect on unseen rows: {named}."
    span = f"{percent(min(shares))} to {percent(max(shares))}"
    return f"On unseen rows the largest effect in the models of all {count} folds is that of {first}, {span}."


def _steepest(explanation: Explanation) -> str | None:
    """Whether the steepest column may be the one with the largest effect."""
    if len(explanation.columns) == 1:
        return None
    leaders = explanation.leaders()
    steepest = max(range(len(explanation.columns)), key=lambda k: (explanation.steepness[k], k in leaders))
    name, share = explanation.columns[steepest], percent(float(explanation.steepness[steepest]))
    text = f"The prediction is steepest along {name}, {share} of the AGOP"
    if steepest in leaders:
        return f"{text}."
    first = explanation.columns[leaders[0]]
    return f"{text}; its effect is {_effect(explanation, steepest)}, and less than that of {first}."


def _effect(explanation: Explanation, index: int) -> str:
    return f"{percent(float(explanation.effects[index]))} ± {percent(float(explanation.errors[index]))}"


def _named(explanation: Explanation, indices: Sequence[int]) -> str:
    return listed([f"{explanation.columns[index]} with {_effect(explanation, index)}" for index in indices], _NAMED)


def _interactions(explanation: Explanation) -> str:
    pairs = explanation.interactions
    (a, b, share, error), *others = pairs
    text, tried = f"{a} with {b}", f"{len(pairs)} pairs of {len({name for pair in pairs for name in pair[:2]})} columns"
    if not others:
        beyond = "" if share > 2 * error else ", which is not beyond its standard error"
        return f"The interaction of {text} is {percent(share)} ± {percent(error)} {_VARIANCE}{beyond}."
    if all(each + 2 * spread < _SMALL for *_, each, spread in pairs):
        most = f"the most is {percent(share)} ± {percent(error)} of its variance, {text}"
        return f"The prediction is nearly additive over the {tried} that were tried: {most}."
    if not any(each > 2 * spread for *_, each, spread in pairs):
        return f"None of {tried} has an interaction beyond its standard error."
    as_strong = [pair for pair in others if share - pair[2] <= 2 * (error + pair[3])]
    if as_strong:
        named = [f"{c} with {d} ({percent(s)} ± {percent(e)})" for c, d, s, e in (pairs[0], *as_strong)]
        return f"It is not settled which interaction of {tried} is strongest: {listed(named, _NAMED)}."
    text = f"The strongest interaction of {tried}, {text}, is {percent(share)} ± {percent(error)} {_VARIANCE}"
    c, d, second, spread = others[0]
    return f"{text}; the next, {c} with {d}, is {percent(second)} ± {percent(spread)}."


def _coupling(explanation: Explanation) -> str:
    """The pair that acts most through one direction, among columns that have an effect."""
    first = explanation.ranking()[:COUPLED_COLUMNS]
    shown = sorted(index for index in first if explanation.effects[index] >= _SMALL)
    if len(shown) < 2:
        return f"Fewer than two columns have an effect of {percent(_SMALL)} or more, which could act together."
    upper = np.triu(explanation.coupling[np.ix_(shown, shown)], 1)
    a, b = (shown[int(index)] for index in np.unravel_index(upper.argmax(), upper.shape))
    value, names = float(upper.max()), f"{explanation.columns[a]} and {explanation.columns[b]}"
    if not value > 0:
        return "No two columns act through a common direction."
    which = f" among the {len(shown)} columns with the largest effects" if len(shown) < len(explanation.columns) else ""
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
