"""What is read first of runs of Deep RFM: NC1 from the first to the last layer, its cause, and the control."""

from __future__ import annotations

from collections.abc import Sequence

from agop.charts.document import Summary
from agop.charts.findings import Finding, number_text
from agop.charts.judging import NOT_FITTED, UNSETTLED, fit_text, verdict
from agop.deep_rfm.findings import accuracy_findings, collapse_findings, comparison
from agop.deep_rfm.result import DeepRFMResult

__all__ = ["deep_rfm_data", "deep_rfm_summary"]

_NC1, _NC2 = "nc1_trace_ratio", "nc2_gram_mse"

_COURSE, _STEP = "NC1, first → last", "AGOP step in the fall"


def deep_rfm_summary(results: Sequence[DeepRFMResult]) -> Summary:
    """Table of the runs, its deciding numbers, and the sentence that they carry.

    Examples
    --------
    >>> lines = [
    ...     {"seed": 0, "control": False, "layer": layer, "stage": stage, "nc1_trace_ratio": nc1, "train_accuracy": 1.0}
    ...     for layer, stage, nc1 in [(1, "input", 4.0), (1, "agop", 1.0), (1, "features", 2.0), (2, "input", 2.0)]
    ... ]
    >>> summary = deep_rfm_summary([DeepRFMResult("run", {"settings": {}}, lines)])
    >>> summary.sentence
    'NC1 falls from 4 to 2 over layers 1 to 2; the AGOP step makes 100 % of the fall.'
    >>> summary.table.rows
    [['run', 'yes', '4 → 2', '100 %', '1']]
    """
    rows = [_cells(result) for result in results]
    if len(results) > 1:
        found = comparison(results, _NC1)
        none = "The runs are not compared: fewer than two have NC1 at their last layer.", list[str]()
        sentence, best = verdict(found) if found else none
        deciding = [(row, _COURSE) for row, result in enumerate(results) if result.name in best]
    else:
        sentence, column = _sentence(results[0], rows[0])
        deciding = [(0, column)]
    return Summary.of(sentence, [(each.name, row) for each, row in zip(results, rows, strict=True)], deciding)


def deep_rfm_data(result: DeepRFMResult) -> str:
    """Samples that were fitted and tested, and the number of seeds, as far as they are known.

    Examples
    --------
    >>> deep_rfm_data(DeepRFMResult("run", {"settings": {"samples": 1000}}, [{"seed": 0}, {"seed": 1}]))
    '1,000 training samples, 2 seeds'
    """
    settings, seeds = result.info["settings"], {line["seed"] for line in result.lines}
    parts = [f"{settings['samples']:,} training samples"] if settings.get("samples") else []
    parts += [f"{settings['test_samples']:,} test samples"] if settings.get("test_samples") else []
    return ", ".join([*parts, *[f"{len(seeds)} seeds"] * (len(seeds) > 1)])


def _cells(result: DeepRFMResult) -> dict[str, str]:
    """Numbers of a run as they are printed, by the names of the columns."""
    cells = {"fitted": fit_text(result.fit())}
    for name, place in ((_COURSE, "layer inputs"), ("control, first → last", "control")):
        if (course := _at(result, place)) is not None and course.value is not None:
            cells[name] = course.cells()[2]
    if (step := _at(result, "AGOP step")) is not None and (share := _share(step)):
        cells[_STEP] = share
    for finding in collapse_findings([result], _NC2)[:1]:
        cells |= {} if finding.value is None else {"NC2, last": number_text(finding.value)}
    for finding in accuracy_findings([result])[:1]:
        cells[finding.quantity] = number_text(finding.value)
    return cells


def _sentence(result: DeepRFMResult, cells: dict[str, str]) -> tuple[str, str]:
    """Sentence on one run, and the name of the column that it is about."""
    fit, course = result.fit(), _at(result, "layer inputs") or _at(result, "control")
    if fit.fitted is False:
        return f"The last layer has {NOT_FITTED} its data (accuracy {number_text(fit.value)}).", "fitted"
    if course is None or course.course is None:
        return "There is no course over layers to tell of.", ""
    change, (_, _, where) = course.course, course.where.rpartition(", ")
    text = f"NC1 {change.verb} from {number_text(change.start)} to {number_text(course.value)} over {where}"
    if change.direction != "falls" or _STEP not in cells:
        return f"{text}.", _COURSE
    return f"{text}; the AGOP step makes {cells[_STEP]} of the fall.", _STEP


def _at(result: DeepRFMResult, place: str) -> Finding | None:
    """First finding on NC1 at a place."""
    return next((each for each in collapse_findings([result], _NC1) if each.where.startswith(place)), None)


def _share(step: Finding) -> str:
    """Share of the fall that a step makes, where its note tells one and it is beyond the spread."""
    note = next((note for note in step.notes if note.endswith(" of the fall")), "")
    return "" if note.startswith("undoes") or UNSETTLED in step.notes else note.removesuffix(" of the fall")
