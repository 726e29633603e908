"""How numbers are written in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agop.records import Line
from agop.reports.results import Result

__all__ = ["SAME", "fixed", "listed", "lowest", "of_run", "percent", "zeros"]

SAME = 1.005
"""Ratio of values that are called the same."""


def percent(share: float) -> str:
    """A share in per cent, to a whole number or to two digits of a smaller one.

    Examples
    --------
    >>> percent(0.923), percent(0.0123), percent(0.0), percent(1e-9), percent(-0.25)
    ('92 %', '1.2 %', '0 %', '<0.01 %', '−25 %')
    """
    if abs(share) < 5e-5:
        return "<0.01 %" if share > 0 else "0 %"
    return (f"{100 * share:,.0f} %" if abs(share) >= 0.1 else f"{100 * share:.2g} %").replace("-", "−")


def fixed(value: float, digits: int = 2) -> str:
    """A number with a fixed number of decimals; there is no minus before 0.

    Examples
    --------
    >>> fixed(-0.256), fixed(-0.001)
    ('−0.26', '0.00')
    """
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def listed(parts: Sequence[str], most: int = 8) -> str:
    """Parts of a sentence one after the other; if there are more than one above ``most``, the first of them.

    Examples
    --------
    >>> listed(["age", "mass", "town"]), listed(["age", "mass", "town", "job"], most=2)
    ('age, mass and town', 'age, mass and 2 others')
    """
    if len(parts) > most + 1:
        return f"{', '.join(parts[:most])} and {len(parts) - most} others"
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def lowest(what: str, values: Mapping[str, float]) -> str:
    """Where a value that is not negative is lowest, and how far below the highest.

    Examples
    --------
    >>> lowest("NC1", {"a": 4.0, "b": 0.5}), lowest("NC1", {"a": 4.0, "b": 4.001})
    ('NC1 is lowest in b (0.5), 8x below a.', 'NC1 is about the same in all runs (4).')
    >>> lowest("NC1", {"a": 4.0, "b": 0.5, "c": 0.5}), lowest("NC1", {"a": 4.0, "b": 0.0})
    ('NC1 is lowest in b and c (0.5), 8x below a.', 'NC1 is lowest in b (0).')
    """
    low, high = min(values.values()), max(values.values())
    if high <= SAME * low:
        return f"{what} is about the same in all runs ({low:.3g})."
    there = listed([name for name, value in values.items() if value <= SAME * low])
    below = f", {high / low:.3g}x below {max(values, key=values.__getitem__)}" if low > 0 else ""
    return f"{what} is lowest in {there} ({low:.3g}){below}."


def zeros(what: str, lines: Iterable[Line], measure: str) -> list[str]:
    """A sentence on layers where a measure is 0, which no mean of logarithms and no logarithmic axis shows.

    Examples
    --------
    >>> zeros("NC1", [{"layer": 1, "nc1": 4.0}, {"layer": 2, "nc1": 0.0}, {"layer": 3, "nc1": 0.0}], "nc1")
    ['NC1 is 0 at layers 2 and 3, where it has no logarithm and is left out.']
    >>> zeros("NC1", [{"layer": "fc.1", "nc1": 4.0}, {"layer": "fc.1", "nc1": 0.0}], "nc1")
    ['NC1 is 0 in some seeds at fc.1, where it has no logarithm and is left out.']
    """
    values: dict[Any, list[float | None]] = {}
    for line in lines:
        values.setdefault(line["layer"], []).append(line.get(measure))
    found = [layer for layer, of_layer in values.items() if 0 in of_layer]
    if not found:
        return []
    seeds = "" if all(set(values[layer]) == {0} for layer in found) else "in some seeds "
    kind = "" if isinstance(found[0], str) else "layer " if len(found) == 1 else "layers "
    places = listed([str(layer) for layer in found])
    return [f"{what} is 0 {seeds}at {kind}{places}, where it has no logarithm and is left out."]


def of_run(results: Sequence[Result], result: Result, sentence: str) -> str:
    """A sentence on one of the results, with its name where there are several."""
    return sentence if len(results) == 1 else f"{result.name}: {sentence}"
