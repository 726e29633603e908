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
    """Import all public names of every room, and with them each stored class and kind of run that is declared.

    A name is imported when it is used: until then nothing knows what its module declares.

    Examples
    --------
    >>> import sys
    >>> import_rooms()
    >>> sys.modules["agop.deep_rfm.kind"].DEEP_RFM.name
    'deep-rfm'
    """
    for module in iter_modules(import_module("agop").__path__):
        if module.name not in _COMMANDS:
            room = import_module(f"agop.{module.name}")
            for name in room.__all__:
                getattr(room, name)
