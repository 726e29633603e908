"""How well models of tables predict: the error by fold, as a plot and in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agop.charts.chart import Bars, Choice, Series
from agop.charts.document import Plot
from agop.charts.findings.wording import listed, percent
from agop.charts.kind import of_run
from agop.charts.palette import GREY, color
from agop.runs import Line, SeedSummary
from agop.tables.result import TableResult

__all__ = ["FoldSummary", "fold_findings", "fold_plot", "table_comparison"]


@dataclass(frozen=True)
class FoldSummary:
    """Errors over the folds of a cross-validation.

    Attributes
    ----------
    measure
        Name of the error.
    mean, deviation
        Of the errors, the latter with n - 1; None for one fold.
    n_folds
        Number of folds.
    share
        Mean error over that of the constant prediction; None if that is unknown or 0.
    n_better
        Folds with an error below that of the constant prediction; None if that is unknown.

    Examples
    --------
    >>> line = {"measure": "RMSE", "baseline": 4.0}
    >>> FoldSummary.of([{**line, "error": 1.0}, {**line, "error": 3.0}])
    FoldSummary(measure='RMSE', mean=2.0, deviation=1.4142, n_folds=2, share=0.5, n_better=2)
    """

    measure: str
    mean: float
    deviation: float | None
    n_folds: int
    share: float | None
    n_better: int | None

    @classmethod
    def of(cls, folds: Sequence[Line]) -> FoldSummary:
        """Summary of one or more lines of folds."""
        errors = np.array([line["error"] for line in folds], dtype=np.float64)
        baselines = np.array([line.get("baseline") for line in folds], dtype=np.float64)
        known, mean = bool(np.isfinite(baselines).all()), float(errors.mean())
        return cls(
            measure=_measure(folds),
            mean=mean,
            deviation=float(errors.std(ddof=1)) if len(errors) > 1 else None,
            n_folds=len(errors),
            share=mean / float(baselines.mean()) if known and baselines.mean() > 0 else None,
            n_better=int((errors < baselines).sum()) if known else None,
        )


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
        fold_findings(results),
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


def fold_findings(results: Sequence[TableResult]) -> list[str]:
    """Sentences about the error over the folds of each model, and which has the lowest."""
    there = [(result, FoldSummary.of(result.folds)) for result in results if result.folds]
    return [*table_comparison(results), *(of_run(results, result, _error(summary)) for result, summary in there)]


def table_comparison(results: Sequence[TableResult]) -> list[str]:
    """A sentence on which of several models has the lowest error over the folds, if that can be said."""
    there = [(result, FoldSummary.of(result.folds)) for result in results if result.folds]
    compared = _lowest_error(there) if len(there) > 1 else None
    return [] if compared is None else [compared]


def _error(summary: FoldSummary) -> str:
    text = f"The {summary.measure} is {_with_deviation(summary)}"
    if summary.share is None:
        return f"{text}."
    text += f", {percent(summary.share)} of that of the constant prediction"
    if summary.n_folds == 1:
        return f"{text}."
    if summary.n_better in (0, summary.n_folds):
        return f"{text} and below it in {'every' if summary.n_better else 'no'} fold."
    return f"{text} and below it in {summary.n_better} of {summary.n_folds} folds."


def _with_deviation(summary: FoldSummary) -> str:
    if summary.deviation is None:
        return f"{_figures(summary.mean, 3)} (one fold)"
    over = f"mean and standard deviation over {summary.n_folds} folds"
    return f"{_figures(summary.mean, 3)} ± {_figures(summary.deviation, 2)} ({over})"


def _lowest_error(there: Sequence[tuple[TableResult, FoldSummary]]) -> str | None:
    """Which model has the lowest error: of the same folds, or else relative to a constant; None if neither is known.

    A difference inside the spread over the folds is none.
    """
    if _same_folds([result for result, _ in there]):
        return _lowest_on_the_same_folds(sorted(there, key=lambda pair: pair[1].mean))
    known = [(summary.share, result) for result, summary in there if summary.share is not None]
    if len(known) < 2:
        return None
    (share, best), (other, next_best), *_ = sorted(known, key=lambda pair: pair[0])
    if percent(share) == percent(other):
        names = listed([result.name for value, result in known if percent(value) == percent(share)])
        return f"Relative to its own constant prediction the error is lowest in {names}, {percent(share)}."
    if not _relative(best).differs_from(_relative(next_best)):
        both = f"of {best.name}, {percent(share)}, and of {next_best.name}, {percent(other)},"
        return (
            f"Relative to its own constant prediction the error {both} differs by no more than its spread over folds."
        )
    text = f"Relative to its own constant prediction the error is lowest in {best.name}, {percent(share)}"
    return f"{text}; in {next_best.name} it is {percent(other)}."


def _lowest_on_the_same_folds(order: Sequence[tuple[TableResult, FoldSummary]]) -> str:
    (best, lowest), (next_best, second), *_ = order
    if lowest.mean == second.mean:
        names = listed([result.name for result, summary in order if summary.mean == lowest.mean])
        return f"On the same folds the {lowest.measure} is lowest in {names}, {_figures(lowest.mean, 3)}."
    more = [other["error"] - line["error"] for line, other in zip(best.folds, next_best.folds, strict=True)]
    higher = f"higher in {sum(value > 0 for value in more)} of {len(more)} folds"
    if not SeedSummary.of(more, log=False).is_beyond_spread:
        both = f"of {best.name}, {_figures(lowest.mean, 3)}, and of {next_best.name}, {_figures(second.mean, 3)}"
        text = f"On the same folds the {lowest.measure} {both}, {higher}"
        return f"{text}, differs by no more than the spread over folds."
    text = f"On the same folds the {lowest.measure} is lowest in {best.name}, {_figures(lowest.mean, 3)}"
    return f"{text}; in {next_best.name} it is {_figures(second.mean, 3)}, and {higher}."


def _relative(result: TableResult) -> SeedSummary:
    """Errors over the mean error of the constant prediction."""
    baseline = sum(line["baseline"] for line in result.folds) / len(result.folds)
    return SeedSummary.of([line["error"] / baseline for line in result.folds], log=False)


def _same_folds(results: Sequence[TableResult]) -> bool:
    """Whether the folds are of the same rows: surely so for equal errors of the means, or for one table and seed."""
    keys = ("fold", "measure", "n_rows", "baseline")
    first, *others = [[tuple(line.get(key) for key in keys) for line in result.folds] for result in results]
    if any(other != first for other in others) or any(None in fold for fold in first):
        return False
    tables = {
        (result.info.get("checksum"), result.info.get("target"), result.info["settings"].get("seed"))
        for result in results
    }
    return first[0][1] == "RMSE" or (len(tables) == 1 and None not in next(iter(tables)))


def _figures(value: float, digits: int) -> str:
    """A number to some digits, a large one without an exponent.

    Examples
    --------
    >>> _figures(47123.4, 3), _figures(0.04567, 2), _figures(123.4, 3)
    ('47,100', '0.046', '123')
    """
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if 10**digits <= abs(rounded) < 1e9 else f"{value:.{digits}g}"
