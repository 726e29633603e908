"""Results from what people have at hand: run folders, files of models and records, and objects in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline

from agop import storage
from agop.errors import DataFileError, InputError
from agop.estimators import DeepRFMClassifier, RFMClassifier, RFMRegressor, explain
from agop.estimators import load as load_model
from agop.network import Tracker
from agop.records import Explanation, Line, NetworkRecord
from agop.reports.results import DeepRFMResult, NetworkResult, Result, TableResult
from agop.runs import Run

__all__ = ["read_results", "result_of"]


def read_results(paths: Sequence[str | os.PathLike[str]]) -> list[Result]:
    """Results of run folders and files, each under the shortest end of its path that tells it from the others.

    Parameters
    ----------
    paths
        Folders of ``agop deep-rfm``, ``train``, ``measure``, ``explain --run`` or a ``Tracker``; files of ``agop fit``
        or ``NetworkRecord.save``.

    Raises
    ------
    InputError
        If there is none, one comes twice, or it is of a kind that has no report.
    DataFileError
        If files are missing or damaged.
    """
    if not paths:
        raise InputError("one or more runs", "none", "Name a run folder.")
    return [replace(result_of(path), name=name) for path, name in zip(paths, _names(paths), strict=True)]


def result_of(source: Any, name: str | None = None) -> Result:
    """Result of one run, whatever it is.

    Parameters
    ----------
    source
        A path, see ``read_results``; a ``Run``; a ``NetworkRecord``, a ``Tracker``, an ``Explanation``, a fitted
        ``DeepRFMClassifier``, ``RFMRegressor``, ``RFMClassifier``, or pipeline of ``table_pipeline``.
    name
        Of the run in the report; the end of its path, or what it is, if None.

    Raises
    ------
    InputError
        If it is something else.
    DataFileError
        If files are missing or damaged.

    Examples
    --------
    >>> import numpy as np
    >>> from agop.records import explain_agop
    >>> result_of(explain_agop(np.eye(2), np.eye(2), ("a", "b"), (0, 1), ("a", "b"))).name
    'table'
    """
    match source:
        case str() | os.PathLike():
            found = _from_path(Path(source))
        case Run():
            found = _from_run(source)
        case Tracker():
            found = _from_run(source.run)
        case NetworkRecord():
            found = _from_record("network", {"settings": source.settings, "notes": list(source.notes)}, source)
        case Explanation():
            found = TableResult("table", {"settings": {}}, source)
        case DeepRFMClassifier():
            found = _from_classifier(source)
        case RFMRegressor() | RFMClassifier() | Pipeline():
            found = TableResult("model", {"settings": _plain_parameters(source)}, explain(source))
        case _:
            expected = "a run folder, a file of agop, a record, a tracker, an explanation or a fitted model"
            raise InputError(expected, f"a {type(source).__name__}", "Pass one of these, or a list of them.")
    return found if name is None else replace(found, name=name)


def _from_path(path: Path) -> Result:
    if path.is_dir():
        return _from_run(Run.open(path))
    if not path.exists():
        raise DataFileError(f"a run folder or a file at {path}", "nothing", "Check the path.")
    _, header = storage.load(path)
    found = result_of(NetworkRecord.load(path)) if "network" in header else result_of(load_model(path))
    return replace(found, name=path.stem)


def _from_run(run: Run) -> Result:
    info, lines = run.info(), run.metrics()
    for is_kind, read in _KINDS:
        if is_kind(run, info, lines):
            return read(run, info, lines)
    if "figure" in info["settings"]:
        advice = "Take one of the runs in the folder parts beside it; the figure itself has a page."
        raise InputError(f"{run.path} to hold one run", "a figure of agop reproduce", advice)
    if not lines:
        raise InputError(f"numbers in {run.path}", "a run that has measured nothing yet", "Let it go on first.")
    raise InputError(f"{run.path} to hold a run of agop", "lines of another kind", "Choose another folder.")


def _read_deep_rfm(run: Run, info: Mapping[str, Any], lines: list[dict[str, Any]]) -> Result:
    tensors = run.load_tensors()[0] if (run.path / "tensors.safetensors").exists() else {}
    return DeepRFMResult(_name(run), info, lines, tensors)


def _read_network(run: Run, info: Mapping[str, Any], lines: list[dict[str, Any]]) -> Result:
    unit = "step" if "step" in lines[0] and "epoch" not in lines[0] else "epoch"
    accuracy = {"test_accuracy" if info["settings"].get("test") else "train_accuracy": info.get("accuracy")}
    wanted = [{**accuracy, **line, "seed": line.get("seed", 0), "epoch": line.get(unit, 0)} for line in lines]
    files = [run.path / "network.safetensors", *sorted(run.path.glob("seed*/network.safetensors"), key=_seed)]
    record = next((NetworkRecord.load(file) for file in files if file.exists()), None)
    epochs = run.path / "epochs.jsonl"
    history = [json.loads(line) for line in epochs.read_text(encoding="utf-8").splitlines()] if epochs.exists() else []
    return NetworkResult(_name(run), info, wanted, record, history, unit)


def _read_table(run: Run, info: Mapping[str, Any], lines: list[dict[str, Any]]) -> Result:
    file = run.path / "explanation.json"
    try:
        explanation = Explanation.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataFileError(f"{file} to hold an explanation", str(error), "Repeat agop explain --run.") from error
    return TableResult(_name(run), info, explanation, lines)


_KINDS: Sequence[
    tuple[
        Callable[[Run, Mapping[str, Any], Sequence[Line]], bool],
        Callable[[Run, Mapping[str, Any], list[dict[str, Any]]], Result],
    ]
] = (
    (lambda run, info, lines: (run.path / "explanation.json").exists(), _read_table),
    (lambda run, info, lines: _have(lines, "control", "layer", "stage"), _read_deep_rfm),
    (lambda run, info, lines: "figure" not in info["settings"] and _have(lines, "layer", "stage"), _read_network),
)
"""How a kind of run is told, and how it is read."""


def _have(lines: Sequence[Line], *columns: str) -> bool:
    return bool(lines) and all(column in lines[0] for column in columns)


def _from_record(name: str, info: Mapping[str, Any], record: NetworkRecord) -> NetworkResult:
    lines = [{"seed": 0, "epoch": 0, "train_accuracy": record.accuracy, **line} for line in record.lines()]
    return NetworkResult(name, info, lines, record)


def _from_classifier(model: DeepRFMClassifier) -> DeepRFMResult:
    control = model.metric == "identity"
    lines: list[Line] = [{"seed": 0, "control": control, **line} for each in model.records_ for line in each.lines()]
    tensors = {
        f"agop/seed0/layer{each.layer:02d}/spectrum": each.spectrum
        for each in model.records_
        if each.spectrum is not None
    }
    return DeepRFMResult("Deep RFM", {"settings": _plain_parameters(model)}, lines, tensors)


def _plain_parameters(model: Any) -> dict[str, Any]:
    """Parameters of an estimator that are numbers, texts or truth values; kernels and such by their text."""
    return {
        name: value if isinstance(value, bool | int | float | str | None) else repr(value)
        for name, value in model.get_params(deep=False).items()
        if name not in ("callback", "steps")
    }


def _name(run: Run) -> str:
    return run.path.resolve().name


def _seed(file: Path) -> int:
    digits = file.parent.name.removeprefix("seed")
    return int(digits) if digits.isdecimal() else 0


def _names(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """The shortest ends of the paths that differ.

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
