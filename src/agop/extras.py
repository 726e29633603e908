"""Packages that come with an extra, imported where they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from agop.errors import MissingExtraError

__all__ = ["require"]


def require(module: str, extra: str) -> Any:
    """Import a module of an optional dependency.

    Parameters
    ----------
    module
        Its name, such as "matplotlib.figure".
    extra
        Extra of agop that installs it, such as "report".

    Raises
    ------
    MissingExtraError
        If it is not installed.

    Examples
    --------
    >>> require("json", "report").dumps([1])
    '[1]'
    >>> require("no_such_module.part", "report")
    Traceback (most recent call last):
    ...
    agop.errors.MissingExtraError: expected no_such_module, got an environment without it. Install ...
    """
    try:
        return import_module(module)
    except ImportError as error:
        package, _, _ = module.partition(".")
        raise MissingExtraError(
            package, "an environment without it", f"Install agop with its extra: pip install 'agop[{extra}]'."
        ) from error
