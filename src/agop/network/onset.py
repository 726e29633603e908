"""Onset of collapse: when NC1 fell below a threshold for good, as exactly as the measurements tell."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from agop.errors import InputError
from agop.runs import Line, select, values_of

__all__ = ["Onset", "onset_of_collapse"]


@dataclass(frozen=True)
class Onset:
    """Time at which features collapsed, between two measurements of a training.

    Attributes
    ----------
    index
        Epoch or step at which the logarithm of NC1, drawn straight between the measurements, crosses the threshold.
    after, before
        Last measurement above the threshold, and the first one from which on none is: the onset lies between them.
    feature_norm
        Root mean square of the norm of the features at the index, drawn straight between the same measurements.

    Examples
    --------
    >>> onset = Onset(index=12.0, after=10, before=20, feature_norm=5.0)
    >>> onset.error
    8.0
    """

    index: float
    after: float
    before: float
    feature_norm: float | None

    @property
    def error(self) -> float:
        """Largest error that the index can have if NC1 crosses the threshold once between the two measurements."""
        return max(self.index - self.after, self.before - self.index)


def onset_of_collapse(
    lines: Iterable[Line], *, threshold: float = 0.1, layer: str | None = None, unit: str = "epoch"
) -> Onset | None:
    """Onset of collapse of what a layer reads, from the lines of a :class:`~agop.network.Tracker`.

    Features without NC1, as those that tell no class from another, count as not collapsed.

    Parameters
    ----------
    lines
        Lines of one training.
    threshold
        NC1 at and below which features count as collapsed.
    layer
        Name of the layer; the last one if None.
    unit
        Column of the index, "epoch" or "step".

    Returns
    -------
    Onset or None
        None where NC1 is above the threshold or has no value at the end, or is at or below it from the start.

    Raises
    ------
    InputError
        If the threshold is not positive, or the lines have no such layer, no index, or are of several trainings.

    References
    ----------
    Rupa 2026 (arXiv 2604.00230), which says that the norm of the features at the onset is that of network and data.

    Examples
    --------
    >>> numbers = zip((0, 10, 20, 30), (4.0, 0.4, 0.025, 0.01), (8.0, 6.0, 4.0, 3.0))
    >>> stage = {"layer": "fc", "stage": "input"}
    >>> lines = [stage | {"epoch": e, "nc1_trace_ratio": nc1, "feature_norm": norm} for e, nc1, norm in numbers]
    >>> onset = onset_of_collapse(lines)
    >>> round(onset.index, 9), round(onset.error, 9), round(onset.feature_norm, 9)
    (15.0, 5.0, 5.0)
    """
    if not 0 < threshold < math.inf:
        raise InputError("a positive, finite threshold of NC1", str(threshold), "0.1 is usual.")
    inputs = select(lines, stage="input")
    layers = values_of(inputs, "layer")
    if not layers or (layer is not None and layer not in layers):
        raise InputError(f"lines of layer {layer or 'inputs'}", ", ".join(map(str, layers)) or "none", "Name another.")
    found = select(inputs, layer=layer or layers[-1])
    indices = [line.get(unit) for line in found]
    if None in indices or len(set(indices)) < len(indices):
        got = "none" if None in indices else "one twice"
        raise InputError(f"lines of one training, each with its {unit}", got, "Select the lines of one seed.")
    found.sort(key=lambda line: float(line[unit]))
    values = [line.get("nc1_trace_ratio") for line in found]
    above = [place for place, nc1 in enumerate(values) if nc1 is None or not nc1 <= threshold]
    last = above[-1] if above else None
    if last is None or last == len(found) - 1:
        return None
    return _between(*list(pairwise(found))[last], threshold, unit)


def _between(start: Line, end: Line, threshold: float, unit: str) -> Onset:
    """Onset between two measurements; at the second where one of them has no logarithm of NC1."""
    above, below = start.get("nc1_trace_ratio"), end["nc1_trace_ratio"]
    if above is not None and math.isfinite(above) and below > 0:
        share = math.log(above / threshold) / math.log(above / below)
    else:
        share = 1.0
    norms = start.get("feature_norm"), end.get("feature_norm")
    norm = None if norms[0] is None or norms[1] is None else norms[0] + share * (norms[1] - norms[0])
    return Onset(start[unit] + share * (end[unit] - start[unit]), start[unit], end[unit], norm)
