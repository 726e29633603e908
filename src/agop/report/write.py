"""One page for people from runs, records and models."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from agop.charts import write_page
from agop.charts.document import Document, NumberTable, Plot
from agop.charts.result import of_run
from agop.deep_rfm import deep_rfm_findings
from agop.deep_rfm.findings import deep_rfm_comparison
from agop.deep_rfm.plots import deep_rfm_numbers, deep_rfm_plots
from agop.deep_rfm.result import DeepRFMResult
from agop.errors import InputError
from agop.network import NetworkRecord
from agop.network.plots.collapse import network_numbers, network_plots
from agop.network.plots.findings import network_comparison, network_findings
from agop.network.result import NetworkResult
from agop.report.overview import differing_settings, lead_of, notes_of, settings_table, title_of
from agop.report.sources import read_results, result_of
from agop.tables.findings import table_findings
from agop.tables.fold_plots import table_comparison
from agop.tables.plots import table_numbers, table_plots
from agop.tables.result import TableResult

__all__ = ["document_of", "plots_of", "report"]

Result = DeepRFMResult | NetworkResult | TableResult


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
    >>> from agop.deep_rfm import DeepRFMClassifier
    >>> from agop.report.write import report
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
    comparisons = [sentence for kind, part in _by_kind(results) for sentence in kind.comparison(part)]
    findings = [
        of_run(results, result, sentence) for result in results for sentence in _KINDS[type(result)].findings(result)
    ]
    tables = [
        *(_KINDS[type(result)].numbers(result) for result in results),
        *(settings_table(result, several=several) for result in results),
    ]
    return Document(
        title_of(results),
        lead_of(results),
        [*comparisons, *findings],
        plots_of(results),
        [table for table in tables if table.rows],
        notes_of(results),
        differing_settings(results) if several and len(_by_kind(results)) == 1 else None,
    )


def plots_of(results: Sequence[Result]) -> list[Plot]:
    """Plots of the runs of each kind on the same axes."""
    found = {kind: kind.plots(part) for kind, part in _by_kind(results)}
    shown = {kind: plots for kind, plots in found.items() if plots}
    if len(shown) == 1:
        return next(iter(shown.values()))
    return [
        replace(plot, name=f"{kind.name.replace(' ', '-').lower()}-{plot.name}", title=f"{plot.title} ({kind.name})")
        for kind, plots in shown.items()
        for plot in plots
    ]


class _Kind(NamedTuple):
    """What is said and shown of results of a kind."""

    name: str
    plots: Callable[[Sequence[Any]], list[Plot]]
    findings: Callable[[Any], list[str]]
    numbers: Callable[[Any], NumberTable]
    comparison: Callable[[Sequence[Any]], list[str]]


_KINDS: Mapping[type[Result], _Kind] = MappingProxyType(
    {
        DeepRFMResult: _Kind(
            "Deep RFM",
            deep_rfm_plots,
            lambda result: deep_rfm_findings(result.lines),
            deep_rfm_numbers,
            deep_rfm_comparison,
        ),
        NetworkResult: _Kind(
            "network",
            network_plots,
            lambda result: network_findings(result.lines, result.unit),
            network_numbers,
            network_comparison,
        ),
        TableResult: _Kind("table", table_plots, table_findings, table_numbers, table_comparison),
    }
)


def _by_kind(results: Sequence[Result]) -> list[tuple[_Kind, list[Result]]]:
    """Results of each kind that there is, in the order in which kinds are shown."""
    found = [(kind, [result for result in results if type(result) is of]) for of, kind in _KINDS.items()]
    return [(kind, part) for kind, part in found if part]
