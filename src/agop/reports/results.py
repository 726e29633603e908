"""What reports are made of: the results of a run by the kind of run, read from its folder or made from a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from torch import Tensor

from agop.records import Explanation, Line, NetworkRecord

__all__ = ["DeepRFMResult", "NetworkResult", "Result", "TableResult"]


@dataclass(frozen=True, eq=False)
class DeepRFMResult:
    """A run of Deep RFM.

    Attributes
    ----------
    name
        Of the run in this report.
    info
        ``run.json``; at least "settings".
    lines
        ``metrics.jsonl``.
    tensors
        Spectra, eigenvectors and Gram pictures; may be empty.
    """

    name: str
    info: Mapping[str, Any]
    lines: Sequence[Line]
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class NetworkResult:
    """A network, measured once or while it learned.

    Attributes
    ----------
    name
        Of the run in this report.
    info
        ``run.json``; at least "settings".
    lines
        ``metrics.jsonl``: each line has "seed", "epoch", "layer" and "stage"; of one measurement both are 0.
    record
        What was measured last, of the first seed; None if only numbers are there.
    epochs
        ``epochs.jsonl``: running loss and accuracy of every epoch; may be empty.
    unit
        What "epoch" counts, "epoch" or "step".
    """

    name: str
    info: Mapping[str, Any]
    lines: Sequence[Line]
    record: NetworkRecord | None = None
    epochs: Sequence[Line] = ()
    unit: str = "epoch"


@dataclass(frozen=True, eq=False)
class TableResult:
    """A model of a table.

    Attributes
    ----------
    name
        Of the model in this report.
    info
        ``run.json``; at least "settings".
    explanation
        What the model depends on.
    folds
        A line for each fold of a cross-validation: "fold", "error", "measure" (the name of the error) and "n_rows";
        may be empty.
    """

    name: str
    info: Mapping[str, Any]
    explanation: Explanation
    folds: Sequence[Line] = ()


Result: TypeAlias = DeepRFMResult | NetworkResult | TableResult
