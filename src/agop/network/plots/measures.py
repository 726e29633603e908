"""Measures of the layers of a network that pages show, and the names of the stages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from agop.collapse import CHANCE_MEASURES, MEASURES, REGRESSION_MEASURES
from agop.network.record.tables import regression_measures
from agop.runs import Line

__all__ = ["STAGES", "Shown", "by_column", "regression_shown", "shown_measures"]

STAGES = {
    "input": "φ (input)",
    "linear": "Wφ (linear map)",
    "output": "σ(Wφ) (nonlinearity)",
    "agop_1/2": "AGOP½φ",
    "agop_1/4": "AGOP¼φ",
}
"""Name of each stage."""


class Shown(NamedTuple):
    """A measure at a stage.

    Attributes
    ----------
    label
        Name on the page.
    measure, stage
        Column and stage of the lines.
    log
        Whether it is shown by its logarithm.
    form
        Format of its numbers.
    """

    label: str
    measure: str
    stage: str = "input"
    log: bool = True
    form: str = ".3g"


_CLASSES = (
    Shown("NC1 φ", "nc1_trace_ratio"),
    Shown("NC1 Wφ", "nc1_trace_ratio", "linear"),
    Shown("NC1 σ(Wφ)", "nc1_trace_ratio", "output"),
    Shown("share of W", "share", log=False, form=".2f"),
    Shown("NFA", "nfa_pearson", log=False, form=".2f"),
    Shown("NFA½", "nfa_pearson_root", log=False, form=".2f"),
    Shown("NC2 φ", "nc2_gram_mse"),
)
_SHARES = ("nrc2", "nrc3")
_FACT = (Shown("FACT", "fact_pearson", log=False, form=".2f"),)
_CHANCE = tuple(Shown(f"{MEASURES[name].label} φ chance ≥", f"{name}_chance_least") for name in CHANCE_MEASURES)
_ANSATZ = tuple(shown for shown in _CLASSES if shown.measure.startswith("nfa"))


def by_column(lines: Iterable[Line], column: str) -> dict[Any, list[Line]]:
    """Lines by the value of a column, in the order in which they come.

    Examples
    --------
    >>> by_column([{"layer": "a", "nc1": 1.0}, {"layer": "b", "nc1": 2.0}, {"layer": "a", "nc1": 3.0}], "layer")["a"]
    [{'layer': 'a', 'nc1': 1.0}, {'layer': 'a', 'nc1': 3.0}]
    """
    found: dict[Any, list[Line]] = {}
    for line in lines:
        found.setdefault(line[column], []).append(line)
    return found


def shown_measures(lines: Iterable[Line]) -> tuple[Shown, ...]:
    """Measures to show of these lines: those of classes, or NRC1 to NRC4 of a regression."""
    lines = list(lines)
    regression = regression_shown(lines)
    fact = _FACT if any(line.get("fact_pearson") is not None for line in lines) else ()
    chance = [shown for shown in _CHANCE if any(line.get(shown.measure) is not None for line in lines)]
    return (*regression, *_ANSATZ, *fact) if regression else (*_CLASSES, *chance, *fact)


def regression_shown(lines: Iterable[Line]) -> tuple[Shown, ...]:
    """NRC1 to NRC4 of what a layer reads, those that are in the lines.

    The linear CKA of NRC2 and the alignment of NRC3 are shares that end at 1, of which a logarithm shows nothing.
    """
    found = {name: f"{REGRESSION_MEASURES[name].label} φ" for name in regression_measures(lines)}
    return tuple(Shown(label, name, log=not name.startswith(_SHARES)) for name, label in found.items())
