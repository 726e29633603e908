"""Features with mean 0 and variance 1 over the training rows: one by one, or one mean and deviation a channel."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agop.datasets.dataset import Dataset
from agop.errors import InputError

__all__ = ["STANDARDIZATIONS", "Standardization", "inverse_deviation", "standardize", "standardized_inputs"]

Standardization: TypeAlias = Literal["feature", "channel"]
"""Pixels that share a mean and a deviation: one feature (pixel) over the rows, or all pixels of a channel."""

STANDARDIZATIONS: tuple[Standardization, ...] = get_args(Standardization)

_SHARE = 1 / 32
_ROUNDING = 2.0**-44


def inverse_deviation(deviation: ArrayLike, largest: ArrayLike, magnitude: ArrayLike) -> NDArray[np.float64]:
    r"""Factors 1 / max(s, r / 32) of the columns of a table, and 0 for columns that are constant but for rounding.

    The deviation s of a column in which few values differ from the rest is next to nothing: of n equal values but one,
    that one is sqrt(n - 1) deviations away. So s counts as no less than a share, 1/32, of the largest distance r of a
    value from the mean. Then no training value is more than 32 deviations away, and a column is left as it is unless a
    single value has more than 1,024 times its share of the variance. Where s is at most 2^-44 of the largest magnitude
    a, some 250 units in its last place, the column is a constant with rounding. All of it is free of units.

    Parameters
    ----------
    deviation, largest, magnitude
        s, r and a, each (d,) or a number.

    Examples
    --------
    >>> inverse_deviation([2.0, 0.1, 0.0, 1e-15], [4.0, 8.0, 0.0, 2e-15], [9.0, 8.0, 5.0, 5.0]).tolist()
    [0.5, 4.0, 0.0, 0.0]
    """
    deviation, largest, magnitude = (np.asarray(x, dtype=np.float64) for x in (deviation, largest, magnitude))
    scale = np.maximum(deviation, _SHARE * largest)
    return np.divide(1.0, scale, out=np.zeros_like(scale), where=deviation > _ROUNDING * magnitude)


def standardize(
    train: ArrayLike, *others: ArrayLike, n_channels: int | None = None, table: bool = False
) -> tuple[NDArray[np.float64], ...]:
    """Subtract the training mean and divide by the training standard deviation, of each feature or channel.

    z_ij = (x_ij - m_j) / s_j, with m_j and s_j^2 the mean and the population variance (divisor n) of column j
    of ``train``; z_ij = 0 for a feature that is constant over ``train``, in the other arrays too. With ``n_channels``,
    all columns of a channel share the mean and the variance over their rows and columns. Columns are shifted by a
    training value before anything is summed, so that an offset costs no digits.

    Parameters
    ----------
    train
        (n, d) with n >= 1; the statistics come from here alone.
    others
        Further arrays (n', d), such as the test rows.
    n_channels
        Number of equal blocks of columns, the channels of images (channels, height, width); each column by itself if
        None.
    table
        Divide by no deviation that rests on few values, see :func:`inverse_deviation`.

    Returns
    -------
    tuple of ndarray
        float64, ``train`` first, then the others in order.

    Raises
    ------
    InputError
        If an array is no matrix, has another number of features, is not finite, or spans too wide a range; if the
        columns are not ``n_channels`` equal blocks.

    Examples
    --------
    >>> train, test = standardize([[1.0, 5.0], [3.0, 5.0]], [[5.0, 6.0]])
    >>> train.tolist(), test.tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[3.0, 0.0]])
    >>> standardize([[1.0, 3.0], [3.0, 1.0]], [[5.0, 2.0]], n_channels=1)[1].tolist()
    [[3.0, 0.0]]
    """
    first, *rest = (np.asarray(rows, dtype=np.float64) for rows in (train, *others))
    _check(first, rest, n_channels)
    groups = first.shape[1] if n_channels is None else n_channels
    blocks = first.reshape(len(first), groups, -1)
    origin = blocks[:1, :, :1].copy()
    with np.errstate(over="ignore", invalid="ignore"):
        centered = blocks - origin
        mean = centered.mean((0, 2), keepdims=True)
        centered -= mean
        deviation = np.sqrt(np.einsum("icp,icp->c", centered, centered) / (centered.size / groups))
    if not np.isfinite(deviation).all():
        raise InputError("features whose variance is finite", "an overflow", "Rescale the features first.")
    if table:
        scale = inverse_deviation(deviation, np.abs(centered).max((0, 2)), np.abs(blocks).max((0, 2)))
    else:
        scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    centered *= scale[:, None]

    def scaled(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        shifted: NDArray[np.float64] = rows.reshape(len(rows), *blocks.shape[1:]) - origin - mean
        shifted *= scale[:, None]
        return shifted.reshape(rows.shape)

    return centered.reshape(first.shape), *map(scaled, rest)


def standardized_inputs(dataset: Dataset, how: Standardization) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Training and test inputs of a data set, standardized by its training rows.

    Per pixel, "feature", a pixel that is dark in nearly all training rows has a tiny deviation, and a test row that is
    bright there is hundreds of deviations away; "channel" keeps the pixels of a channel on one scale.

    Parameters
    ----------
    dataset
        The data set.
    how
        "feature" or "channel"; in rows that are no images each column is a channel, standardized as in a table.

    Raises
    ------
    InputError
        If ``how`` is something else, or as :func:`standardize`.

    Examples
    --------
    >>> from agop.datasets.registry import load
    >>> for how in STANDARDIZATIONS:
    ...     print(how, float(round(abs(standardized_inputs(load("digits"), how)[0]).max())))
    feature 38.0
    channel 2.0
    """
    if how not in STANDARDIZATIONS:
        raise InputError(f"standardize as one of {', '.join(STANDARDIZATIONS)}", repr(how), "Choose one of them.")
    shape = dataset.image_shape if how == "channel" else None
    arrays = dataset.train_inputs, dataset.test_inputs
    train, test = standardize(*arrays, n_channels=shape and shape[0], table=how == "channel" and shape is None)
    return train, test


def _check(first: NDArray[np.float64], rest: list[NDArray[np.float64]], n_channels: int | None) -> None:
    if first.ndim != 2 or len(first) == 0:
        raise InputError("training rows in a matrix (n, d)", f"shape {first.shape}", "Pass one row a sample.")
    for rows in (first, *rest):
        if rows.ndim != 2 or rows.shape[1] != first.shape[1]:
            raise InputError(
                f"rows of {first.shape[1]} features", f"shape {rows.shape}", "Use the same features in each."
            )
        if not np.isfinite(rows).all():
            raise InputError("finite features", "NaN or infinity", "Fill or drop these values first.")
    if n_channels is not None and (n_channels < 1 or first.shape[1] % n_channels):
        got = f"{n_channels} channels of {first.shape[1]} columns"
        raise InputError("columns in equal blocks, one a channel", got, "Name the first number of the image shape.")
