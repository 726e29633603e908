"""Values that merge and tensors that add up, where one of two may be missing."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Protocol, Self, TypeVar

from torch import Tensor

__all__ = ["add_part", "add_tensor", "added", "added_by_key", "merged", "merged_by_key"]

Key = TypeVar("Key")


class Merging(Protocol):
    """A value that merges with others of its kind."""

    def merge(self, other: Self, /) -> Self:
        """Both together."""
        ...


Value = TypeVar("Value", bound=Merging)


def merged(one: Value | None, other: Value | None) -> Value | None:
    """Both together; the one that is there where the other is None."""
    return one.merge(other) if one is not None and other is not None else (other if one is None else one)


def add_part(total: MutableMapping[Key, Value], key: Key, part: Value) -> None:
    """Merge a part into the value under its key, or put it there."""
    total[key] = total[key].merge(part) if key in total else part


def add_tensor(total: MutableMapping[Key, Tensor], key: Key, part: Tensor) -> None:
    """Add a tensor to the one under its key, or put it there."""
    total[key] = total[key] + part if key in total else part


def merged_by_key(one: Mapping[Key, Value], other: Mapping[Key, Value]) -> dict[Key, Value]:
    """Values under the keys of both, merged where a key is in both; those of the first come first."""
    added = {key: value for key, value in other.items() if key not in one}
    return {key: value.merge(other[key]) if key in other else value for key, value in one.items()} | added


def added(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Sum of both; the one that is there where the other is None."""
    return one + other if one is not None and other is not None else (other if one is None else one)


def added_by_key(one: Mapping[Key, Tensor], other: Mapping[Key, Tensor]) -> dict[Key, Tensor]:
    """Tensors under the keys of both, added where a key is in both; those of the first come first."""
    return {**one, **other, **{key: one[key] + other[key] for key in one.keys() & other.keys()}}
