"""What is read first of models of tables: the column of the largest effect, and the error on rows left out."""

from __future__ import annotations

from collections.abc import Sequence

from agop.charts.document import Summary
from agop.charts.findings import listed, number_text, percent
from agop.charts.judging import verdict
from agop.tables.findings import largest_effects
from agop.tables.fold_findings import beats_constant, error_comparison, fold_error, relative_error
from agop.tables.result import TableResult

__all__ = ["table_data", "table_summary"]

_EFFECT, _RELATIVE = "largest effect", "of the constant prediction"
"""Columns that decide."""


def table_summary(results: Sequence[TableResult]) -> Summary:
    """Table of the models, its deciding numbers, and the sentence that they carry.

    Examples
    --------
    >>> import numpy as np
    >>> from agop.tables import explain_agop
    >>> names, effects = ("age", "mass"), {"effects": [0.3, 0.6], "errors": [0.02, 0.03]}
    >>> explanation = explain_agop(np.diag([3.0, 1.0]), np.eye(2), names, (0, 1), names, **effects)
    >>> summary = table_summary([TableResult("model", {"settings": {}}, explanation)])
    >>> summary.sentence
    'The prediction depends most on mass: ... Whether it predicts better than a constant is not known.'
    >>> summary.table.rows, summary.deciding
    ([['model', '2', 'mass, 60 %']], [(0, 2)])
    """
    rows = [(result.name, _cells(result)) for result in results]
    if len(results) == 1:
        sentence, decides = _sentence(results[0])
        return Summary.of(sentence, rows, [(0, decides)], (_EFFECT,))
    found = error_comparison(results)
    none = "The models are not compared: fewer than two have an error on rows that were left out.", list[str]()
    sentence, best = verdict(found) if found else none
    column = found[0].quantity if found and found[0].unit == "" else _RELATIVE
    deciding = [(row, column) for row, result in enumerate(results) if result.name in best]
    return Summary.of(sentence, rows, deciding, (_EFFECT,))


def table_data(result: TableResult) -> str:
    """Rows of a table that were predicted from others, and its columns, as far as they are known.

    Examples
    --------
    >>> import numpy as np
    >>> from agop.tables import explain_agop
    >>> explanation = explain_agop(np.eye(1), np.eye(1), ["age"], [0], ["age"], effects=[0.5], errors=[0.1])
    >>> folds = [{"error": 1.0, "n_rows": 600}, {"error": 2.0, "n_rows": 600}]
    >>> table_data(TableResult("model", {}, explanation, folds))
    '1,200 rows, 1 column'
    """
    count, rows = len(result.explanation.columns), [int(line.get("n_rows") or 0) for line in result.folds]
    known = [f"{sum(rows):,} rows"] if rows and min(rows) > 0 else []
    return ", ".join([*known, f"{count} column{'s' if count > 1 else ''}"])


def _cells(result: TableResult) -> dict[str, str]:
    """Numbers of a model as they are printed, by the names of the columns."""
    first, relative = largest_effects(result.explanation)[0], relative_error(result)
    leaders = result.explanation.leaders()
    doubt = result.explanation.doubt if relative is None else ""
    settled = not doubt and len(leaders) == 1 and first.interval is not None and first.interval.low > 0
    cells = {"columns": str(len(result.explanation.columns))}
    cells[_EFFECT] = f"{first.where}, {first.cells()[2]}" if settled else "not settled"
    cells |= {error.quantity: error.cells()[2] for error in fold_error(result)}
    return cells | ({} if relative is None else {_RELATIVE: percent(relative)})


def _sentence(result: TableResult) -> tuple[str, str]:
    """Sentence on one model, and the name of the column that it is about."""
    relative, errors = relative_error(result), fold_error(result)
    if relative is not None and not beats_constant(result):
        doubt = " beyond the spread over the folds" if relative < 1 else ""
        of_it = f"its {errors[0].quantity} is {percent(relative)} of that of a constant"
        return (
            f"The model predicts no better than a constant{doubt}, {of_it}: what it depends on says little.",
            _RELATIVE,
        )
    if relative is None and result.explanation.doubt:
        return f"{result.explanation.doubt} What it depends on says little.", _EFFECT
    of_constant = "" if relative is None else f", {percent(relative)} of that of a constant prediction"
    told = [f"Its {error.quantity} is {number_text(error.value)}, {error.where}{of_constant}." for error in errors]
    is_known = relative is not None or result.explanation.skill is not None
    unknown = [] if is_known else ["Whether it predicts better than a constant is not known."]
    return " ".join([_effect_sentence(result), *told, *unknown]), _EFFECT


def _effect_sentence(result: TableResult) -> str:
    explanation = result.explanation
    first, leaders = largest_effects(explanation)[0], explanation.leaders()
    _, _, value, _, interval, note = first.cells()
    if note.startswith("no column"):
        return "No column has an effect beyond its standard error."
    if len(leaders) > 1:
        names = listed([explanation.columns[index] for index in leaders], 4)
        return f"Which column matters most is not settled: {names} may each have the largest effect."
    spread = interval.replace(" (", ", ").rstrip(")")
    return f"The prediction depends most on {first.where}: {value} of its variance hangs on it ({spread})."
