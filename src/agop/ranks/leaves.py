"""Values as trees: dataclasses, mappings and sequences around leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

__all__ = ["leaves_of", "mapped_leaves"]

Value = TypeVar("Value")


def mapped_leaves(value: Value, kinds: tuple[type, ...], function: Callable[[Any], Any]) -> Value:
    """Value of the same structure, with a function of the leaves of these kinds in their places.

    Dataclasses, dictionaries, lists and tuples are looked into, in the order of their items; all else stays as it is.

    Examples
    --------
    >>> mapped_leaves({"a": [1, "x"], "b": (2.0, 3)}, (int,), lambda number: -number)
    {'a': [-1, 'x'], 'b': (2.0, -3)}
    """

    def mapped(part: Any) -> Any:
        if isinstance(part, kinds):
            return function(part)
        if is_dataclass(part) and not isinstance(part, type):
            parts = {field.name: getattr(part, field.name) for field in fields(part) if field.init}
            new = {name: mapped(item) for name, item in parts.items()}
            return replace(part, **{name: item for name, item in new.items() if item is not parts[name]})
        if isinstance(part, Mapping):
            return {key: mapped(item) for key, item in part.items()}
        if type(part) in (list, tuple):
            return type(part)(mapped(item) for item in part)
        return part

    found: Value = mapped(value)
    return found


def leaves_of(value: object, kinds: tuple[type, ...]) -> list[Any]:
    """Leaves of these kinds, in the order in which :func:`mapped_leaves` comes to them.

    Examples
    --------
    >>> leaves_of({"a": [1, "x"], "b": (2.0, 3)}, (int,))
    [1, 3]
    """
    found: list[Any] = []

    def note(leaf: Any) -> Any:
        found.append(leaf)
        return leaf

    mapped_leaves(value, kinds, note)
    return found
