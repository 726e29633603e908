"""One page for people from runs, records and models: their kind is asked for plots, findings and numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, cast

from agop.charts.document import Document, NumberTable, Plot
from agop.charts.kind import Kind, Result, accepting, all_kinds, kind_of
from agop.charts.page.html import write_page
from agop.errors import CONTENT_ERRORS, AgopError, DataFileError, InputError
from agop.estimator import load as load_model
from agop.runs import Run, storage

__all__ = ["document_of", "plots_of", "read_results", "report", "result_of"]

_IN_RUNS = ("run.json", "metrics.jsonl", "epochs.jsonl", "explanation.json", "tensors.safetensors", "report.html")
"""Files in the folder of a run that are none by themselves."""


def report(record: Any, path: str | os.PathLike[str]) -> Path:
    """Write one self-contained HTML page that shows what was found.

    It opens from the disk without a network: plots, data behind buttons, findings computed from the numbers, and
    definitions with their sources are all inside. It reads in light and dark, on a phone, on paper and aloud.

    Parameters
    ----------
    record
        A ``NetworkRecord``, ``Tracker``, ``Explanation``, fitted ``DeepRFMClassifier``, ``ConvRFMClassifier``,
        ``RFMRegressor``, ``RFMClassifier`` or pipeline of ``table_pipeline``, a ``Run`` or the path of a run folder or
        a model file; or several to compare, as a list, or as a mapping from their names.
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
    >>> import re, tempfile
    >>> from sklearn.datasets import load_digits
    >>> from agop import DeepRFMClassifier, report
    >>> model = DeepRFMClassifier(depth=2, random_state=0).fit(*load_digits(n_class=3, return_X_y=True))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = report(model, Path(folder, "report.html")).read_text(encoding="utf-8")
    >>> re.findall("<h1>(.*)</h1>", page), len(page) < 2_500_000
    (['Deep RFM'], True)
    """
    if isinstance(record, Mapping) and accepting(record) is None:
        results = [result_of(value, str(name)) for name, value in record.items()]
    elif isinstance(record, list | tuple) and record and all(isinstance(each, str | os.PathLike) for each in record):
        results = read_results(record)
    else:
        results = [result_of(value) for value in (record if isinstance(record, list | tuple) else [record])]
    return write_page(document_of(results), Path(path))


def read_results(paths: Sequence[str | os.PathLike[str]]) -> list[Result]:
    """Results of run folders and files, each under the shortest end of its path that tells it from the others.

    Parameters
    ----------
    paths
        Folders of runs, by a command of agop or a ``Tracker``; files of ``agop fit`` or ``NetworkRecord.save``.

    Raises
    ------
    InputError
        If there is none, one comes twice, or it is of a kind that has no report.
    DataFileError
        If files are missing or damaged.

    Examples
    --------
    >>> import tempfile, torch
    >>> from agop import measure
    >>> record = measure(torch.nn.Linear(4, 2), [(torch.eye(4), torch.tensor([0, 1, 0, 1]))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("before", "after"):
    ...         record.save(Path(folder, f"{name}.safetensors"))
    ...     [result.name for result in read_results(sorted(Path(folder).iterdir()))]
    ['after', 'before']
    """
    if not paths:
        raise InputError("one or more runs", "none", "Name a run folder.")
    return [result_of(path, name) for path, name in zip(paths, _names(paths), strict=True)]


def result_of(source: Any, name: str | None = None) -> Result:
    """Result of one run, whatever it is.

    Parameters
    ----------
    source
        A path, see ``read_results``; a ``Run``; a value in hand that a kind accepts, see ``report``.
    name
        Name of the run in the report; the end of its path, or what it is, if None.

    Raises
    ------
    InputError
        If it is something else.
    DataFileError
        If files are missing or damaged.

    Examples
    --------
    >>> import torch
    >>> from agop import measure
    >>> record = measure(torch.nn.Linear(4, 2), [(torch.eye(4), torch.tensor([0, 1, 0, 1]))])
    >>> result_of(record, "linear").name
    'linear'
    """
    if isinstance(source, str | os.PathLike):
        found = _from_path(Path(source))
    elif isinstance(source, Run):
        found = _from_run(source)
    elif (make := accepting(source)) is not None:
        found = make(source)
    else:
        expected = "a run folder, a file of agop, a record, a tracker, an explanation or a fitted model"
        raise InputError(expected, f"a {type(source).__name__}", "Pass one of these, or a list of them.")
    return found if name is None else _renamed(found, name)


def document_of(results: Sequence[Result]) -> Document:
    """Everything that a report on these results says.

    Raises
    ------
    InputError
        If there are no results, or two of one name.

    Examples
    --------
    >>> import torch
    >>> from agop import measure
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
        *(_settings_table(result, several=several) for result in results),
    ]
    return Document(
        _title(results),
        "; ".join(filter(None, (_of(results, result, _lead(result)) for result in results))),
        [finding for kind, part in kinds for finding in kind.findings(part)],
        plots_of(results),
        [table for table in tables if table.rows],
        [_of(results, result, note) for result in results for note in _notes(result.info)],
        _differing_settings(results) if several and len(kinds) == 1 else None,
        {term: meaning for kind, _ in kinds for term, meaning in kind.terms.items()},
        kinds[0][0].summary(results) if len(kinds) == 1 else None,
        [_of(results, result, remark) for result in results for remark in _remarks(result)],
    )


def plots_of(results: Sequence[Result]) -> list[Plot]:
    """Plots of the runs of each kind on the same axes.

    Examples
    --------
    >>> import torch
    >>> from agop import measure
    >>> record = measure(torch.nn.Linear(4, 2), [(torch.eye(4), torch.tensor([0, 1, 0, 1]))])
    >>> [plot.name for plot in plots_of([result_of(record)])]
    ['nc1', 'agop-nfm', 'means']
    """
    shown = {kind: plots for kind, part in _by_kind(results) if (plots := kind.plots(part))}
    if len(shown) == 1:
        return next(iter(shown.values()))
    return [
        replace(plot, name=f"{kind.name}-{plot.name}", title=f"{plot.title} ({kind.title})")
        for kind, plots in shown.items()
        for plot in plots
    ]


def _from_path(path: Path) -> Result:
    if path.is_dir():
        run = Run(path)
        if run.is_started():
            return _from_run(run)
        below = ", ".join(sorted(str(file.parent.relative_to(path)) for file in path.glob("*/run.json")))
        advice = f"Name one of the runs in it: {below}." if below else "Choose another folder."
        raise DataFileError(f"a run in {path}", "a folder without run.json", advice)
    if not path.exists():
        raise DataFileError(f"a run folder or a file at {path}", "nothing", "Check the path.")
    if path.name in _IN_RUNS:
        advice = f"Name its folder, {path.parent}."
        raise InputError("a run folder, or a file of a model or a record", str(path), advice)
    _, header = storage.load(path)
    kind = all_kinds().get(str(header.get("kind")))
    return _renamed(result_of(load_model(path) if kind is None or kind.load is None else kind.load(path)), path.stem)


def _from_run(run: Run) -> Result:
    name = str(run.info().get("kind"))
    known = all_kinds()
    if name not in known:
        raise InputError(
            f"{run.path} to hold a run of {', '.join(known)}", f"one of kind {name!r}", "Choose another folder."
        )
    try:
        return cast(Result, known[name].read(run))
    except AgopError:
        raise
    except CONTENT_ERRORS as error:
        expected, got = f"{run.path} to hold what a run of kind {name} does", f"something else ({error!r})"
        raise DataFileError(expected, got, "Copy the folder again, or repeat the run.") from error


def _by_kind(results: Sequence[Result]) -> list[tuple[Kind, list[Result]]]:
    """Results of each kind that there is, in the order in which kinds are shown."""
    found = [(kind, [result for result in results if type(result) is kind.result]) for kind in all_kinds().values()]
    return [(kind, part) for kind, part in found if part]


def _renamed(result: Result, name: str) -> Result:
    return cast(Result, replace(cast(Any, result), name=name))


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


def _lead(result: Result) -> str:
    """Data of a result, and when, on what and how long it ran."""
    return "; ".join(filter(None, (kind_of(result).data(result), _facts(result.info))))


def _facts(info: Mapping[str, Any]) -> str:
    """When, on what and how long it ran, as far as it is known."""
    machine, version = info.get("machine", {}), info.get("versions", {}).get("agop")
    facts = [
        str(info.get("started") or "")[:10],
        ", ".join([machine["cpu"], *machine.get("gpus", [])]) if machine.get("cpu") else "",
        _duration(info["seconds"]) if info.get("seconds") else "",
        f"agop {version}" if version else "",
    ]
    return ", ".join(filter(None, facts))


def _notes(info: Mapping[str, Any]) -> list[str]:
    """Notes to know first: that labels were permuted, or that it goes on."""
    return [
        *["The labels were permuted: this is the baseline."] * bool(info["settings"].get("permute_labels")),
        *["The run is not finished: this is what it has found so far."] * (info.get("finished", "") is None),
    ]


def _remarks(result: Result) -> list[str]:
    """Remarks of the run on what it left out, and on what its folder does not hold."""
    return [*result.info.get("notes", []), *kind_of(result).notes(result)]


def _differing_settings(results: Sequence[Result]) -> NumberTable:
    """A row for each setting that is not the same in all runs."""
    found = [_flat(result.info["settings"]) for result in results]
    rows = [[name, *(each.get(name, "–") for each in found)] for name in dict.fromkeys(chain.from_iterable(found))]
    kept = [row for row in rows if len(set(row[1:])) > 1]
    return NumberTable("Settings that differ", ["setting", *(result.name for result in results)], kept)


def _settings_table(result: Result, *, several: bool) -> NumberTable:
    """Settings, versions and machine of a run."""
    info = result.info
    rows = [
        [f"{section}: {name}", value]
        for section in ("settings", "versions", "machine")
        for name, value in _flat(info.get(section, {})).items()
    ]
    rows += [[name, str(info[name])] for name in ("started", "finished") if info.get(name)]
    rows += [["seconds", f"{info['seconds']:.1f}"]] if info.get("seconds") else []
    title = f"Settings and machine of {result.name}" if several else "Settings and machine"
    return NumberTable(title, ["name", "value"], rows)


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


def _flat(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in values.items()
    }


def _names(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Shortest ends of the paths that differ.

    Examples
    --------
    >>> _names(["runs/a/mlp", "runs/b/mlp"])
    ['a/mlp', 'b/mlp']
    """
    parts = [Path(str(Path(path).resolve()).removesuffix(".safetensors")).parts for path in paths]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise InputError("different runs", "one of them twice", "Name each run once.")
