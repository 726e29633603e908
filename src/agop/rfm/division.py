"""How samples are divided into those that are learned from and those that are left out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Fold", "fold_counts", "folded", "folds", "n_judging"]

FOLDED_ROWS = 4000
"""Distinct rows up to which every row is left out in its turn; time grows as the third power of their number."""

STATING_FOLDS = {300: (3, 3), 500: (3, 2), FOLDED_ROWS: (3, 1)}
"""Number of folds, and how many of them state the score, up to so many rows."""

_FEWEST = 12
"""Rows that are not divided into three parts, whatever ``metric_samples`` says."""

JUDGE_SHARE, JUDGE_ROWS = 1 / 4, 3000
"""Share and number at most of more rows that give no metric: a third of them states the score, the others choose."""


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows from which a metric is learned, (p,), and others, (v,), on which it is judged; both in random order."""

    learn: Tensor
    judge: Tensor

    @property
    def rows(self) -> Tensor:
        """(p + v,) the former, then the latter."""
        return torch.cat([self.learn, self.judge])

    def part(self, share: float) -> Fold:
        """A share of both."""
        return Fold(*(rows[: math.ceil(share * len(rows))] for rows in (self.learn, self.judge)))


def folds(n: int, k: int, seed: int, device: torch.device | str = "cpu") -> list[Fold]:
    """K folds of n rows, which judge every row once; they depend on n, k and seed alone.

    Examples
    --------
    >>> [len(fold.judge) for fold in folds(8, 3, seed=0)]
    [3, 3, 2]
    """
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).to(device)
    number = torch.arange(n, device=device) % k
    return [Fold(order[number != fold], order[number == fold]) for fold in range(k)]


def folded(n: int, metric_samples: int | None, max_memory: int | None) -> bool:
    """Whether each of n distinct rows is left out in its turn, fold by fold; else some of them judge the others.

    Examples
    --------
    >>> folded(3000, None, None), folded(3000, 1000, None), folded(5000, None, None)
    (True, False, False)
    """
    return n <= max(_FEWEST, min(affordable_rows(max_memory), metric_samples or FOLDED_ROWS))


def affordable_rows(max_memory: int | None) -> int:
    """Rows, 4,000 at most, whose float64 kernel matrix and factor fit the memory."""
    return FOLDED_ROWS if max_memory is None else min(FOLDED_ROWS, math.isqrt(max_memory // 16))


def fold_counts(n: int) -> tuple[int, int]:
    """Number of folds of n rows, 4,000 at most, and how many of them state the score."""
    return next(counts for most, counts in STATING_FOLDS.items() if n <= most)


def n_judging(n: int) -> int:
    """Number of n rows that choose the iterate or state the score, and give no metric."""
    return min(JUDGE_ROWS, math.ceil(JUDGE_SHARE * n))
