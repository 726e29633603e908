"""How numbers are written in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from agop.runs import Line, SeedSummary

__all__ = ["SAME", "fixed", "listed", "percent", "ranked", "zeros"]

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


def ranked(what: str, found: Mapping[str, SeedSummary], best: Literal["lowest", "highest"] = "lowest") -> str:
    """Which runs have the lowest or the highest value, if the difference is more than the spread over seeds.

    Examples
    --------
    >>> a, b, c = (SeedSummary.of(values) for values in ([4.0, 4.2, 3.9], [0.5, 0.6, 0.4], [9.0, 0.1, 0.5]))
    >>> ranked("NC1", {"a": a, "b": b})
    'NC1 is lowest in b (0.493), 8.17x below a.'
    >>> print(ranked("NC1", {"b": b, "c": c}))
    NC1 differs by no more than the spread over seeds: b 0.493 (0.298 to 0.817) and c 0.766 (0.00266 to 221).
    >>> ranked("NC1", {name: SeedSummary.of([value]) for name, value in (("a", 4.0), ("b", 0.5), ("c", 0.5))})
    'NC1 is lowest in b (0.5) and c (0.5), 8x below a; of one seed the spread is not known.'
    """
    what = f"{what[0].upper()}{what[1:]}"
    order = sorted(found, key=lambda name: found[name].mean, reverse=best == "highest")
    top, last = found[order[0]], found[order[-1]]
    alike = [name for name in order if _same(top.mean, found[name].mean)]
    if len(alike) == len(order):
        return f"{what} is about the same in all runs ({top.mean:.3g})."
    first = [name for name in order if name in alike or not top.differs_from(found[name])]
    if len(first) == len(order):
        values = [f"{name} {found[name].mean:.3g}{_interval(found[name])}" for name in order]
        return f"{what} differs by no more than the spread over seeds: {listed(values)}."
    text = f"{what} is {best} in {listed([f'{name} ({found[name].mean:.3g})' for name in first])}"
    if len(first) > len(alike):
        text += ", which differ by no more than the spread over seeds"
    if best == "highest":
        text += f", {top.mean - last.mean:.3g} above {order[-1]}"
    elif top.mean > 0:
        text += f", {last.mean / top.mean:.3g}x below {order[-1]}"
    return f"{text}{'; of one seed the spread is not known' if any(s.n_seeds == 1 for s in found.values()) else ''}."


def _same(one: float, other: float) -> bool:
    return max(one, other) <= SAME * min(one, other) or one == other


def _interval(summary: SeedSummary) -> str:
    return f" ({summary.low:.3g} to {summary.high:.3g})" if summary.n_seeds > 1 else ""


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
