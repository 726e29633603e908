"""Effects of columns on a function: what changes when they take the values that they have in other rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agop.errors import InputError

__all__ = ["n_swaps_of", "n_values", "row_worth", "swap_effects"]

_SWAPS, _FEWEST, _ROWS, _BATCH = 4_000, 100, 100_000, 8_192
"""Swaps of a column: most and fewest; rows predicted for all columns; rows in one call of the function."""

Array = NDArray[np.float64]
Subset = tuple[int, ...]


def n_swaps_of(n_columns: int) -> int:
    """Swaps of each column where nobody asked for another number: 4,000, but 100,000 for all together, 100 at least.

    Examples
    --------
    >>> n_swaps_of(8), n_swaps_of(64), n_swaps_of(784)
    (4000, 1562, 127)
    """
    return max(_FEWEST, min(_SWAPS, _ROWS // n_columns))


def swap_effects(
    values: Callable[[Array], Array],
    rows: Array,
    column_of: Sequence[int] | NDArray[Any],
    subsets: Sequence[Subset],
    *,
    n_swaps: int,
    weights: Array | None = None,
) -> tuple[Array, Array]:
    r"""Shares of the variance of a function f that hang on subsets of columns, with their standard errors.

    For a subset u it is
    :math:`2^{-|u|} E\left[\left(\sum_{v \subseteq u} (-1)^{|v|} f(x_v)\right)^2\right] / \mathrm{Var} f`, where
    :math:`x_v` is the row x with the columns v of another row z: the total effect of one column, the total interaction
    index of two, exact in expectation for independent columns. Several outputs are summed in the numerator and in the
    variance.

    The mean is over pairs (row i, row i + s) for shifts s = 1, 2, ..., as many as give n_swaps pairs. Pairs that share
    a row are not independent. With :math:`\psi_r` the part of row r in the estimate, in its pairs and in the variance,
    the squared error is :math:`\sum_r \psi_r^2` less the square of every pair, which that counts twice
    (Aronow, Samii and Assenova 2015); half the first sum at least. The error is multiplied by
    :math:`(n / (n - 2))^2`, n the rows that the weights are worth: leaving a row out changes a mean over all pairs by
    :math:`n / (n - 2)` times its part, and the share is a ratio of two. Two rows have one pair, which has no spread.

    Parameters
    ----------
    values
        f, from rows (m, d) to (m, C).
    rows
        (n, d) in random order; the first n_swaps are used.
    column_of
        (d,) index of the column of each feature; the features of a column are swapped together.
    subsets
        Subsets of columns.
    n_swaps
        Pairs of rows; each costs a value of f for every subset, and for every subset of these.
    weights
        (n,) how much each row counts, as base and as donor; all alike if None.

    Returns
    -------
    shares, errors
        One a subset; 0 for a constant f, as on equal rows. Errors are infinite where the rows are worth two at most.

    Raises
    ------
    InputError
        If there are fewer than two swaps.

    References
    ----------
    Jansen 1999, Analysis of variance designs for model output, Comput. Phys. Commun. 117:35.
    Liu and Owen 2006, Estimating mean dimensionality of analysis of variance decompositions, JASA 101:712.
    Aronow, Samii and Assenova 2015, Cluster-robust variance estimation for dyadic data, Political Analysis 23:564.

    Examples
    --------
    >>> rows = np.random.default_rng(0).choice([-1.0, 1.0], size=(1000, 3))
    >>> f = lambda x: x[:, :1] * x[:, 1:2] + x[:, 2:]
    >>> shares, errors = swap_effects(f, rows, (0, 1, 2), [(0,), (0, 1), (0, 2)], n_swaps=4000)
    >>> shares.round(2), errors.round(2)
    (array([0.48, 0.48, 0.  ]), array([0.02, 0.02, 0.  ]))
    >>> swap_effects(f, rows[:2], (0, 1, 2), [(0,)], n_swaps=4000)[1]
    array([inf])
    """
    if n_swaps < 2:
        raise InputError("two or more swaps", str(n_swaps), "Thousands give small standard errors.")
    rows, weights = rows[:n_swaps], None if weights is None else weights[:n_swaps]
    n = len(rows)
    if n < 2 or (rows == rows[0]).all():
        return np.zeros(len(subsets)), np.zeros(len(subsets))
    weights = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    weights = weights / weights.sum()
    shifts = range(1, 1 + min(n_swaps // n, n - 1))
    known = values(rows)
    squares = np.stack([_squares(values, known, rows, np.roll(rows, -s, 0), column_of, subsets) for s in shifts])
    pairs = np.stack([weights * np.roll(weights, -s) for s in shifts])
    pairs /= pairs.sum()
    means = np.einsum("sn,snu->u", pairs, squares)
    deviations = ((known - weights @ known) ** 2).sum(1) * weights / (1 - (weights**2).sum())
    variance = deviations.sum()
    if not variance > 0:
        return np.zeros(len(subsets)), np.zeros(len(subsets))
    shares = means / variance
    parts = pairs[..., None] * (squares - means)
    of_row = parts.sum(0) + sum(np.roll(part, s, 0) for s, part in zip(shifts, parts, strict=True))
    of_row -= shares * (deviations - weights * variance)[:, None]
    twice = (of_row**2).sum(0)
    errors = np.sqrt(np.maximum(twice - (parts**2).sum((0, 1)), twice / 2)) / variance
    worth = row_worth(weights)
    return shares, errors * (worth / (worth - 2)) ** 2 if worth > 2 else np.full_like(errors, np.inf)


def row_worth(weights: Array) -> float:
    r"""Rows of equal weight that rows with these weights are worth, :math:`(\sum_i w_i)^2 / \sum_i w_i^2` (Kish 1965).

    Examples
    --------
    >>> row_worth(np.ones(3)), row_worth(np.array([1.0, 1e9, 1.0]))
    (3.0, 1.0...)
    """
    return float(weights.sum() ** 2 / (weights**2).sum())


def n_values(n_rows: int, subsets: Iterable[Subset], n_swaps: int) -> int:
    """Values of f that ``swap_effects`` asks for.

    Examples
    --------
    >>> n_values(100, [(0,), (1,), (0, 1)], n_swaps=200)
    700
    """
    n = min(n_rows, n_swaps)
    if n < 2:
        return 0
    parts = {part for subset in subsets for part in _parts(subset) if part}
    return n * (1 + min(n_swaps // n, n - 1) * len(parts))


def _squares(
    values: Callable[[Array], Array],
    known: Array,
    rows: Array,
    others: Array,
    column_of: Sequence[int] | NDArray[Any],
    subsets: Sequence[Subset],
) -> Array:
    """(n, number of subsets) squared alternating sums over the parts of each subset, over 2 to its size."""
    swapped = {(): known} | dict(_swapped(values, rows, others, np.asarray(column_of), subsets))
    return np.stack(
        [
            (sum((-1) ** len(part) * swapped[part] for part in _parts(subset)) ** 2).sum(1) / 2 ** len(subset)
            for subset in subsets
        ],
        axis=1,
    )


def _swapped(
    values: Callable[[Array], Array], rows: Array, others: Array, owner: NDArray[Any], subsets: Sequence[Subset]
) -> Iterator[tuple[Subset, Array]]:
    """Values at the rows with the columns of a part from the others, for each part of the subsets; many in one call."""
    parts = list(dict.fromkeys(part for subset in subsets for part in _parts(subset) if part))
    count = max(1, _BATCH // len(rows))
    for start in range(0, len(parts), count):
        some = parts[start : start + count]
        found = values(np.concatenate([np.where(np.isin(owner, part), others, rows) for part in some]))
        yield from zip(some, np.split(np.asarray(found, dtype=np.float64), len(some)), strict=True)


def _parts(subset: Subset) -> list[Subset]:
    return [part for size in range(len(subset) + 1) for part in combinations(subset, size)]
