"""What a report says: the kind of each result is asked for plots, findings and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agop.charts.document import Document, Plot
from agop.charts.kind import Kind, Result, all_kinds, kind_of
from agop.errors import InputError
from agop.reports.settings import differing_settings, settings_table

__all__ = ["count_plots", "document_of", "plots_of"]


def document_of(results: Sequence[Result], observe: Callable[[], object] = lambda: None) -> Document:
    """Everything that a report on these results says; ``observe`` is called ``count_plots`` times, as it is computed.

    Raises
    ------
    InputError
        If there are no results, or two of one name.

    Examples
    --------
    >>> import torch
    >>> from agop import measure
    >>> from agop.reports import result_of
    >>> record = measure(torch.nn.Linear(4, 2), [(torch.eye(4), torch.tensor([0, 1, 0, 1]))])
    >>> document = document_of([result_of(record, "before"), result_of(record, "after")])
    >>> document.title, [table.title for table in document.tables][:2]
    ('2 runs compared: before, after', ['Layers of before, each of 4 rows', 'Layers of after, each of 4 rows'])
    """
    names = [result.name for result in results]
    if not names or len(set(names)) < len(names):
        got = ", ".join(names) or "none"
        raise InputError("one or more runs of different names", got, "Pass a mapping from names to runs.")
    kinds, several = _by_kind(results), len(results) > 1
    tables = [
        *(kind_of(result).table(result) for result in results),
        *(settings_table(result, several=several) for result in results),
    ]
    return Document(
        _title(results),
        _lead(results),
        [finding for kind, part in kinds for finding in kind.findings(part)],
        plots_of(results, observe),
        [table for table in tables if table.rows],
        [_of(results, result, note) for result in results for note in _notes(result.info)],
        differing_settings(results) if several and len(kinds) == 1 else None,
        {term: meaning for kind, _ in kinds for term, meaning in kind.terms.items()},
        kinds[0][0].summary(results) if len(kinds) == 1 else None,
        [_of(results, result, remark) for result in results for remark in _remarks(result)],
    )


def count_plots(results: Sequence[Result]) -> int:
    """Number of the functions that make the plots of these results, some of which may have nothing to show.

    Examples
    --------
    >>> import numpy as np
    >>> from agop.reports import result_of
    >>> from agop.tables import explain_agop
    >>> found = explain_agop(np.eye(1), np.eye(1), ["age"], [0], ["age"], effects=[0.5], errors=[0.1])
    >>> results = [result_of(found)]
    >>> count_plots(results), [plot.name for plot in plots_of(results)]
    (5, ['effects', 'directions'])
    """
    return sum(len(kind.plots) for kind, _ in _by_kind(results))


def plots_of(results: Sequence[Result], observe: Callable[[], object] = lambda: None) -> list[Plot]:
    """Plots of the runs of each kind on the same axes; ``observe`` is called ``count_plots`` times.

    Examples
    --------
    >>> import torch
    >>> from agop import measure
    >>> from agop.reports import result_of
    >>> record = measure(torch.nn.Linear(4, 2), [(torch.eye(4), torch.tensor([0, 1, 0, 1]))])
    >>> [plot.name for plot in plots_of([result_of(record)])]
    ['nc1', 'agop-nfm', 'means']
    """
    shown = {kind: plots for kind, part in _by_kind(results) if (plots := kind.plots_of(part, observe))}
    if len(shown) == 1:
        return next(iter(shown.values()))
    return [
        replace(plot, name=f"{kind.name}-{plot.name}", title=f"{plot.title} ({kind.title})")
        for kind, plots in shown.items()
        for plot in plots
    ]


def _by_kind(results: Sequence[Result]) -> list[tuple[Kind, list[Result]]]:
    """Results of each kind that there is, in the order in which kinds are shown."""
    found = [(kind, [result for result in results if type(result) is kind.result]) for kind in all_kinds().values()]
    return [(kind, part) for kind, part in found if part]


def _of(results: Sequence[Result], result: Result, text: str) -> str:
    """A text on one of the results, with its name where there are several."""
    return f"{result.name}: {text}" if text and len(results) > 1 else text


def _title(results: Sequence[Result]) -> str:
    """Heading: what was run, or which runs are compared."""
    if len(results) > 1:
        return f"{len(results)} runs compared: {', '.join(result.name for result in results)}"
    (result,) = results
    data = result.info["settings"].get("data")
    data = ", ".join(data) if isinstance(data, list) else data
    return f"{kind_of(result).heading(result)} on {data}" if data else kind_of(result).heading(result)


def _lead(results: Sequence[Result]) -> str:
    """Data of the results, and when, on what and how long they ran; what is the same for all is said once."""
    facts = [_facts(result) for result in results]
    shared = [column[0] if len(set(column)) == 1 else "" for column in zip(*facts, strict=True)]
    own = [["" if same else fact for fact, same in zip(each, shared, strict=True)] for each in facts]
    parts = [_of(results, result, ", ".join(filter(None, each))) for result, each in zip(results, own, strict=True)]
    return "; ".join(filter(None, [shared[0], ", ".join(filter(None, shared[1:])), *parts]))


def _facts(result: Result) -> list[str]:
    """Data of a result, its day, machine, duration and version; empty where they are not known."""
    info = result.info
    machine, version = info.get("machine", {}), info.get("versions", {}).get("agop")
    return [
        kind_of(result).data(result),
        str(info.get("started") or "")[:10],
        ", ".join([machine["cpu"], *machine.get("gpus", [])]) if machine.get("cpu") else "",
        _duration(info["seconds"]) if info.get("seconds") else "",
        f"agop {version}" if version else "",
    ]


def _notes(info: Mapping[str, Any]) -> list[str]:
    """Notes to know first: that labels were permuted, or that it goes on."""
    return [
        *["The labels were permuted: this is the baseline."] * bool(info["settings"].get("permute_labels")),
        *["The run is not finished: this is what it has found so far."] * (info.get("finished", "") is None),
    ]


def _remarks(result: Result) -> list[str]:
    """Remarks of the run on what it left out, and on what its folder does not hold."""
    return [*result.info.get("notes", []), *kind_of(result).notes(result)]


def _duration(seconds: float) -> str:
    """Time in the unit in which it is read.

    Examples
    --------
    >>> _duration(12.34), _duration(754.0), _duration(8613.0)
    ('12.3 s', '13 min', '2.4 h')
    """
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
