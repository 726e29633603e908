"""The figures by name, one module a figure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from agop.errors import InputError
from agop.paper.figure import Figure
from agop.paper.figures import (
    central_subspace,
    chance,
    deep_rfm_gram,
    deep_rfm_maps,
    deep_rfm_metrics,
    fact,
    grokking,
    initialization,
    linear_rfm,
    network_attribution,
    network_nfa,
    structure,
    theory_kernel_learning,
    theory_recursion,
)

__all__ = ["FIGURES", "figures_named"]

_MODULES = (
    deep_rfm_metrics,
    deep_rfm_maps,
    deep_rfm_gram,
    network_attribution,
    network_nfa,
    initialization,
    theory_recursion,
    theory_kernel_learning,
    grokking,
    central_subspace,
    linear_rfm,
    fact,
    chance,
    structure,
)

FIGURES: Mapping[str, Figure] = MappingProxyType({module.FIGURE.name: module.FIGURE for module in _MODULES})
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
