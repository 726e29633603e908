"""Findings on models of tables: effects, interactions, coupling and directions, with those over folds by plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import inf

import numpy as np

from agop.charts.findings import Finding, Interval, listed, number_text, percent
from agop.charts.judging import of_each
from agop.tables.explanation import Explanation
from agop.tables.fold_findings import error_comparison, fold_error
from agop.tables.result import TableResult

__all__ = [
    "COUPLED_COLUMNS",
    "PARTS",
    "largest_effects",
    "part_findings",
    "table_findings",
]

COUPLED_COLUMNS = 12
"""Columns at most between which the coupling is shown, those of the largest effects."""

_MOST, _NAMED, _SMALL, _COUPLED = 0.8, 4, 0.01, 0.9
"""Share that "most" is, findings of a kind, share that is small, and a coupling that is nearly one direction."""


def table_findings(results: Sequence[TableResult]) -> list[Finding]:
    """Findings on what models of tables depend on, how well they predict, and which predicts best.

    Examples
    --------
    >>> from agop.tables import explain_agop
    >>> names, effects = ("age", "mass", "town"), {"effects": [0.3, 0.6, 0.2], "errors": [0.02, 0.03, 0.04]}
    >>> explanation = explain_agop(np.diag([6.0, 3.0, 1.0]), np.eye(3), names, (0, 1, 2), names, **effects)
    >>> for finding in table_findings([TableResult("model", {"settings": {}}, explanation)]):
    ...     print(*filter(None, finding.cells()), sep=" | ")
    effect, mass | 60 % | 54 % to 66 % (2 standard errors) | largest
    effect, age | 30 % | 26 % to 34 % (2 standard errors) | may be next: not settled
    effect, town | 20 % | 12 % to 28 % (2 standard errors) | may be next: not settled
    steepness, age | 60 % | steepest, but its effect is below that of mass
    coupling | – | no two columns act through a common direction
    share of the AGOP, first direction | 60 % | age +1; the first 3 hold 100 %
    """
    return [*error_comparison(results), *(finding for part in PARTS for finding in of_each(results, PARTS[part]))]


def part_findings(results: Sequence[TableResult], part: str) -> list[Finding]:
    """Findings of one of ``PARTS``, the name of a plot."""
    compared = error_comparison(results) if part == "folds" else []
    return [*compared, *of_each(results, PARTS[part])]


def _effect(explanation: Explanation, index: int, note: str) -> Finding:
    share, error = float(explanation.effects[index]), float(explanation.errors[index])
    return _share("effect", explanation.columns[index], share, error, note)


def _share(quantity: str, where: str, share: float, error: float, *notes: str, least: float = 0.0) -> Finding:
    """An estimated share with two standard errors on each side, as far as there are such shares: up to 1."""
    low, value, high = (min(1.0, max(least, each)) for each in (share - 2 * error, share, share + 2 * error))
    return Finding(quantity, where, value, "%", Interval(low, high, "2 standard errors"), notes=notes)


def _effects(result: TableResult) -> list[Finding]:
    """What the model predicts of left-out rows, columns with the largest effects, also over folds, and the steepest."""
    explanation = result.explanation
    return [*_skill(explanation), *largest_effects(explanation), *_largest_by_fold(result), *_steepest(explanation)]


def _skill(explanation: Explanation) -> list[Finding]:
    """Share of the variance of left-out targets that is predicted, where it is known."""
    if explanation.skill is None:
        return []
    share, error = explanation.skill.value, explanation.skill.error
    notes = ("no better than a constant: effects say little",) if explanation.doubt else ()
    return [_share("predicted variance", "left-out rows", share, error, *notes, least=-inf)]


def largest_effects(explanation: Explanation) -> list[Finding]:
    """Columns that have, or may have, the largest effect; those that come next; how many have surely a small one."""
    order = explanation.ranking()
    if len(order) == 1:
        return [_effect(explanation, order[0], "the only column")]
    if not (explanation.effects > 2 * explanation.errors).any():
        return [_effect(explanation, order[0], "no column has an effect beyond its standard error")]
    leaders = explanation.leaders()
    after = [index for index in order if index not in leaders]
    if len(leaders) > 1:
        findings = [_effect(explanation, index, "may be the largest: not settled") for index in leaders[:_NAMED]]
    else:
        near = [index for index in after if not explanation.is_above(after[0], index)][:_NAMED]
        note = "next" if len(near) == 1 else "may be next: not settled"
        findings = [_effect(explanation, leaders[0], "largest"), *(_effect(explanation, k, note) for k in near)]
    small = int((explanation.effects + 2 * explanation.errors < _SMALL).sum())
    count = Finding("columns", f"with an effect below {percent(_SMALL)}", small)
    return [*findings, count] if small else findings


def _largest_by_fold(result: TableResult) -> list[Finding]:
    """Columns with the largest effect in the models of the folds, where these were measured."""
    folds = [line["effects"] for line in result.folds if line.get("effects")]
    if len(folds) < 2 or len(result.explanation.columns) == 1:
        return []
    counts = Counter(max(effects, key=lambda name: effects[name]["share"]) for effects in folds).most_common()
    shares = {name: [effects[name]["share"] for effects in folds] for name, _ in counts[:_NAMED]}
    if not min(shares[counts[0][0]]) > 0:
        return []
    settled = () if len(counts) == 1 else ("the folds disagree",)
    return [
        Finding(
            "effect on unseen rows",
            name,
            float(np.mean(shares[name])),
            "%",
            Interval(min(shares[name]), max(shares[name]), f"{len(folds)} folds"),
            notes=(f"largest in {count} of {len(folds)} folds", *settled),
        )
        for name, count in counts[:_NAMED]
    ]


def _steepest(explanation: Explanation) -> list[Finding]:
    """Whether the steepest column may be the one with the largest effect."""
    if len(explanation.columns) == 1:
        return []
    leaders = explanation.leaders()
    steepest = max(range(len(explanation.columns)), key=lambda k: (explanation.steepness[k], k in leaders))
    below = "" if steepest in leaders else f", but its effect is below that of {explanation.columns[leaders[0]]}"
    share = float(explanation.steepness[steepest])
    return [Finding("steepness", explanation.columns[steepest], share, "%", notes=(f"steepest{below}",))]


def _interactions(result: TableResult) -> list[Finding]:
    """The strongest pair and the next; all that may be strongest; or that there is none to speak of."""
    explanation = result.explanation
    if not explanation.interactions:
        return []
    first, *others = explanation.interactions
    tried = len(explanation.interactions)
    if all(share + 2 * error < _SMALL for *_, share, error in explanation.interactions):
        shown, note = [first], f"nearly additive: all {tried} pairs that were tried are below {percent(_SMALL)}"
    elif not any(share > 2 * error for *_, share, error in explanation.interactions):
        shown, note = [first], f"none of {tried} pairs is beyond its standard error"
    elif as_strong := [pair for pair in others if first[2] - pair[2] <= 2 * (first[3] + pair[3])]:
        shown, note = [first, *as_strong][:_NAMED], f"may be the strongest of {tried} pairs: not settled"
    else:
        shown, note = [first], f"strongest of {tried} pairs" if others else "the only pair that was tried"
    return [_share("interaction", f"{a} with {b}", share, error, note) for a, b, share, error in shown]


def _coupling(result: TableResult) -> list[Finding]:
    """The pair that acts most through one direction, among columns that have an effect."""
    explanation = result.explanation
    if len(explanation.columns) == 1:
        return []
    first = explanation.ranking()[:COUPLED_COLUMNS]
    shown = sorted(index for index in first if explanation.effects[index] >= _SMALL)
    if len(shown) < 2:
        return [Finding("coupling", "", None, notes=(f"fewer than two columns have an effect of {percent(_SMALL)}",))]
    upper = np.triu(explanation.coupling[np.ix_(shown, shown)], 1)
    a, b = (explanation.columns[shown[int(index)]] for index in np.unravel_index(upper.argmax(), upper.shape))
    value, fewer = float(upper.max()), len(shown) < len(explanation.columns)
    if not value > 0:
        return [Finding("coupling", "", None, notes=("no two columns act through a common direction",))]
    which = f"strongest among the {len(shown)} columns with the largest effects" if fewer else "strongest"
    nearly = ("nearly one direction",) if value >= _COUPLED else ()
    return [Finding("coupling", f"{a} and {b}", value, notes=(which, *nearly))]


def _directions(result: TableResult) -> list[Finding]:
    explanation = result.explanation
    shares, entries = explanation.shares, explanation.directions[0]
    order = np.argsort(-np.abs(entries), kind="stable")
    enough = int((np.square(entries[order]).cumsum() < _MOST).sum()) + 1
    named = listed([f"{explanation.features[k]} {_signed(float(entries[k]))}" for k in order[:enough]], _NAMED)
    several = len(shares) > 1 and float(shares[0]) < 1 - _SMALL
    both = (f"the first {len(shares)} hold {percent(float(shares.sum()))}",) if several else ()
    return [Finding("share of the AGOP", "first direction", float(shares[0]), "%", notes=(named, *both))]


def _signed(entry: float) -> str:
    entry = round(entry, 2) + 0.0
    return f"{'+' if entry > 0 else ''}{number_text(entry)}"


PARTS: Mapping[str, Callable[[TableResult], list[Finding]]] = {
    "effects": _effects,
    "interactions": _interactions,
    "coupling": _coupling,
    "directions": _directions,
    "folds": fold_error,
}
"""Findings on a model by the name of the plot that they are on."""
