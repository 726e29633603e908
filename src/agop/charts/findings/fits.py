"""Comparisons of runs that say first which of them have not fitted, and rank no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agop.charts.findings.wording import listed, percent, ranked
from agop.runs import FITTED_ACCURACY, Line, SeedSummary, TrainingFit

__all__ = ["fit_findings", "named", "ranking"]

_NAMES = {"train_accuracy": "training accuracy", "accuracy": "accuracy on these rows"}


def fit_findings(lines: Sequence[Line], along: str = "epoch") -> list[str]:
    """A sentence that a run has not fitted, if it has not, by its lines along the "epoch" or, of Deep RFM, "layer".

    Examples
    --------
    >>> fit_findings([{"seed": 0, "epoch": 9, "train_accuracy": 0.5}])
    ['Not fitted: training accuracy 0.5, below 0.95.']
    """
    fit = TrainingFit.of(lines, along)
    if fit.fitted is not False:
        return []
    worst = ", in the worst seed" if len({line["seed"] for line in lines}) > 1 else ""
    return [f"Not fitted: {_in_words(fit)}{worst}."]


def ranking(what: str, results: Sequence[Any], found: Mapping[str, SeedSummary]) -> list[str]:
    """Sentences on which runs have not fitted, whose values are told, and which of the others has the lowest value.

    Parameters
    ----------
    what
        Name of the measure and its place.
    results
        All runs that are compared.
    found
        Their values by name; runs without one are left out.
    """
    fits = {result.name: result.fit() for result in results if result.name in found}
    if len(fits) < 2:
        return []
    failed = {name: fit for name, fit in fits.items() if fit.fitted is False}
    others = {name: found[name] for name in fits if name not in failed}
    unknown = [name for name in others if fits[name].fitted is None]
    sentences = []
    if failed:
        texts = [f"{name} {found[name].mean:.3g} ({_in_words(fit)})" for name, fit in failed.items()]
        sentences.append(f"Not fitted, so that {what} is not compared: {listed(texts)}.")
    if len(others) > 1:
        if unknown:
            sentences.append(f"Whether {listed(unknown)} {'has' if len(unknown) == 1 else 'have'} fitted is not known.")
        sentences.append(ranked(f"among the others {what}" if failed else what, others))
    return sentences


def named(result: Any) -> str:
    """The name of a run in a comparison, with a word if it has not fitted."""
    return f"{result.name} (not fitted)" if result.fit().fitted is False else result.name


def _in_words(fit: TrainingFit) -> str:
    if fit.measure == "loss":
        return f"{percent(fit.value or 0.0)} of the first training loss is left"
    return f"{_NAMES.get(fit.measure or '')} {fit.value:.4g}, below {FITTED_ACCURACY:g}"
