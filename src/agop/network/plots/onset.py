"""Findings on the onset of collapse in a training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from statistics import fmean
from typing import TypeGuard

from agop.charts.findings import Finding, Interval, number_text
from agop.network.onset import Onset, onset_of_collapse
from agop.network.plots.grouping import in_words
from agop.network.plots.measures import by_column
from agop.network.result import NetworkResult
from agop.runs import Line, select, values_of

__all__ = ["onset_findings"]

_NC1, _THRESHOLD = "nc1_trace_ratio", 0.1


def onset_findings(result: NetworkResult) -> list[Finding]:
    """Epoch from which on NC1 of what the last layer reads is 0.1 or less, and the norm of the features there.

    The interval is that of the measurements between which it lies; none of a run that was measured once.

    Examples
    --------
    >>> line = {"seed": 0, "layer": "fc", "stage": "input"}
    >>> lines = [{**line, "epoch": epoch, "nc1_trace_ratio": nc1} for epoch, nc1 in ((0, 1.0), (10, 0.01))]
    >>> (found,) = onset_findings(NetworkResult("run", {"settings": {}}, lines))
    >>> found.where, found.value, found.interval[:2]
    ('epoch from which on NC1 is 0.1 or less at the input of fc', 5.0, (0, 10))
    """
    inputs = select(result.lines, stage="input")
    layers = values_of((line for line in inputs if _is_known(line.get(_NC1))), "layer")
    courses = by_column(select(inputs, layer=layers[-1]), "seed") if layers else {}
    courses = {seed: lines for seed, lines in courses.items() if len(lines) > 1}
    if not courses:
        return []
    found = {seed: onset_of_collapse(lines, threshold=_THRESHOLD) for seed, lines in courses.items()}
    onsets = [onset for onset in found.values() if onset is not None]
    where = f"{result.unit} from which on NC1 is {_THRESHOLD} or less at the input of {in_words(layers[-1])}"
    missing = _reasons({seed: courses[seed] for seed, onset in found.items() if onset is None}, len(courses))
    if not onsets:
        return [Finding("onset of collapse", where, None, notes=missing)]
    notes = (f"error of {number_text(max(onset.error for onset in onsets))} at most", *missing)
    index = fmean(onset.index for onset in onsets)
    return [Finding("onset of collapse", where, index, interval=_around(onsets), notes=notes), *_norm(onsets)]


def _around(onsets: Sequence[Onset]) -> Interval:
    """Measurements between which all onsets lie."""
    what = "the measurements around it" + (f", {len(onsets)} seeds" if len(onsets) > 1 else "")
    return Interval(min(onset.after for onset in onsets), max(onset.before for onset in onsets), what)


def _norm(onsets: Sequence[Onset]) -> list[Finding]:
    norms = [onset.feature_norm for onset in onsets if onset.feature_norm is not None]
    if not norms:
        return []
    ends = Interval(min(norms), max(norms), f"{len(norms)} seeds") if len(norms) > 1 else None
    return [Finding("norm of the features", "onset of collapse", fmean(norms), interval=ends)]


def _reasons(courses: Mapping[int, Sequence[Line]], n_seeds: int) -> tuple[str, ...]:
    """Why the trainings of some seeds have no onset, with their number where there are several."""
    counts = Counter(_reason(max(lines, key=lambda line: line["epoch"]).get(_NC1)) for lines in courses.values())
    seeds = f" of {n_seeds} seeds" if n_seeds > 1 else ""
    return tuple(f"{reason}{f' in {count}{seeds}' if seeds else ''}" for reason, count in counts.items())


def _reason(end: float | None) -> str:
    if not _is_known(end):
        return "NC1 has no value at the end"
    return "NC1 ends above it" if end > _THRESHOLD else "NC1 is below it from the first measurement on"


def _is_known(nc1: float | None) -> TypeGuard[float]:
    return nc1 is not None and isfinite(nc1)
