"""Parameters that estimators share: what they may be, and seeds from random states."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

__all__ = ["CONSTRAINTS", "at_least", "seed_of"]


def at_least(least: float, kind: type = Integral) -> Interval:
    """Constraint of scikit-learn's ``_parameter_constraints``: a finite number that is not below another.

    Examples
    --------
    >>> 1 in at_least(2), 2 in at_least(2), float("inf") in at_least(0, Real)
    (False, True, False)
    """
    return Interval(kind, least, None, closed="left")


CONSTRAINTS: dict[str, list[Any]] = {
    "time_budget": [Interval(Real, 0, float("inf"), closed="right"), None],
    "max_memory": [at_least(1), None],
    "callback": [callable, None],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
}
"""Constraints of the parameters that say how an estimator is fitted."""


def seed_of(random_state: Any) -> int:
    """An integer seed as it is, else one drawn from scikit-learn's random state.

    Examples
    --------
    >>> seed_of(7)
    7
    """
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
