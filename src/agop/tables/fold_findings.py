"""Findings on models of tables over the folds: their error, and which of several models has the lowest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agop.charts.findings import Finding, Interval, percent
from agop.charts.judging import compared
from agop.runs import SeedSummary
from agop.tables.result import TableResult

__all__ = ["beats_constant", "error_comparison", "fold_error", "relative_error"]


def fold_error(result: TableResult) -> list[Finding]:
    """Mean error over the folds with its standard deviation, beside that of the constant prediction."""
    if not result.folds:
        return []
    errors, relative = _errors(result), relative_error(result)
    count, mean = len(errors), float(errors.mean())
    where = f"mean over {count} folds" if count > 1 else "one fold"
    notes: list[str] = []
    if relative is not None:
        better = int((errors < _baselines(result)).sum())
        notes += [f"{percent(relative)} of the constant prediction"]
        notes += [f"below it in {better} of {count} folds"] * (count > 1)
    deviation = float(errors.std(ddof=1)) if count > 1 else 0.0
    interval = Interval(max(0.0, mean - deviation), mean + deviation, "standard deviation") if count > 1 else None
    return [Finding(_measure(result), where, mean, interval=interval, notes=tuple(notes))]


def relative_error(result: TableResult) -> float | None:
    """Mean error over the folds over that of the constant prediction; None where one of them is not known."""
    baselines = _baselines(result)
    known = len(baselines) > 0 and np.isfinite(baselines).all() and baselines.mean() > 0
    return float(_errors(result).mean() / baselines.mean()) if known else None


def beats_constant(result: TableResult) -> bool:
    """Whether the error is below that of the constant prediction by more than the spread over the folds.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> errors = [1.0, 1.1, 1.2], [3.5, 4.2, 4.1]
    >>> folds = [[{"error": error, "baseline": 4.0} for error in each] for each in errors]
    >>> [beats_constant(SimpleNamespace(folds=each)) for each in folds]
    [True, False]
    """
    gain = SeedSummary.of((_baselines(result) - _errors(result)).tolist(), log=False)
    return gain.mean > 0 and gain.is_beyond_spread


def error_comparison(results: Sequence[TableResult]) -> list[Finding]:
    """Which model has the lowest error: of the same folds, or else relative to a constant; none if neither is known.

    A difference inside the spread over the folds is none.
    """
    there = [result for result in results if result.folds]
    if len(there) < 2:
        return []
    if _same_folds(there):
        return _on_the_same_folds(there)
    known = {
        result.name: SeedSummary.of((_errors(result) / baselines.mean()).tolist(), log=False)
        for result in there
        if np.isfinite(baselines := _baselines(result)).all() and baselines.mean() > 0
    }
    found = compared("error", "relative to its own constant prediction", known)
    return [replace(finding, unit="%", interval=None) for finding in found]


def _on_the_same_folds(results: Sequence[TableResult]) -> list[Finding]:
    """Errors on common folds, compared fold by fold."""
    errors = {result.name: _errors(result) for result in results}
    best = min(errors.values(), key=lambda each: float(each.mean()))
    summaries = {name: SeedSummary.of(each.tolist(), log=False) for name, each in errors.items()}
    findings = []
    for finding in compared(_measure(results[0]), "same folds", summaries, paired=True):
        higher = int((errors[finding.run] > best).sum())
        notes = (f"higher in {higher} of {len(best)} folds",) if errors[finding.run] is not best else ()
        findings.append(replace(finding, interval=None, notes=(*finding.notes, *notes)))
    return findings


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


def _measure(result: TableResult) -> str:
    return str(result.folds[0].get("measure", "error"))


def _errors(result: TableResult) -> NDArray[np.float64]:
    return np.array([line["error"] for line in result.folds], dtype=np.float64)


def _baselines(result: TableResult) -> NDArray[np.float64]:
    return np.array([line.get("baseline") for line in result.folds], dtype=np.float64)
