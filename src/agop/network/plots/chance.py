"""Findings on chance: NC1 and NC2 of random labels on the same features."""

from __future__ import annotations

from collections.abc import Sequence

from agop.charts.findings import Finding, Interval
from agop.collapse import CHANCE_MEASURES, MEASURES
from agop.network.plots.grouping import in_words
from agop.runs import Line, select, values_of

__all__ = ["chance_findings"]


def chance_findings(last: Sequence[Line]) -> list[Finding]:
    """Range of NC1 and NC2 of random labels at the input of the last layer, and where the real ones lie.

    Examples
    --------
    >>> line = {"layer": "fc", "stage": "input", "nc1_trace_ratio": 0.1, "nc1_trace_ratio_chance_least": 40.0}
    >>> (found,) = chance_findings([line | {"nc1_trace_ratio_chance_largest": 60.0}])
    >>> found.quantity, found.where, found.interval[:2], found.notes
    ('NC1 of random labels', 'input of fc', (40.0, 60.0), ('NC1 is below in all seeds',))
    """
    inputs = select(last, stage="input")
    layers = values_of(inputs, "layer")
    found = []
    for name in CHANCE_MEASURES if layers else ():
        least, largest = f"{name}_chance_least", f"{name}_chance_largest"
        here = [line for line in select(inputs, layer=layers[-1]) if line.get(least) is not None]
        if not here:
            continue
        values = [(line.get(name), line[least]) for line in here]
        below = sum(value is not None and value < end for value, end in values)
        label = MEASURES[name].label
        which = {len(here): "in all seeds", 0: "in no seed"}.get(below, f"in {below} of {len(here)} seeds")
        ends = Interval(min(line[least] for line in here), max(line[largest] for line in here), "range of all draws")
        note = f"{label} is below {which}"
        found.append(
            Finding(f"{label} of random labels", f"input of {in_words(layers[-1])}", None, interval=ends, notes=(note,))
        )
    return found
