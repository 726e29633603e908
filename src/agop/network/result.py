"""The result of a measured network, as reports see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agop.network.record import NetworkRecord
from agop.runs import Fit, Line

__all__ = ["NetworkResult"]


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

    def fit(self) -> Fit:
        """How well the worst seed fits at its last measurement."""
        return Fit.of(self.lines)
