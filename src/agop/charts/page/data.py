"""Charts as the JSON that a page draws: numbers with a few digits, and pixels of one byte."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agop.charts.chart import Bars, Chart, Choice, Curve, Curves, HeatMap, Panels, Picture, Pictures, Series
from agop.runs.storage import JSON, to_json

__all__ = ["chart_json"]

_DIGITS = 5
"""Digits of numbers: more than a plot can show, and a page of a long training of a deep network stays small."""


def chart_json(chart: Chart | Curve | Series | Picture) -> JSON:
    """A chart as JSON values under the names of its attributes, with its kind; null for NaN and infinities.

    Numbers have five digits. The values of a picture are whole numbers of one byte in base64, row by row: at most 127,
    for the largest magnitude, which is their "unit" times that. On either side of 0 colors show no more steps.

    Examples
    --------
    >>> chart_json(Curves("layer", "NC1", [Curve("input", [1, 2], [2 / 3, float("nan")], "#000000")]))["curves"][0]["y"]
    [0.66667, None]
    >>> chart_json(Picture("Gram", np.eye(2)))["values"]["shape"]
    [2, 2]
    """
    return to_json({"kind": type(chart).__name__, **{name: _plain(value) for name, value in vars(chart).items()}})


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, np.ndarray):
        return _packed(value)
    if isinstance(value, Curve | Curves | Panels | Bars | Series | HeatMap | Picture | Pictures | Choice):
        return chart_json(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _packed(values: NDArray[np.float64]) -> dict[str, Any]:
    largest = float(np.abs(values).max(initial=0.0)) or 1.0
    whole = np.rint(values * (127 / largest)).astype(np.int8)
    return {"shape": list(values.shape), "unit": largest / 127, "data": base64.b64encode(whole.tobytes()).decode()}
