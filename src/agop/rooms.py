"""The rooms of the package, imported where all that they declare is to be known."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

__all__ = ["import_rooms"]

_COMMANDS = {"__main__", "cli"}
"""Modules that declare nothing."""


@cache
def import_rooms() -> None:
    """Import every room, so that each stored class and kind of run is declared: a room is imported when it is used.

    Examples
    --------
    >>> import sys
    >>> import_rooms()
    >>> sys.modules["agop.deep_rfm"].__name__
    'agop.deep_rfm'
    """
    for module in iter_modules(import_module("agop").__path__):
        if module.name not in _COMMANDS:
            import_module(f"agop.{module.name}")
