"""Lines of a run's metrics.jsonl: those with some values, the values of a column, the last ones of a training."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from agop.errors import DataFileError

__all__ = ["Line", "distinct", "hidden_layers", "last_measured", "measurements", "select", "values_of", "with_columns"]

Line: TypeAlias = Mapping[str, Any]
"""Columns and their values."""


def select(lines: Iterable[Line], **wanted: object) -> list[Line]:
    """Lines whose columns have these values.

    Examples
    --------
    >>> select([{"layer": 1, "nc1": 4.0}, {"layer": 2, "nc1": 2.0}], layer=2)
    [{'layer': 2, 'nc1': 2.0}]
    """
    return [line for line in lines if all(line.get(name) == value for name, value in wanted.items())]


def values_of(lines: Iterable[Line], column: str) -> list[Any]:
    """Different values of a column, in the order in which they come, without null.

    Examples
    --------
    >>> values_of([{"layer": "fc.2"}, {"layer": "fc.1"}, {"layer": "fc.2"}, {}], "layer")
    ['fc.2', 'fc.1']
    """
    return list(dict.fromkeys(line[column] for line in lines if line.get(column) is not None))


def with_columns(lines: Iterable[dict[str, Any]], *columns: str) -> list[dict[str, Any]]:
    """Lines that have these columns; others are of a later agop.

    Examples
    --------
    >>> with_columns([{"layer": 1, "nc1": 4.0}, {"event": "checkpoint"}], "layer")
    [{'layer': 1, 'nc1': 4.0}]
    """
    return [line for line in lines if line.keys() >= {*columns}]


def distinct(lines: Iterable[dict[str, Any]], file: object, *columns: str) -> list[dict[str, Any]]:
    """The lines of a file, if no two have the same values in these columns.

    Raises
    ------
    DataFileError
        If two have.

    Examples
    --------
    >>> distinct([{"layer": 1, "nc1": 4.0}, {"layer": 2, "nc1": 4.0}], "metrics.jsonl", "layer")
    [{'layer': 1, 'nc1': 4.0}, {'layer': 2, 'nc1': 4.0}]
    >>> distinct([{"layer": 1, "nc1": 4.0}, {"layer": 1, "nc1": 2.0}], "metrics.jsonl", "layer")
    Traceback (most recent call last):
    ...
    agop.errors.DataFileError: expected one line of metrics.jsonl with layer=1, got several. Repeat ...
    """
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        place = ", ".join(f"{name}={json.dumps(line[name])}" for name in columns if name in line)
        if found.setdefault(place, line) is not line:
            raise DataFileError(f"one line of {file} with {place}", "several", "Repeat the run in a new folder.")
    return list(found.values())


def hidden_layers(lines: Iterable[Line]) -> list[str]:
    """Layers with a nonlinearity, in the order of their calls.

    Examples
    --------
    >>> hidden_layers([{"layer": "fc.1", "stage": "output"}, {"layer": "fc.output", "stage": "input"}])
    ['fc.1']
    """
    return values_of((line for line in lines if line["stage"] == "output"), "layer")


def last_measured(lines: Iterable[Line]) -> list[Line]:
    """Lines of the last measured epoch of each training: of each seed, and of each "part" where there are several.

    Examples
    --------
    >>> last_measured([{"seed": 0, "epoch": 0}, {"seed": 0, "epoch": 9}, {"seed": 1, "epoch": 5}])
    [{'seed': 0, 'epoch': 9}, {'seed': 1, 'epoch': 5}]
    """
    lines = list(lines)
    last: dict[tuple[Any, int], int] = {}
    for line in lines:
        training = line.get("part"), line["seed"]
        last[training] = max(last.get(training, 0), line["epoch"])
    return [line for line in lines if line["epoch"] == last[line.get("part"), line["seed"]]]


def measurements(lines: Iterable[Line]) -> list[Line]:
    """One line for each seed and epoch: for columns that are of the whole network, such as its loss.

    Examples
    --------
    >>> lines = [{"seed": 0, "epoch": 5, "layer": layer, "loss": 0.5} for layer in ("fc.1", "fc.2")]
    >>> measurements(lines)
    [{'seed': 0, 'epoch': 5, 'layer': 'fc.1', 'loss': 0.5}]
    """
    found: dict[tuple[int, int], Line] = {}
    for line in lines:
        found.setdefault((line["seed"], line["epoch"]), line)
    return list(found.values())
