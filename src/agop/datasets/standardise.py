"""Features with mean 0 and variance 1 over the training rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agop.errors import InputError

__all__ = ["standardise"]


def standardise(train: ArrayLike, *others: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Subtract the training mean and divide by the training standard deviation, feature by feature.

    z_ij = (x_ij - m_j) / s_j, with m_j and s_j^2 the mean and the population variance (divisor n) of column j
    of ``train``; z_ij = 0 for a feature that is constant over ``train``, in the other arrays too. Columns are
    shifted by their first training value before anything is summed, so that an offset costs no digits.

    Parameters
    ----------
    train
        (n, d) with n >= 1; the statistics come from here alone.
    others
        Further arrays (n', d), such as the test rows.

    Returns
    -------
    tuple of ndarray
        float64, ``train`` first, then the others in order.

    Raises
    ------
    InputError
        If an array is no matrix, has another number of features, is not finite, or spans too wide a range.

    Examples
    --------
    >>> train, test = standardise([[1.0, 5.0], [3.0, 5.0]], [[5.0, 6.0]])
    >>> train.tolist(), test.tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[3.0, 0.0]])
    """
    first, *rest = (np.asarray(rows, dtype=np.float64) for rows in (train, *others))
    if first.ndim != 2 or len(first) == 0:
        raise InputError("training rows in a matrix (n, d)", f"shape {first.shape}", "Pass one row a sample.")
    for rows in (first, *rest):
        if rows.ndim != 2 or rows.shape[1] != first.shape[1]:
            raise InputError(
                f"rows of {first.shape[1]} features", f"shape {rows.shape}", "Use the same features in each."
            )
        if not np.isfinite(rows).all():
            raise InputError("finite features", "NaN or infinity", "Fill or drop these values first.")
    origin = first[0]
    with np.errstate(over="ignore", invalid="ignore"):
        centred = first - origin
        mean = centred.mean(0)
        centred -= mean
        deviation = np.sqrt(np.einsum("ij,ij->j", centred, centred) / len(centred))
    if not np.isfinite(deviation).all():
        raise InputError("features whose variance is finite", "an overflow", "Rescale the features first.")
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    centred *= scale
    return centred, *((rows - origin - mean) * scale for rows in rest)
