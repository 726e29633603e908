"""Indices of a training at which its network was measured."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

__all__ = ["LARGEST", "Indices"]

LARGEST = 2**63 - 1
"""Largest index."""


class Indices:
    """Different integers of 64 bits, 8 bytes each, of which those that come in order are added at the end.

    Parameters
    ----------
    values
        The integers, in any order, also several times.

    Raises
    ------
    ValueError
        If a value is no integer, or has more than 64 bits.

    Examples
    --------
    >>> indices = Indices([0, 10, 10])
    >>> indices.add(20)
    >>> 10 in indices, 15 in indices, len(indices)
    (True, False, 3)
    """

    def __init__(self, values: Iterable[int] = ()) -> None:
        self._sorted = array("q")
        for value in values:
            self.add(value)

    def add(self, value: int) -> None:
        """Add a value that may be there."""
        if type(value) is not int or abs(value) > LARGEST:
            raise ValueError(f"{value!r:.60} is no integer of 64 bits")
        if value not in self:
            self._sorted.insert(bisect_left(self._sorted, value), value)

    def __contains__(self, value: int) -> bool:
        """Whether a value is there."""
        place = bisect_left(self._sorted, value)
        return place < len(self._sorted) and self._sorted[place] == value

    def __len__(self) -> int:
        """Number of different values."""
        return len(self._sorted)
