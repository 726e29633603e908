"""Superclasses of the classes that occur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agop.errors import InputError

__all__ = ["groupings_of"]


def groupings_of(
    superclasses: Mapping[str, Mapping[int, int]], classes: Sequence[int], *, of_part: bool = False
) -> dict[str, list[int]]:
    """Superclass of each class, by the name of the grouping.

    Parameters
    ----------
    superclasses
        Number of the superclass of each label, by the name of the grouping.
    classes
        Labels that occur.
    of_part
        Whether the data may be a part of others: groupings of which too few classes occur are then left out.

    Raises
    ------
    InputError
        If a class has no superclass in a grouping, or, where the data are all there is, the superclasses of those that
        occur are not two or more, numbered from 0 and fewer than the classes.

    Examples
    --------
    >>> groups = {"parity": {0: 0, 1: 1, 2: 0, 3: 1}}
    >>> groupings_of(groups, [0, 1, 2]), groupings_of(groups, [0, 2], of_part=True)
    ({'parity': [0, 1, 0]}, {})
    """
    found = {}
    for name, grouping in superclasses.items():
        if missing := [label for label in classes if label not in grouping]:
            expected = f"a superclass of every class in {name!r}"
            raise InputError(expected, f"none of class {missing[0]}", "Name one for each label.")
        numbers = [int(grouping[label]) for label in classes]
        if _can_be_measured(numbers):
            found[name] = numbers
        elif not of_part:
            expected = f"superclasses in {name!r} from 0 on, two or more and fewer than the classes that occur"
            got = f"{', '.join(map(str, sorted(set(numbers))))} of {len(numbers)} classes"
            raise InputError(expected, got, "Leave this grouping out, or measure samples of other classes too.")
    return found


def _can_be_measured(numbers: Sequence[int]) -> bool:
    """Whether there are several superclasses, fewer than classes, and none of those before the last is missing."""
    occurring = set(numbers)
    return occurring == set(range(len(occurring))) and 1 < len(occurring) < len(numbers)
