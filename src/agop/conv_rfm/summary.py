"""What is read first of runs of convolutional RFM: the accuracy without features and with them."""

from __future__ import annotations

from collections.abc import Sequence

from agop.charts.document import NumberTable, Summary
from agop.charts.findings import Finding, number_text
from agop.charts.judging import NOT_FITTED, fit_text, verdict
from agop.conv_rfm.plots import accuracy_comparison, accuracy_course, metric_course
from agop.conv_rfm.result import ConvRFMResult

__all__ = ["conv_rfm_data", "conv_rfm_summary"]

_WAYS = {"falls": "lower", "rises": "raise", "same": "leave", "unsettled": "change within its spread"}


def conv_rfm_summary(results: Sequence[ConvRFMResult]) -> Summary:
    """Table of the runs, its deciding numbers, and the sentence that they carry.

    Examples
    --------
    >>> lines = [{"seed": 0, "iteration": k, "train_accuracy": 1.0, "test_accuracy": 0.5 + k / 8} for k in range(3)]
    >>> summary = conv_rfm_summary([ConvRFMResult("run", {"settings": {}}, lines)])
    >>> summary.sentence
    'Learned filters raise the test accuracy: 0.5 before and 0.75 after 2 updates.'
    >>> summary.table.rows, summary.deciding
    ([['run', 'yes', '0.5 → 0.75']], [(0, 2)])
    """
    rows = [_cells(result) for result in results]
    shown = list(dict.fromkeys(column for row in rows for column in row))
    cells = [[each.name, *(row.get(column, "–") for column in shown)] for each, row in zip(results, rows, strict=True)]
    title = "Summary of the runs" if len(results) > 1 else "Summary"
    table = NumberTable(title, ["run", *shown], cells, ("fitted",))
    decided = [*range(len(results))]
    if len(results) > 1:
        found = accuracy_comparison(results)
        none = "The runs are not compared: fewer than two have test images.", list[str]()
        sentence, best = verdict(found) if found else none
        decided = [row for row, result in enumerate(results) if result.name in best]
    else:
        sentence = _sentence(results[0])
    accuracies = [place for place, column in enumerate(table.columns) if column.endswith("accuracy")][:1]
    return Summary(sentence, table, [(row, column) for row in decided for column in accuracies])


def conv_rfm_data(result: ConvRFMResult) -> str:
    """Images that were fitted and tested, and the number of seeds, as far as they are known.

    Examples
    --------
    >>> conv_rfm_data(ConvRFMResult("run", {"settings": {"samples": 1000}}, [{"seed": 0}, {"seed": 1}]))
    '1,000 training images, 2 seeds'
    """
    settings, seeds = result.info["settings"], {line["seed"] for line in result.lines}
    parts = [f"{settings['samples']:,} training images"] if settings.get("samples") else []
    parts += [f"{settings['test_samples']:,} test images"] if settings.get("test_samples") else []
    return ", ".join([*parts, *[f"{len(seeds)} seeds"] * (len(seeds) > 1)])


def _cells(result: ConvRFMResult) -> dict[str, str]:
    """Numbers of a run as they are printed, by the names of the columns."""
    found = [*accuracy_course(result), *metric_course(result)]
    return {"fitted": fit_text(result.fit()), **{each.quantity: each.cells()[2] for each in found}}


def _sentence(result: ConvRFMResult) -> str:
    fit, course = result.fit(), accuracy_course(result)
    if fit.fitted is False:
        return f"The last iterate has {NOT_FITTED} its data (accuracy {number_text(fit.value)})."
    return _course_sentence(course[0]) if course and course[0].course is not None else "No filters were learned."


def _course_sentence(finding: Finding) -> str:
    assert finding.course is not None  # noqa: S101 (checked by the caller)
    way, updates = _WAYS[finding.course.direction], finding.where.rpartition(" ")[2]
    start, end = number_text(finding.course.start), number_text(finding.value)
    as_it_is, plural = " as it is" if way == "leave" else "", "update" if updates == "1" else "updates"
    return f"Learned filters {way} the {finding.quantity}{as_it_is}: {start} before and {end} after {updates} {plural}."
