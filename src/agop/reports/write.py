"""One page for people from runs, records and models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agop.errors import InputError
from agop.records import NetworkRecord
from agop.reports.deep_rfm import deep_rfm_numbers, deep_rfm_plots
from agop.reports.deep_rfm_findings import deep_rfm_comparison, deep_rfm_findings
from agop.reports.document import Document, NumberTable, Plot
from agop.reports.network import network_numbers, network_plots
from agop.reports.network_findings import network_comparison, network_findings
from agop.reports.overview import differing_settings, lead_of, notes_of, settings_table, title_of
from agop.reports.page import write_page
from agop.reports.results import DeepRFMResult, NetworkResult, Result, TableResult
from agop.reports.sources import read_results, result_of
from agop.reports.table import table_numbers, table_plots
from agop.reports.table_findings import table_findings
from agop.reports.table_folds import table_comparison
from agop.reports.wording import of_run

__all__ = ["document_of", "plots_of", "report"]


def report(record: Any, path: str | os.PathLike[str]) -> Path:
    """Write one self-contained HTML page that shows what was found.

    It opens from the disk without a network: plots, data behind buttons, sentences computed from the numbers, and
    definitions with their sources are all inside. It reads in light and dark, on a phone, on paper and aloud.

    Parameters
    ----------
    record
        A ``NetworkRecord``, ``Tracker``, ``Explanation``, fitted ``DeepRFMClassifier``, ``RFMRegressor``,
        ``RFMClassifier`` or pipeline of ``table_pipeline``, a ``Run`` or the path of a run folder or a model file;
        or several to compare, as a list, or as a mapping from their names.
    path
        HTML file to write; it is replaced whole or left as it was.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If there is nothing to show, two have one name, or the folder of the file does not exist.
    DataFileError
        If files of a run are missing or damaged.
    sklearn.exceptions.NotFittedError
        If a model is not fitted.
    MissingExtraError
        If jinja2 or plotly is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_digits
    >>> from agop import DeepRFMClassifier, report
    >>> model = DeepRFMClassifier(depth=2, random_state=0).fit(*load_digits(n_class=3, return_X_y=True))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report(model, Path(folder, "report.html")).stat().st_size < 8_000_000
    True
    """
    if isinstance(record, Mapping) and not isinstance(record, NetworkRecord):
        results = [result_of(value, str(name)) for name, value in record.items()]
    elif isinstance(record, list | tuple) and record and all(isinstance(each, str | os.PathLike) for each in record):
        results = read_results(record)
    elif isinstance(record, list | tuple):
        results = [result_of(value) for value in record]
    else:
        results = [result_of(record)]
    return write_page(document_of(results), Path(path))


def document_of(results: Sequence[Result]) -> Document:
    """Everything that a report on these results says.

    Raises
    ------
    InputError
        If there are no results, or two of one name.
    """
    names = [result.name for result in results]
    if not names or len(set(names)) < len(names):
        got = ", ".join(names) or "none"
        raise InputError("one or more runs of different names", got, "Pass a mapping from names to runs.")
    several = len(results) > 1
    findings = [of_run(results, result, sentence) for result in results for sentence in _findings(result)]
    tables = [
        *(_numbers(result) for result in results),
        *(settings_table(result, several=several) for result in results),
    ]
    return Document(
        title_of(results),
        lead_of(results),
        [*_comparisons(results), *findings],
        plots_of(results),
        [table for table in tables if table.rows],
        notes_of(results),
        differing_settings(results) if several and len(set(map(type, results))) == 1 else None,
    )


def plots_of(results: Sequence[Result]) -> list[Plot]:
    """Plots of the runs of each kind on the same axes."""
    deep, networks, tables = _by_kind(results)
    kinds = {
        "Deep RFM": deep_rfm_plots(deep) if deep else [],
        "network": network_plots(networks) if networks else [],
        "table": table_plots(tables) if tables else [],
    }
    plots = {kind: found for kind, found in kinds.items() if found}
    if len(plots) == 1:
        return next(iter(plots.values()))
    return [
        replace(plot, name=f"{kind.replace(' ', '-').lower()}-{plot.name}", title=f"{plot.title} ({kind})")
        for kind, found in plots.items()
        for plot in found
    ]


def _by_kind(results: Sequence[Result]) -> tuple[list[DeepRFMResult], list[NetworkResult], list[TableResult]]:
    return (
        [result for result in results if isinstance(result, DeepRFMResult)],
        [result for result in results if isinstance(result, NetworkResult)],
        [result for result in results if isinstance(result, TableResult)],
    )


def _comparisons(results: Sequence[Result]) -> list[str]:
    """Which of the runs of each kind has the lowest NC1 or error."""
    deep, networks, tables = _by_kind(results)
    return [*deep_rfm_comparison(deep), *network_comparison(networks), *table_comparison(tables)]


def _findings(result: Result) -> list[str]:
    match result:
        case DeepRFMResult():
            return deep_rfm_findings(result.lines)
        case NetworkResult():
            return network_findings(result.lines, result.unit)
        case TableResult():
            return table_findings(result)


def _numbers(result: Result) -> NumberTable:
    match result:
        case DeepRFMResult():
            return deep_rfm_numbers(result)
        case NetworkResult():
            return network_numbers(result)
        case TableResult():
            return table_numbers(result)
