"""Superclasses of the classes of the data sets, which no training is told of."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from agop.errors import InputError

__all__ = ["GROUPINGS", "groupings_of"]

_DIGITS = ("digits", "mnist", "svhn")


def _split(*ones: int) -> Mapping[int, int]:
    """Classes 0 to 9, in superclass 1 those that are named."""
    return MappingProxyType({label: int(label in ones) for label in range(10)})


GROUPINGS: Mapping[str, tuple[Mapping[int, int], tuple[str, ...]]] = MappingProxyType(
    {
        "loops": (_split(0, 6, 8, 9), _DIGITS),
        "parity": (_split(1, 3, 5, 7, 9), _DIGITS),
        "halves": (_split(5, 6, 7, 8, 9), _DIGITS),
        "animals": (_split(2, 3, 4, 5, 6, 7), ("cifar10",)),
    }
)
"""Superclass of each class, and the data sets that it is for: digits drawn with a loop, odd digits, those of 5 or more
(of which an image shows nothing in common), and animals against vehicles."""


def groupings_of(names: tuple[str, ...], data: str) -> dict[str, Mapping[int, int]]:
    """Groupings of these names for a data set.

    Raises
    ------
    InputError
        If there is none of a name, or it is for other data sets.

    Examples
    --------
    >>> list(groupings_of(("loops", "parity"), "mnist")["loops"].values())
    [1, 0, 0, 0, 0, 0, 1, 0, 1, 1]
    """
    for name in names:
        if name not in GROUPINGS:
            raise InputError(f"superclasses out of {', '.join(GROUPINGS)}", repr(name), "Use one of these names.")
        known = GROUPINGS[name][1]
        if data not in known:
            raise InputError(f"{' or '.join(known)} for the superclasses {name!r}", data, "Choose others.")
    return {name: GROUPINGS[name][0] for name in names}
