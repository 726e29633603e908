"""Results of runs, records and models, each read by its kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from agop.charts.kind import Result, accepting, all_kinds
from agop.errors import CONTENT_ERRORS, AgopError, DataFileError, InputError
from agop.estimator import load as load_model
from agop.runs import Run, storage

__all__ = ["read_results", "result_of"]

_IN_RUNS = ("run.json", "metrics.jsonl", "epochs.jsonl", "explanation.json", "tensors.safetensors", "report.html")
"""Files in the folder of a run that are none by themselves."""


def read_results(paths: Sequence[str | os.PathLike[str]], observe: Callable[[], object] = lambda: None) -> list[Result]:
    """Results of run folders and files, each under the shortest end of its path that tells it from the others.

    Parameters
    ----------
    paths
        Folders of runs, by a command of agop or a ``Tracker``; files of ``agop fit`` or ``NetworkRecord.save``.
    observe
        Called when each of them is read.

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
    results = []
    for path, name in zip(paths, _names(paths), strict=True):
        results.append(result_of(path, name))
        observe()
    return results


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
    run.check()
    try:
        return cast(Result, known[name].read(run))
    except AgopError:
        raise
    except CONTENT_ERRORS as error:
        expected, got = f"{run.path} to hold what a run of kind {name} does", f"something else ({error!r})"
        raise DataFileError(expected, got, "Copy the folder again, or repeat the run.") from error


def _renamed(result: Result, name: str) -> Result:
    return cast(Result, replace(cast(Any, result), name=name))


def _names(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Shortest ends of the paths that differ.

    Examples
    --------
    >>> _names(["runs/a/mlp", "runs/b/mlp"])
    ['a/mlp', 'b/mlp']
    """
    parts = [Path(os.path.realpath(path).removesuffix(".safetensors")).parts for path in paths]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise InputError("different runs", "one of them twice", "Name each run once.")
