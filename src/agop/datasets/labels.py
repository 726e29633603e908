"""Labels without their meaning: the baseline that tells collapse from chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agop.errors import InputError

__all__ = ["permute_labels"]


def permute_labels(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the labels (n,) in a random order: class sizes stay, the relation to the inputs goes.

    Examples
    --------
    >>> permute_labels(np.array([0, 0, 1, 1, 2]), seed=0).tolist()
    [1, 2, 1, 0, 0]
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError("a vector of integer labels", f"{labels.dtype} of shape {labels.shape}", "Pass class indices.")
    return np.random.default_rng(seed).permutation(labels)
