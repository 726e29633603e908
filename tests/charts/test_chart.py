"""Charts as JSON, colors, and how numbers are written."""

from __future__ import annotations

import base64
import json
import math

import numpy as np
import pytest

from agop.charts.chart import Bars, Choice, Curve, Curves, HeatMap, Picture, Pictures, Series
from agop.charts.page.data import chart_json
from agop.charts.palette import GRAY, PALETTE, shade


def unpacked(values):
    """Matrix of a picture, read byte by byte."""
    data = base64.b64decode(values["data"])
    whole = [byte - 256 if byte > 127 else byte for byte in data]
    return np.array(whole, dtype=float).reshape(values["shape"]) * values["unit"]


@pytest.mark.parametrize("shape", [(3, 5), (2, 4, 3)])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e6])
def test_pictures_are_rounded_to_a_127th_of_the_largest(shape, scale):
    matrix = scale * np.random.default_rng(0).normal(size=shape)
    found = unpacked(chart_json(Picture("M", matrix))["values"])
    np.testing.assert_allclose(found, matrix, rtol=0, atol=0.5001 * np.abs(matrix).max() / 127)
    assert np.abs(found).max() == pytest.approx(np.abs(matrix).max(), rel=1e-12)
    assert (unpacked(chart_json(Picture("negative", -matrix))["values"]) == -found).all()


def test_a_picture_of_zeros():
    assert (unpacked(chart_json(Picture("0", np.zeros((2, 2))))["values"]) == 0).all()


def test_every_kind_is_strict_json():
    curves = Curves("x", "y", [Curve("a", ["fc.1"], [math.nan], "#000000", [math.inf], [1.0], "dot")])
    charts = {
        "curves": curves,
        "bars": Bars(["a"], "x", [Series("s", [None], "#000000")], stacked=True),
        "map": HeatMap("x", "y", [1], ["a"], [[2.0]], "NC1", log=True, picks="layer"),
        "pictures": Pictures([Picture("p", np.eye(2))], "cosine"),
    }
    text = json.dumps(chart_json(Choice("kind", charts)), allow_nan=False)
    found = json.loads(text)
    assert found["kind"] == "Choice"
    assert list(found["charts"]) == list(charts)
    assert [chart["kind"] for chart in found["charts"].values()] == ["Curves", "Bars", "HeatMap", "Pictures"]
    curve = found["charts"]["curves"]["curves"][0]
    assert (curve["y"], curve["low"], curve["high"], curve["dash"]) == ([None], [None], [1.0], "dot")
    assert found["charts"]["map"]["picks"] == "layer"


def contrast(first, second):
    """Ratio of the Web Content Accessibility Guidelines."""

    def luminance(color):
        channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#14171c"])
def test_colors_are_seen_on_both_pages(page):
    shades = [shade(place, 20) for place in range(20)]
    assert min(contrast(color, page) for color in (*PALETTE, GRAY, *shades)) >= 3
    assert len(set(shades)) == 20


def test_a_single_shade():
    assert shade(0, 1) == shade(0, 5)
