"""The figures by name, one module a figure, which is imported when the figure is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

from agop.errors import InputError

if TYPE_CHECKING:
    from agop.paper.figure import Figure

__all__ = ["FIGURES", "figures_named"]

_NAMES = (
    "deep-rfm-metrics",
    "deep-rfm-maps",
    "deep-rfm-gram",
    "network-attribution",
    "network-nfa",
    "initialization",
    "theory-recursion",
    "theory-kernel-learning",
    "grokking",
    "central-subspace",
    "linear-rfm",
    "fact",
    "chance",
    "structure-before-collapse",
)


class _Figures(Mapping[str, "Figure"]):
    """Figures by name: that of "linear-rfm" is ``FIGURE`` in the module ``linear_rfm``."""

    def __getitem__(self, name: str) -> Figure:
        if name not in _NAMES:
            raise KeyError(name)
        return cast("Figure", import_module(f"{__name__}.{name.replace('-', '_')}").FIGURE)

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


FIGURES = _Figures()
"""Figures in the order in which "all" makes them: one that uses the runs of another comes after it."""


def figures_named(name: str) -> list[Figure]:
    """The figure of a name, or every one for "all".

    Raises
    ------
    InputError
        If there is no such figure.

    Examples
    --------
    >>> [figure.name for figure in figures_named("deep-rfm-gram")], len(figures_named("all"))
    (['deep-rfm-gram'], 14)
    """
    if name == "all":
        return list(FIGURES.values())
    if name not in FIGURES:
        raise InputError(f"a figure out of {', '.join(FIGURES)}, or all", repr(name), "Use one of these names.")
    return [FIGURES[name]]
