"""What a fit keeps, with left-out predictions, and the time that it may take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from agop.kernel_machine import Solver
from agop.rfm.problem import Problem
from agop.rfm.recursion import RFMStep

__all__ = ["Clock", "Judged", "Learned"]


@dataclass(frozen=True)
class Clock:
    """When a fit began and how many seconds it may take."""

    began: float
    budget: float | None

    @classmethod
    def start(cls, budget: float | None) -> Clock:
        """Begin now."""
        return cls(time.monotonic(), budget)

    def left(self, share: float = 1.0, reserve: float = 0.0) -> float | None:
        """A share of the seconds that are left beside a reserve, always positive; None for no limit."""
        if self.budget is None:
            return None
        return max(share * (self.budget - reserve - (time.monotonic() - self.began)), 1e-9)


@dataclass(frozen=True, eq=False)
class Judged:
    """Left-out predictions.

    Attributes
    ----------
    problem
        The samples that were left out.
    predictions
        (m, C) at their distinct inputs, for each number of AGOP updates allowed.
    """

    problem: Problem
    predictions: list[Tensor]

    @classmethod
    def of(cls, problem: Problem, parts: Sequence[tuple[Tensor, list[Tensor]]]) -> Judged:
        """Rows of folds with their predictions, put together."""
        rows = torch.cat([rows for rows, _ in parts])
        order = rows.argsort()
        values = zip(*(predictions for _, predictions in parts), strict=True)
        return cls(problem.at(rows[order]), [torch.cat(some)[order] for some in values])


@dataclass(frozen=True, eq=False)
class Learned:
    """What a fit keeps.

    Attributes
    ----------
    best
        The iterate, fitted to all samples.
    last_iteration
        The last one computed.
    metric_kind, solver
        "full" or "diagonal", and how the last linear system was solved.
    scores
        Scores of the iterates on validation data, if they chose.
    judged
        Left-out predictions, if samples were left out.
    """

    best: RFMStep
    last_iteration: int
    metric_kind: Literal["full", "diagonal"]
    solver: Solver
    scores: Sequence[float] = ()
    judged: Judged | None = None
