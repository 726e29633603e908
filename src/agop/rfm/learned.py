"""The outcome of a fit, and its worth on samples left out."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agop.rfm.recursion import RFMStep
from agop.rfm.samples import Samples
from agop.solvers import Solver

__all__ = ["Judged", "Learned"]


@dataclass(frozen=True, eq=False)
class Judged:
    """Samples with predictions that do not depend on their targets.

    Attributes
    ----------
    samples
        Samples that were left out.
    predictions
        (m, C) at their inputs, for each number of AGOP updates.
    kept
        (m, C) of what is kept.
    """

    samples: Samples
    predictions: list[Tensor]
    kept: Tensor


@dataclass(frozen=True, eq=False)
class Learned:
    """The outcome of a fit.

    Attributes
    ----------
    best
        The iterate that is kept, fitted to all samples, or to as many as the time allows.
    samples
        Samples that it was fitted to.
    last_iteration
        The last one computed.
    diagonal, solver
        Whether the metric is diagonal, and how the last linear system was solved.
    judged
        Left-out predictions, if samples were left out.
    """

    best: RFMStep
    samples: Samples
    last_iteration: int
    diagonal: bool
    solver: Solver
    judged: Judged | None = None
