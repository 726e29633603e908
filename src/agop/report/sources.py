"""Results from what people have at hand: run folders, files of models and records, and objects in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from agop.charts.findings.wording import listed
from agop.deep_rfm import DeepRFMClassifier
from agop.deep_rfm.result import DeepRFMResult
from agop.errors import AgopError, DataFileError, InputError
from agop.estimator import load as load_model
from agop.network import NetworkRecord, Tracker
from agop.network.result import NetworkResult
from agop.rfm import RFMClassifier, RFMRegressor
from agop.runs import Line, Run, storage
from agop.tables import Explanation, explain
from agop.tables.result import TableResult

__all__ = ["read_results", "result_of"]

_OF_A_RUN = ("run.json", "metrics.jsonl", "epochs.jsonl", "explanation.json", "tensors.safetensors", "report.html")
"""Files in the folder of a run that are none by themselves."""

Result = DeepRFMResult | NetworkResult | TableResult


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
    >>> from agop.tables import explain_agop
    >>> names, effects = ("a", "b"), {"effects": [0.5, 0.5], "errors": [0.1, 0.1]}
    >>> result_of(explain_agop(np.eye(2), np.eye(2), names, (0, 1), names, **effects)).name
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
        return _from_folder(path)
    if not path.exists():
        raise DataFileError(f"a run folder or a file at {path}", "nothing", "Check the path.")
    if path.name in _OF_A_RUN:
        raise InputError(
            "a run folder, or a file of a model or a record", str(path), f"Name its folder, {path.parent}."
        )
    _, header = storage.load(path)
    found = result_of(_record(path)) if "network" in header else result_of(load_model(path))
    return replace(found, name=path.stem)


def _from_folder(path: Path) -> Result:
    run = Run(path)
    if not run.is_started():
        below = sorted(str(file.parent.relative_to(path)) for file in path.glob("*/run.json"))
        advice = f"Name one of the runs in it: {listed(below)}." if below else "Choose another folder."
        raise DataFileError(f"a run in {path}", "a folder without run.json", advice)
    return _from_run(run)


def _from_run(run: Run) -> Result:
    info = run.info()
    if "figure" in info["settings"]:
        advice = "Take one of the runs in the folder parts beside it; the figure itself has a README.md."
        raise InputError(f"{run.path} to hold one run", "a figure of agop reproduce", advice)
    lines = _lines(run, info)
    if (run.path / "explanation.json").exists():
        return _read_table(run, info, [line for line in _with(lines, "fold", "error") if line["error"] is not None])
    if found := _with(lines, "seed", "control", "layer", "stage"):
        return _read_deep_rfm(run, info, found)
    if found := _with(lines, "layer", "stage"):
        return _read_network(run, info, found)
    if not lines:
        raise InputError(f"numbers in {run.path}", "a run that has measured nothing yet", "Let it go on first.")
    raise InputError(f"{run.path} to hold a run of agop", "lines of another kind", "Choose another folder.")


def _lines(run: Run, info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lines of a run; of a training that goes on those of its seeds, which it gathers at the end of each."""
    seeds = {} if info.get("finished") else {_seed(file): Run(file.parent) for file in run.path.glob("seed*/run.json")}
    if not seeds:
        return _measured(run, info)
    gathered = [line for line in run.metrics() if line.get("seed") not in seeds]
    found = ({"seed": seed, **line} for seed, each in sorted(seeds.items()) for line in _measured(each, each.info()))
    return [*gathered, *found]


def _measured(run: Run, info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lines of a run; of a tracker those of the measurements that were written as a whole."""
    lines, unit = run.metrics(), info["settings"].get("unit")
    if unit is None or "measured" not in info:
        return lines
    whole = {part[unit] for part in info["measured"]}
    return [line for line in lines if line.get(unit) in whole]


def _with(lines: Sequence[dict[str, Any]], *columns: str) -> list[dict[str, Any]]:
    """Lines that have these columns; others are of a later agop."""
    return [line for line in lines if line.keys() >= {*columns}]


def _read_deep_rfm(run: Run, info: Mapping[str, Any], lines: list[dict[str, Any]]) -> Result:
    tensors = run.load_tensors()[0] if (run.path / "tensors.safetensors").exists() else {}
    return DeepRFMResult(_name(run), info, lines, tensors)


def _read_network(run: Run, info: Mapping[str, Any], lines: list[dict[str, Any]]) -> Result:
    unit = "step" if "step" in lines[0] and "epoch" not in lines[0] else "epoch"
    column = "test_accuracy" if info["settings"].get("test") else "accuracy"
    accuracy = {column: info["accuracy"]} if "accuracy" in info else {}
    wanted = [{**accuracy, **line, "seed": line.get("seed", 0), "epoch": line.get(unit, 0)} for line in lines]
    files = [run.path / "network.safetensors", *sorted(run.path.glob("seed*/network.safetensors"), key=_seed)]
    record = next((_record(file) for file in files if file.exists()), None)
    return NetworkResult(_name(run), info, wanted, record, _epochs(run), unit)


def _epochs(run: Run) -> list[dict[str, Any]]:
    file = run.path / "epochs.jsonl"
    if not file.exists():
        return []
    try:
        return [dict(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, TypeError, ValueError) as error:
        raise DataFileError(f"{file} to hold JSON objects", str(error), "Remove or mend it.") from error


def _record(file: Path) -> NetworkRecord:
    try:
        return NetworkRecord.load(file)
    except AgopError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        got = f"something else ({error!r})"
        raise DataFileError(f"{file} to hold a network's record", got, "Write it again with this agop.") from error


def _read_table(run: Run, info: Mapping[str, Any], lines: list[dict[str, Any]]) -> Result:
    file = run.path / "explanation.json"
    try:
        explanation = Explanation.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataFileError(f"{file} to hold an explanation", str(error), "Repeat agop explain --run.") from error
    return TableResult(_name(run), info, explanation, lines)


def _from_record(name: str, info: Mapping[str, Any], record: NetworkRecord) -> NetworkResult:
    lines = [{"seed": 0, "epoch": 0, "accuracy": record.accuracy, **line} for line in record.lines()]
    return NetworkResult(name, info, lines, record)


def _from_classifier(model: DeepRFMClassifier) -> DeepRFMResult:
    check_is_fitted(model)
    control = not model.agop
    lines: list[Line] = [{"seed": 0, "control": control, **line} for each in model.records_ for line in each.lines()]
    tensors = {
        f"agop/seed0/layer{each.layer:02d}/spectrum": each.spectrum
        for each in model.records_
        if each.spectrum is not None
    }
    return DeepRFMResult("Deep RFM", {"settings": _plain_parameters(model)}, lines, tensors)


def _plain_parameters(model: Any) -> dict[str, Any]:
    """Parameters of an estimator, the last one of a pipeline: numbers, texts or truth values, others by their text."""
    estimator = model[-1] if isinstance(model, Pipeline) else model
    return {
        name: value if isinstance(value, bool | int | float | str | None) else repr(value)
        for name, value in estimator.get_params(deep=False).items()
        if name != "callback"
    }


def _name(run: Run) -> str:
    return run.path.resolve().name


def _seed(file: Path) -> int:
    """Seed of the folder of a file, such as seed3/run.json."""
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
