"""How samples are divided into those that are learned from and those that are left out."""

from __future__ import annotations

import math

__all__ = ["fold_counts", "folded", "n_judging"]

FOLDED_ROWS = 4000
"""Distinct rows up to which every row is left out in its turn; time grows as the third power of their number."""

STATING_FOLDS = {500: (3, 3), 1000: (5, 2), FOLDED_ROWS: (5, 1)}
"""Number of folds, and how many of them state the score, up to so many rows."""

_FEWEST = 12
"""Rows that are not divided into three parts, whatever ``metric_samples`` says."""

JUDGE_SHARE, JUDGE_ROWS = 1 / 4, 3000
"""Share and number at most of more rows that give no metric: a third of them states the score, the others choose."""


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
