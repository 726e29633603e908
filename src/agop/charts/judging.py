"""Rules that judge: which run is best, what has not fitted, what is zero; each may say that there is no difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from agop.charts.changes import SAME
from agop.charts.findings import Finding, listed, spread
from agop.charts.kind import Result
from agop.runs import Line, SeedSummary, TrainingFit

__all__ = ["NOT_FITTED", "UNSETTLED", "compared", "fit_text", "marked", "not_fitted", "of_each", "verdict", "zeros"]

NOT_FITTED, UNSETTLED = "not fitted", "no difference beyond the spread"

R = TypeVar("R", bound=Result)


def compared(
    quantity: str,
    where: str,
    found: Mapping[str, SeedSummary],
    fits: Mapping[str, TrainingFit] | None = None,
    best: Literal["lowest", "highest"] = "lowest",
    *,
    paired: bool = False,
) -> list[Finding]:
    """A finding a run, and which of those that may have fitted is best, if it differs by more than the spread.

    Parameters
    ----------
    quantity, where
        As in ``Finding``.
    found
        Values by the name of the run; there is nothing to compare in fewer than two.
    fits
        Fit of each; those that have not fitted are not ranked. All are ranked if None.
    best
        Value that is marked.
    paired
        Whether values of one seed belong together, as errors on the same folds do: then their differences count.

    Examples
    --------
    >>> found = {name: SeedSummary.of([value]) for name, value in (("a", 4.0), ("b", 0.5))}
    >>> [finding.notes for finding in compared("NC1", "last layer", found)]
    [('spread unknown',), ('lowest', 'spread unknown')]
    """
    if len(found) < 2:
        return []
    failed = [name for name in found if fits is not None and fits[name].fitted is False]
    marks = _marks({name: summary for name, summary in found.items() if name not in failed}, best, paired)
    findings = []
    for name, summary in found.items():
        notes = [f"{NOT_FITTED}, so not ranked"] if name in failed else [marks[name]] if name in marks else []
        if fits is not None and fits[name].fitted is None:
            notes.append("not known whether it has fitted")
        if summary.n_seeds == 1:
            notes.append("spread unknown")
        findings.append(Finding(quantity, where, summary.mean, "", spread(summary), None, tuple(notes), name))
    return findings


def _marks(found: Mapping[str, SeedSummary], best: str, paired: bool) -> dict[str, str]:
    """Mark of each run among several: best, about the same, or inside the spread."""
    if len(found) < 2:
        return {}
    order = sorted(found, key=lambda name: found[name].mean, reverse=best == "highest")
    top = found[order[0]]
    alike = [name for name in order if _same(top.mean, found[name].mean)]
    first = [name for name in order if name in alike or not _apart(top, found[name], paired)]
    if len(alike) == len(order):
        return dict.fromkeys(order, "about the same")
    if len(first) == len(order):
        return dict.fromkeys(order, UNSETTLED)
    return dict.fromkeys(first, best if len(first) == len(alike) else f"among the {best}, {UNSETTLED}")


def _apart(one: SeedSummary, other: SeedSummary, paired: bool) -> bool:
    """Whether two runs differ by more than the spread, which is that of the differences where seeds are paired."""
    by = one.change_to(other, log=False) if paired else None
    return one.differs_from(other) if by is None else by.is_beyond_spread


def _same(one: float, other: float) -> bool:
    return max(one, other) <= SAME * min(one, other) or one == other


def not_fitted(fit: TrainingFit) -> list[Finding]:
    """A finding if a run has not fitted, by its worst seed.

    Examples
    --------
    >>> not_fitted(TrainingFit("train_accuracy", 0.5))[0].notes
    ('not fitted: below 0.95',)
    """
    if fit.fitted is not False:
        return []
    return [Finding(fit.name, "worst seed", fit.value, notes=(f"{NOT_FITTED}: below {fit.needed:g}",))]


def fit_text(fit: TrainingFit) -> str:
    """Whether a run has fitted, by its worst seed.

    Examples
    --------
    >>> fit_text(TrainingFit("train_accuracy", 1.0)), fit_text(TrainingFit("loss", 0.5))
    ('yes', 'not known')
    """
    return {True: "yes", False: "no", None: "not known"}[fit.fitted]


def verdict(findings: Sequence[Finding]) -> tuple[str, list[str]]:
    """Sentence on runs that were compared, and the names of those that are best; none if nothing is settled.

    Parameters
    ----------
    findings
        What ``compared`` found.

    Examples
    --------
    >>> found = {name: SeedSummary.of([value]) for name, value in (("a", 4.0), ("b", 0.5))}
    >>> verdict(compared("NC1", "last layer", found))
    ('NC1, last layer: lowest in b.', ['b'])
    """
    place = f"{findings[0].quantity[0].upper()}{findings[0].quantity[1:]}, {findings[0].where}"
    failed = [each.run for each in findings if any(note.startswith(NOT_FITTED) for note in each.notes)]
    ranked = [each for each in findings if each.run not in failed]
    if len(ranked) < 2:
        return f"{place}: not ranked, since {f'only {ranked[0].run}' if ranked else 'no run'} has fitted.", []
    unranked = f" Not fitted, so not ranked: {listed(failed)}." if failed else ""
    best = [each for each in ranked if each.notes and each.notes[0].startswith(("lowest", "highest", "among the"))]
    if not best:
        return f"{place}: {ranked[0].notes[0]} in all runs{' that have fitted' if failed else ''}.{unranked}", []
    names, (mark, _, doubt) = [each.run for each in best], best[0].notes[0].partition(", ")
    return f"{place}: {mark} in {listed(names)}{doubt and f', {doubt}'}.{unranked}", names


def zeros(quantity: str, where: str, lines: Iterable[Line], measure: str) -> list[Finding]:
    """A finding on layers where a measure is 0, which no mean of logarithms and no logarithmic axis shows.

    Examples
    --------
    >>> (zero,) = zeros("NC1", "inputs", [{"layer": 1, "nc1": 4.0}, {"layer": 2, "nc1": 0.0}], "nc1")
    >>> zero.where, zero.value, zero.notes
    ('inputs, layer 2', 0.0, ('no logarithm, so left out of means',))
    """
    values: dict[Any, list[float | None]] = {}
    for line in lines:
        values.setdefault(line["layer"], []).append(line.get(measure))
    found = [layer for layer, of_layer in values.items() if 0 in of_layer]
    if not found:
        return []
    places = f"layer{'s' if len(found) > 1 else ''} {listed(list(map(str, found)))}"
    some = () if all(set(values[layer]) == {0} for layer in found) else ("in some seeds",)
    return [Finding(quantity, f"{where}, {places}", 0.0, notes=(*some, "no logarithm, so left out of means"))]


def of_each(results: Sequence[R], find: Callable[[R], Iterable[Finding]]) -> list[Finding]:
    """Findings of each run; of several with its name, those of a quantity together, marked where it has not fitted."""
    if len(results) == 1:
        return list(find(results[0]))
    findings = [replace(each, run=result.name) for result in results for each in find(result)]
    order = list(dict.fromkeys((each.quantity, each.where) for each in findings))
    return marked(sorted(findings, key=lambda each: order.index((each.quantity, each.where))), results)


def marked(findings: Sequence[Finding], results: Sequence[Result]) -> list[Finding]:
    """Findings with a note on those of runs that have not fitted, unless they say so already."""
    failed = {result.name for result in results if result.fit().fitted is False}
    return [
        replace(each, notes=(*each.notes, NOT_FITTED))
        if each.run in failed and not any(note.startswith(NOT_FITTED) for note in each.notes)
        else each
        for each in findings
    ]
