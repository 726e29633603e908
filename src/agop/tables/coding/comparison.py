"""Which columns of integers tell more about targets as levels than as numbers, by left-out predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.kernels import KernelMatrix, LeaveOneOutBandwidth, ProductLaplace
from agop.kernels.distances import median_positive
from agop.rfm import Samples, distinct_rows
from agop.rfm.tuning import Candidate, Setting
from agop.solvers.cross_validation import SplitSystem
from agop.waiting import brief_waits

__all__ = ["FEWEST_ROWS", "better_as_levels", "rows_to_compare", "targets_to_compare"]

FEWEST_ROWS = 100
"""Rows below which nothing is compared."""

_ROWS, _MANY, _TUNING_ROWS = 1000, 16, 300
"""Rows that compare; columns of which half of the rows compare more; rows that choose bandwidth and ridge."""

_ERRORS, _SHARE = 3.0, 0.02
"""A gain counts if it is so many standard errors, and such a share of the squared error."""

_MOST_CLASSES = 20
"""Different numbers that are taken for classes."""

Array = NDArray[np.float64]


def rows_to_compare(n: int, n_columns: int) -> NDArray[np.intp]:
    """Random rows of n, always the same."""
    most = _ROWS if n_columns <= _MANY else _ROWS // 2
    return np.random.default_rng(0).permutation(n)[:most]


def targets_to_compare(y: Any) -> Array | None:
    """Targets (n, C): numbers of variance 1, or indicators of labels and few numbers; None for other or too large y."""
    values = np.asarray(y)
    if values.ndim not in (1, 2) or not values.size:
        return None
    columns = values.reshape(len(values), -1)
    if values.dtype.kind in "iuf":
        numbers = columns.astype(np.float64)
        if not np.isfinite(numbers).all():
            return None
        if columns.shape[1] > 1 or len(np.unique(numbers)) > _MOST_CLASSES:
            with np.errstate(over="ignore", invalid="ignore"):
                deviations = numbers.std(0)
            if not np.isfinite(deviations).all():
                return None
            standardized: Array = (numbers - numbers.mean(0)) / np.where(deviations > 0, deviations, 1.0)
            return standardized
    if columns.shape[1] > 1:
        return None
    labels, codes = np.unique(columns[:, 0].astype(str), return_inverse=True)
    indicators: Array = np.eye(len(labels))[codes]
    return indicators


@brief_waits()
def better_as_levels(
    features: Array, column_of: NDArray[np.intp], levels: Mapping[int, Array], targets: Array
) -> list[int]:
    r"""Columns whose levels predict left-out targets better than their numbers do, in increasing order.

    Kernel ridge regression with the L1 product Laplace kernel, whose distance is a sum over columns. Its settings
    have the smallest leave-one-out error with numbers on few rows, and stay. Column after column is taken as
    levels, and remains so if the squared leave-one-out errors of the rows fall by 3 standard errors and 2 %. One whose
    levels are no better on the few rows is not tried on all.

    Parameters
    ----------
    features
        (n, d) all columns, integers as numbers; some rows are enough.
    column_of
        (d,) the column of each feature.
    levels
        For columns in question their other features (n, width).
    targets
        (n, C) of a like scale.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes, others = rng.integers(0, 12, 300), rng.normal(size=(300, 3))
    >>> numbers, levels = np.column_stack([(codes - 5.5) / 3.5, others]), {0: np.eye(12)[codes]}
    >>> jumps, trend = 3.0 * (codes % 2) + others.sum(1), codes + others.sum(1)
    >>> [better_as_levels(numbers, np.arange(4), levels, targets_to_compare(y)) for y in (jumps, trend)]
    [[0], []]
    """
    inputs, values = torch.from_numpy(features).float(), torch.from_numpy(targets).float()
    samples, (first, _) = Samples.of(inputs, values, intercept=True).merged(), distinct_rows(inputs)
    few = torch.arange(min(_TUNING_ROWS, len(samples)))
    setting = _tuned(samples.part(few))
    tried = {
        column: (torch.from_numpy(column_of == column), torch.from_numpy(others)[first])
        for column, others in levels.items()
    }
    if len(few) < len(samples):
        numbers = _Compared.of(samples.part(few), setting)
        tried = {
            column: (own, others)
            for column, (own, others) in tried.items()
            if numbers.with_levels(own, others[few]).errors.mean() < numbers.errors.mean()
        }
    best, found = _Compared.of(samples, setting), []
    for column, (own, others) in tried.items():
        changed = best.with_levels(own, others)
        gains = best.errors - changed.errors
        mean = gains.mean()
        if mean > torch.maximum(_ERRORS * gains.std() / len(gains) ** 0.5, _SHARE * best.errors.mean()):
            best = changed
            found.append(column)
    return found


@dataclass(frozen=True, eq=False)
class _Compared:
    """Distances (n, n) of samples, each column as numbers or levels, and squared left-out errors (n,) there."""

    samples: Samples
    setting: Setting
    distances: Tensor
    errors: Tensor

    @classmethod
    def of(cls, samples: Samples, setting: Setting, distances: Tensor | None = None) -> _Compared:
        distances = _between(samples.inputs) if distances is None else distances
        return cls(samples, setting, distances, _squared_errors(samples, distances, setting))

    def with_levels(self, own: Tensor, others: Tensor) -> _Compared:
        """With the features of a column, a mask (d,), replaced by its levels, (n, width)."""
        changed = self.distances - _between(self.samples.inputs[:, own]) + _between(others)
        return _Compared.of(self.samples, self.setting, changed)


def _between(points: Tensor) -> Tensor:
    return ProductLaplace().distances(points.float())


def _tuned(samples: Samples) -> Setting:
    """Bandwidth, as a number, and ridge."""
    some = samples.part(torch.arange(min(_TUNING_ROWS, len(samples))))
    distances = _between(some.inputs)
    median = median_positive(distances)
    candidate = Candidate(ProductLaplace(LeaveOneOutBandwidth()))

    def error(setting: Setting) -> float:
        return float(_squared_errors(some, distances, Setting(setting.with_median(median), setting.ridge)).mean())

    best = candidate.search(error)
    return Setting(best.with_median(median), best.ridge)


def _squared_errors(samples: Samples, distances: Tensor, setting: Setting) -> Tensor:
    """Squared leave-one-out errors (n,) of all outputs together; equal rows are left out together."""
    matrix = KernelMatrix(setting.kernel, samples.inputs, setting.ridge / samples.weights, distances=distances)
    residuals = SplitSystem.of(matrix, samples.right_hand_sides(), first=0).residuals()
    return samples.about_the_others(residuals, torch.arange(len(samples))).square().sum(1)
