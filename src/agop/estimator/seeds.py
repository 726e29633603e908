"""Integer seeds from scikit-learn's random states."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from sklearn.utils import check_random_state

__all__ = ["seed_of"]


def seed_of(random_state: Any) -> int:
    """An integer seed as it is, else one drawn from the random state.

    Examples
    --------
    >>> seed_of(7)
    7
    """
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
