"""The result of a run of Deep RFM, as reports see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from agop.runs import Fit, Line, select

__all__ = ["DeepRFMResult"]


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

    def fit(self) -> Fit:
        """How well the worst seed fits at the last layer; that of the control where it ran alone."""
        return Fit.of(select(self.lines, control=False) or select(self.lines, control=True), "layer")
