"""How far what is drawn may lie off by chance, once in a million times, so that tests hold for hundreds of seeds."""

from __future__ import annotations

import numpy as np
from scipy import stats

__all__ = ["follows", "is_share", "margin", "share_error"]

RARE = 1e-6
"""Chance that correct code fails such a test."""


def margin(draws):
    """Distance of the mean of independent draws from what they estimate, by Student's t; of each column of a matrix."""
    n = len(draws)
    return stats.t.isf(RARE / 2, n - 1) * np.std(draws, 0, ddof=1) / n**0.5


def is_share(count, n, share):
    """Whether so many of n independent draws may be found where a share is expected."""
    return stats.binomtest(int(count), n, share).pvalue > RARE


def follows(sample, distribution):
    """Whether so many independent draws may be from a continuous distribution, by Kolmogorov and Smirnov's test."""
    return stats.kstest(np.ravel(sample), distribution.cdf).pvalue > RARE


def share_error(hits):
    """Standard error of the share of n hits; with two more hits and misses (Agresti and Coull) if that is larger."""
    n = len(hits)
    more = (np.sum(hits) + 2) / (n + 4)
    return max(np.std(hits, ddof=1) / n**0.5, (more * (1 - more) / (n + 4)) ** 0.5)
