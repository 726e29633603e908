"""Classes whose instances a file may hold: each is declared where it is defined, and found by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from agop.rooms import import_rooms

__all__ = ["is_storable", "storable", "stored_class"]

T = TypeVar("T")

_CLASSES: dict[str, type[Any]] = {}


def storable(kind: type[T]) -> type[T]:
    """Declare a frozen dataclass or an estimator as storable, under its name.

    A dataclass is stored by its fields, an estimator by its parameters and all else that it holds. No file can name
    another class. A class of agop keeps its name; of others the latest counts.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @storable
    ... @dataclass(frozen=True)
    ... class Point:
    ...     x: float
    >>> is_storable(Point(1.0)), is_storable(1j), stored_class("Point") is Point
    (True, False, True)
    """
    known = _CLASSES.get(kind.__name__)
    if known is None or not known.__module__.startswith("agop."):
        _CLASSES[kind.__name__] = kind
    return kind


def is_storable(value: Any) -> bool:
    """Whether the class of a value, not one that it inherits from, is storable.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> is_storable(Laplace()), is_storable(1j)
    (True, False)
    """
    return type(value) is _CLASSES.get(type(value).__name__)


def stored_class(name: str) -> Callable[..., Any]:
    """Return the class of a name, in whatever room it is declared; KeyError if there is none.

    Examples
    --------
    >>> stored_class("Laplace")(bandwidth=2.0)
    Laplace(bandwidth=2.0)
    """
    if name not in _CLASSES:
        import_rooms()
    return _CLASSES[name]
