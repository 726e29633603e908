"""Figures for print show the numbers of their charts, and their files are the same every time."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from agop.charts import save_figures
from agop.charts.chart import Bars, Choice, Curve, Curves, Grid, HeatMap, Picture, Pictures, Series
from agop.charts.document import Plot
from agop.charts.print.figures import draw, save_charts
from agop.errors import InputError, MissingExtraError

mpl = pytest.importorskip("matplotlib")
from matplotlib.colors import LogNorm, Normalize, to_hex  # noqa: E402 (after the check that it is there)

NAN = float("nan")
LAYERS = [str(layer) for layer in range(1, 21)]


def drawn(chart):
    """A figure with everything in its place."""
    figure = draw(chart)
    figure.draw_without_rendering()
    return figure


def curves(*names, x=(1, 2, 3), y=(4.0, 2.0, 1.0), **changes):
    colors = ("#2b7bba", "#d55e00", "#00916a", "#b5609d")
    found = [Curve(name, list(x), list(y), colors[k % 4]) for k, name in enumerate(names)]
    return Curves(**{"x_title": "layer", "y_title": "NC1", "curves": found, **changes})


def ends_of_band(collection, x):
    heights = [height for place, height in collection.get_paths()[0].vertices if place == x]
    return min(heights), max(heights)


def legend_texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def tick_texts(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def bars_of(axes):
    """Left end, length, centre and color of every bar."""
    return [
        (bar.get_x(), bar.get_width(), round(bar.get_y() + bar.get_height() / 2, 3), to_hex(bar.get_facecolor()))
        for bar in axes.patches
    ]


def image_of(axes):
    (image,) = axes.images
    return np.ma.filled(np.ma.asarray(image.get_array()).astype(float), np.nan)


# Curves


def test_curves_and_bands():
    chart = Curves(
        "layer",
        "NC1",
        [
            Curve("input", [1, 2, 4], [4.0, 2.0, 1.0], "#2b7bba", [3.0, 1.5, 0.5], [5.0, 3.0, 2.0]),
            Curve("control", [1, 2, 4], [5.0, 6.0, 7.0], "#d55e00", dash="dash"),
            Curve("test", [1, 2, 4], [8.0, 8.0, 8.0], "#00916a", dash="dot"),
        ],
    )
    figure = drawn(chart)
    (axes,) = figure.axes
    assert [line.get_xydata().tolist() for line in axes.lines] == [
        [[1, 4], [2, 2], [4, 1]],
        [[1, 5], [2, 6], [4, 7]],
        [[1, 8], [2, 8], [4, 8]],
    ]
    assert [line.get_color() for line in axes.lines] == ["#2b7bba", "#d55e00", "#00916a"]
    assert [line.is_dashed() for line in axes.lines] == [False, True, True]
    assert axes.lines[1]._unscaled_dash_pattern != axes.lines[2]._unscaled_dash_pattern
    (band,) = axes.collections
    assert [ends_of_band(band, x) for x in (1, 2, 4)] == [(3.0, 5.0), (1.5, 3.0), (0.5, 2.0)]
    assert to_hex(band.get_facecolor()[0]) == "#2b7bba"
    assert band.get_alpha() == 0.2
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("layer", "NC1")
    assert all(float(place).is_integer() for place in axes.get_xticks())
    assert legend_texts(figure) == ["input", "control", "test"]
    assert [to_hex(line.get_color()) for line in figure.legends[0].get_lines()] == ["#2b7bba", "#d55e00", "#00916a"]
    assert figure.get_figwidth() == 3.4


def test_single_seeds_are_thin_lines():
    seeds = {"seed 0": [1.0, 0.5, None], "seed 1": [4.0, -1.0, 0.02]}
    curve = Curve("input", [1, 2, 3], [2.0, 0.5, 0.02], "#2b7bba", dash="dash", seeds=seeds)
    figure = drawn(Curves("layer", "NC1", [curve, Curve("control", [1, 2, 3], [1.0, 1.0, 1.0], "#d55e00")]))
    (axes,) = figure.axes
    mean, first, second, _ = axes.lines
    np.testing.assert_array_equal(first.get_ydata(), [1.0, 0.5, NAN])
    np.testing.assert_array_equal(second.get_ydata(), [4.0, NAN, 0.02])  # on a logarithmic axis
    assert first.get_linewidth() < mean.get_linewidth()
    assert (first.get_color(), first.is_dashed()) == (mean.get_color(), True)
    assert not axes.collections
    assert legend_texts(figure) == ["input", "control"]


def test_scales_and_part_of_the_heights():
    (axes,) = drawn(curves("a", log_x=True, log_y=False, y_range=(0.5, 1.0))).axes
    assert (axes.get_xscale(), axes.get_yscale(), axes.get_ylim()) == ("log", "linear", (0.5, 1.0))
    (axes,) = drawn(curves("a", y_range=(0.0, 10.0))).axes
    assert axes.get_ylim()[0] > 0
    assert axes.get_ylim()[1] == 10


def test_gaps_are_no_zeros():
    band = [0.5, None, 0.2, None], [2.0, None, 0.4, None]
    (axes,) = drawn(Curves("layer", "NC1", [Curve("a", [1, 2, 3, 4], [1.0, None, 0.3, NAN], "#000000", *band)])).axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [1.0, NAN, 0.3, NAN])
    assert axes.lines[0].get_markevery() == [0, 2]
    segments = axes.collections[1].get_segments()  # a band of no width would not be seen
    assert [segment.tolist() for segment in segments] == [[[1, 0.5], [1, 2.0]], [[3, 0.2], [3, 0.4]]]
    assert axes.get_ylim()[0] > 0.1


def test_what_has_no_logarithm_is_a_gap():
    curve = Curve("a", [0, 1, 2, 3], [9.0, -1.0, 0.25, 1.0], "#000000", [0, 0, 0.0, 0.5], [9, 9, 1.0, 2.0])
    (axes,) = drawn(Curves("epoch", "NC1", [curve], log_x=True)).axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [NAN, NAN, 0.25, 1.0])
    assert ends_of_band(axes.collections[0], 2) == (0.25, 1.0)
    (linear,) = drawn(Curves("epoch", "gain", [curve], log_y=False)).axes
    np.testing.assert_array_equal(linear.lines[0].get_ydata(), [9.0, -1.0, 0.25, 1.0])
    nothing = Curve("a", [1, 2], [0.0, None], "#000000", [0.0, None], [0.0, None])
    assert np.isnan(drawn(Curves("epoch", "NC1", [nothing])).axes[0].lines[0].get_ydata()).all()


def test_long_curves_have_marks_only_where_a_point_is_alone():
    y = [None if place in (49, 51) else 1.0 for place in range(100)]
    (axes,) = drawn(curves("a", x=range(100), y=y)).axes
    assert axes.lines[0].get_markevery() == [50]


def test_categories():
    found = [
        Curve("a", ["conv", "fc", "out"], [3.0, 2.0, 1.0], "#000000"),
        Curve("b", ["$x$", "out", "conv"], [1.0, 2.0, 3.0], "#d55e00"),
    ]
    (axes,) = drawn(Curves("layer", "NC1", found)).axes
    assert tick_texts(axes.xaxis) == ["conv", "fc", "out", "$x$"]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0, 1, 2], [3, 2, 0]]
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {0}
    assert not any(label.get_parse_math() for label in axes.get_xticklabels())


def test_many_and_long_categories():
    names = [f"a_module_of_some_length.{k}.conv" for k in range(12)]
    figure = drawn(curves("a", x=names, y=[1.0] * 12))
    (axes,) = figure.axes
    assert tick_texts(axes.xaxis) == [f"a_module_of_…{end}" for end in (name[-12:] for name in names)]
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {45}
    assert figure.get_figwidth() == 6.9
    places = drawn(curves("a", x=[f"layer{k}.conv" for k in range(100)], y=[1.0] * 100)).axes[0].get_xticks()
    assert 20 < len(places) < 60
    assert len(set(np.diff(places))) == 1


def test_legends():
    assert not drawn(curves("alone")).legends
    odd = drawn(curves("_hidden", "$\\frac$", "n" * 60))
    assert legend_texts(odd) == ["_hidden", "$\\frac$", "n" * 19 + "…" + "n" * 19]
    many = drawn(curves(*[f"layer {layer}" for layer in LAYERS]))
    assert legend_texts(many) == [f"layer {layer}" for layer in LAYERS]
    assert many.get_figwidth() == 6.9


# Bars


def test_grouped_bars():
    chart = Bars(
        ["age", "a name that is much longer than it should be", "$x$"],
        "share",
        [Series("steepness", [0.5, 0.25, None], "#2b7bba"), Series("effect", [0.4, -0.1, 0.2], "#00916a")],
    )
    figure = drawn(chart)
    (axes,) = figure.axes
    assert bars_of(axes) == [
        (0, 0.5, -0.2, "#2b7bba"),
        (0, 0.25, 0.8, "#2b7bba"),
        (0, 0.4, 0.2, "#00916a"),
        (0, -0.1, 1.2, "#00916a"),
        (0, 0.2, 2.2, "#00916a"),
    ]
    assert axes.yaxis_inverted()
    assert tick_texts(axes.yaxis) == ["age", "a name that …it should be", "$x$"]
    assert not any(label.get_parse_math() for label in axes.get_yticklabels())
    assert axes.get_xlabel() == "share"
    assert legend_texts(figure) == ["steepness", "effect"]


def test_two_standard_errors_lie_about_the_end_of_a_bar():
    errors = [0.05, None, 0.1]
    (axes,) = drawn(Bars(["a", "b", "c"], "share", [Series("effect", [0.5, None, -0.2], "#2b7bba", errors)])).axes
    (lines,) = (lines for lines in axes.collections if hasattr(lines, "get_segments"))
    ends = [(left[0], right[0]) for left, right in lines.get_segments()]
    assert ends == [pytest.approx((0.4, 0.6)), pytest.approx((-0.4, 0.0))]


def test_stacked_bars():
    chart = Bars(
        ["fc1", "fc2"],
        "fall of log NC1",
        [
            Series("a", [1.0, -0.5], "#2b7bba"),
            Series("b", [-0.25, None], "#d55e00"),
            Series("c", [2.0, -0.125], "#00916a"),
        ],
        stacked=True,
    )
    (axes,) = drawn(chart).axes
    assert [bar[:3] for bar in bars_of(axes)] == [
        (0, 1.0, 0),
        (0, -0.5, 1),
        (0, -0.25, 0),
        (1.0, 2.0, 0),
        (-0.5, -0.125, 1),
    ]
    assert axes.get_xlim()[0] < -0.625
    assert axes.get_xlim()[1] > 3
    assert [line.get_xdata() for line in axes.lines] == [[0, 0]]


# Heat maps


def heat(values, **changes):
    rows, columns = np.shape(values)
    names = {"x": list(range(columns)), "y": [f"fc{k}" for k in range(rows)]}
    return HeatMap(**{"x_title": "epoch", "y_title": "layer", **names, "values": values, "title": "NC1", **changes})


def test_heat_map():
    figure = drawn(heat([[1e-3, None, 10.0], [0.5, 0.0, NAN]], log=True))
    axes, bar = figure.axes
    np.testing.assert_array_equal(image_of(axes), [[1e-3, NAN, 10.0], [0.5, NAN, NAN]])
    (image,) = axes.images
    assert isinstance(image.norm, LogNorm)
    assert (image.norm.vmin, image.norm.vmax) == (1e-3, 10.0)
    assert image.get_cmap().name == "cividis"
    assert tick_texts(axes.yaxis) == ["fc0", "fc1"]
    assert axes.get_ylim() == (1.5, -0.5)  # the first row on top
    assert tick_texts(axes.xaxis) == ["0", "1", "2"]
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("epoch", "layer", "NC1")
    assert not axes.texts
    linear = drawn(heat([[-1.0, 0.0], [2.0, None]])).axes[0].images[0].norm
    assert type(linear) is Normalize
    assert (linear.vmin, linear.vmax) == (-1.0, 2.0)


@pytest.mark.parametrize("log", [False, True])
def test_numbers_in_cells(log):
    values = [[1e-5, 0.01234, None], [0.5, 1.0, 2.0]]
    axes = drawn(heat(values, log=log, numbers=True)).axes[0]
    found = {text.get_position(): text for text in axes.texts}
    texts = {place: text.get_text() for place, text in found.items()}
    assert texts == {(0, 0): "1e-5", (1, 0): "0.012", (0, 1): "0.5", (1, 1): "1", (2, 1): "2"}
    lightness = {}
    for (column, row), text in found.items():
        r, g, b, _ = axes.images[0].to_rgba(values[row][column])
        light = sum(w * c**2.2 for w, c in zip((0.2126, 0.7152, 0.0722), (r, g, b), strict=True))
        contrasts = {"black": (light + 0.05) / 0.05, "white": 1.05 / (light + 0.05)}
        lightness[column, row] = light
        assert contrasts[text.get_color()] > 0.9 * max(contrasts.values())
    assert {text.get_color() for text in axes.texts} == {"black", "white"}
    dark = min(lightness, key=lightness.get)
    assert found[dark].get_color() == "white"


def test_numbers_that_could_not_be_read_are_left_out():
    wide = drawn(heat(np.full((2, 200), 0.123).tolist(), numbers=True))
    assert not wide.axes[0].texts
    assert wide.get_figwidth() == 6.9
    assert 5 < len(wide.axes[0].get_xticks()) < 60


@pytest.mark.parametrize("values", [[[None]], [[0.0]], [[3.0]], [[3.0, 3.0]]])
@pytest.mark.parametrize("log", [False, True])
def test_heat_maps_of_one_value(values, log):
    norm = drawn(heat(values, log=log, numbers=True)).axes[0].images[0].norm
    assert norm.vmin < norm.vmax


# Pictures


def matrix(seed, shape=(6, 6)):
    return np.random.default_rng(seed).normal(size=shape)


def test_pictures_share_a_scale():
    found = [Picture("AGOP", matrix(0)), Picture("$W^T W$", matrix(1))]
    figure = drawn(Pictures(found, "entry", -2.0, 2.0))
    left, right, bar = figure.axes
    for axes, picture in zip((left, right), found, strict=True):
        np.testing.assert_array_equal(image_of(axes), picture.values)
        assert axes.images[0].get_clim() == (-2.0, 2.0)
        assert axes.images[0].get_cmap().name == "RdBu_r"
        assert axes.get_title() == picture.title
        assert not axes.title.get_parse_math()
        assert axes.get_ylim() == (5.5, -0.5)  # the first row on top
    assert bar.get_ylabel() == "entry"
    assert figure.get_figwidth() == 3.4
    assert left.get_position().y0 == pytest.approx(right.get_position().y0)
    assert left.get_position().x1 < right.get_position().x0


def test_scales_that_do_not_diverge_and_missing_pixels():
    values = np.array([[0.0, NAN], [0.5, 1.0]])
    axes = drawn(Pictures([Picture("cosines", values)], "cosine", 0.0, 1.0)).axes[0]
    assert axes.images[0].get_cmap().name == "cividis"
    assert axes.images[0].get_clim() == (0.0, 1.0)
    np.testing.assert_array_equal(image_of(axes), values)


def test_color_images():
    values = np.zeros((2, 2, 3))
    values[0, 0] = [2.0, -4.0, 0.0]
    figure = drawn(Pictures([Picture("1", values), Picture("2", np.zeros((2, 2, 3)))], "entry", -4.0, 4.0))
    first, second = figure.axes  # and no color bar
    expected = np.full((2, 2, 3), 0.5)
    expected[0, 0] = [0.75, 0.0, 0.5]
    np.testing.assert_allclose(image_of(first), expected)
    np.testing.assert_allclose(image_of(second), 0.5)


def test_pictures_in_rows():
    figure = drawn(Pictures([Picture(str(k), matrix(k)) for k in range(8)], "entry"))
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in panels] == [str(k) for k in range(8)]
    tops = [round(axes.get_position().y1, 3) for axes in panels]
    assert len(set(tops[:4])) == len(set(tops[4:])) == 1
    assert tops[0] > tops[4]


def test_shapes_of_pictures():
    axes = drawn(Pictures([Picture("a", matrix(0, (10, 20))), Picture("b", matrix(0, (100, 2)))], "entry")).axes
    assert [each.get_box_aspect() for each in axes[:2]] == [0.5, 3.0]


# Choices


def test_small_multiples_of_curves():
    charts = {
        layer: curves("digits", "mnist", y=[float(layer), 2.0, 1.0], x_title="epoch", y_range=(0.1, 20.0))
        for layer in LAYERS
    }
    figure = drawn(Choice("layer", charts, slider=True))
    shown = [1, 3, 4, 6, 8, 10, 11, 13, 15, 17, 18, 20]
    assert len(figure.axes) == 12
    assert [axes.get_title() for axes in figure.axes] == [f"layer {layer}" for layer in shown]
    assert [axes.lines[0].get_ydata()[0] for axes in figure.axes] == shown
    assert {axes.get_ylim() for axes in figure.axes} == {(0.1, 20.0)}
    assert legend_texts(figure) == ["digits", "mnist"]
    assert figure.get_supylabel() == "NC1"
    assert [axes.get_xlabel() for axes in figure.axes] == [""] * 8 + ["epoch"] * 4
    assert len({round(axes.get_position().y0, 3) for axes in figure.axes}) == 3
    assert figure.axes[0].get_shared_y_axes().joined(figure.axes[0], figure.axes[-1])


def test_small_multiples_share_only_what_means_the_same():
    charts = {"NC1": curves("a"), "share of $SV$": curves("b", y_title="share", log_y=False)}
    figure = drawn(Choice("measure", charts))
    assert [axes.get_title() for axes in figure.axes] == ["NC1", "share of $SV$"]
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["NC1", "share"]
    assert not figure.axes[0].get_shared_y_axes().joined(*figure.axes)
    assert legend_texts(figure) == ["a", "b"]


def test_rows_of_small_multiples_that_are_not_full():
    figure = drawn(Choice("layer", {f"fc{k}": curves("a") for k in range(5)}))
    assert [axes.get_title() for axes in figure.axes] == [f"fc{k}" for k in range(5)]
    assert [axes.get_xlabel() != "" for axes in figure.axes] == [False, False, True, True, True]
    assert [any(tick_texts(axes.xaxis)) for axes in figure.axes] == [False, False, True, True, True]


def test_small_multiples_have_common_categories():
    charts = {"a": curves("r", x=["fc1", "fc2"], y=[1, 2]), "b": curves("r", x=["fc2", "out"], y=[3, 4])}
    figure = drawn(Choice("run", charts))
    assert [axes.lines[0].get_xdata().tolist() for axes in figure.axes] == [[0, 1], [1, 2]]
    assert [axes.get_ylabel() for axes in figure.axes] == ["NC1", ""]
    assert tick_texts(figure.axes[1].xaxis) == ["fc1", "fc2", "out"]


def test_grid_of_pictures():
    charts = {
        layer: Pictures([Picture("X", np.full((2, 2), 0.01 * int(layer))), Picture("control", matrix(9))], "cosine")
        for layer in LAYERS
    }
    charts["20"] = Pictures(charts["20"].pictures[1:], "cosine")
    figure = drawn(Choice("layer", charts, slider=True))
    *panels, bar = figure.axes
    assert [axes.get_title() for axes in panels] == [f"layer {k}" for k in (1, 6, 11, 15, 20)] + [""] * 5
    assert [axes.get_ylabel() for axes in panels] == ["X", "", "", "", "", "control", "", "", "", ""]
    assert [image_of(axes)[0, 0] for axes in panels[:4]] == [0.01, 0.06, 0.11, 0.15]
    assert not panels[4].images
    np.testing.assert_array_equal(image_of(panels[9]), matrix(9))
    assert bar.get_ylabel() == "cosine"


def test_scales_of_a_grid_of_pictures():
    charts = {
        f"fc{k}": Pictures([Picture("AGOP", matrix(k)), Picture("NFM", matrix(k + 9))], "entry", -1.0 - k, 1.0 + k)
        for k in range(3)
    }
    figure = drawn(Choice("layer", charts))
    panels, bars = figure.axes[:6], figure.axes[6:]
    assert [axes.images[0].get_clim()[1] for axes in panels] == [1, 2, 3, 1, 2, 3]
    assert [bar.get_xlim() for bar in bars] == [(-1, 1), (-2, 2), (-3, 3)]
    for panel, bar in zip(panels[3:], bars, strict=True):
        assert bar.get_position().y1 < panel.get_position().y0


def test_pictures_with_other_titles_have_rows_of_their_own():
    charts = {
        run: Pictures([Picture(f"{k}: {share} %", matrix(k)) for k in (1, 2, 3)], "entry")
        for run, share in (("digits", 40), ("mnist", 30))
    }
    *panels, _ = drawn(Choice("run", charts)).axes
    assert [axes.get_title() for axes in panels] == [f"{k}: {share} %" for share in (40, 30) for k in (1, 2, 3)]
    assert [axes.get_ylabel() for axes in panels] == ["digits", "", "", "mnist", "", ""]


def test_bars_and_heat_maps_below_each_other():
    bars = {str(k): Bars(["a", "b"], "entry", [Series("s", [float(k), 1.0], "#000000")]) for k in range(1, 11)}
    figure = drawn(Choice("direction", bars))
    expected = [1, 3, 5, 6, 8, 10]
    assert [axes.get_title() for axes in figure.axes] == [f"direction {k}" for k in expected]
    assert [axes.patches[0].get_width() for axes in figure.axes] == expected
    tops = [axes.get_position().y1 for axes in figure.axes]
    assert tops == sorted(tops, reverse=True)
    maps = {"input": heat([[1.0, 2.0]], log=True), "S V": heat([[0.01, 0.5]], log=True)}
    first, second, bar = drawn(Choice("stage", maps)).axes
    assert [axes.images[0].get_clim() for axes in (first, second)] == [(0.01, 2.0)] * 2
    assert bar.get_ylabel() == "NC1"
    different = {"NC1": heat([[1.0, 2.0]]), "NFA": heat([[0.1, 0.5]], title="NFA")}
    clims = [axes.images[0].get_clim() for axes in drawn(Choice("measure", different)).axes if axes.images]
    assert clims == [(1.0, 2.0), (0.1, 0.5)]


def test_choices_in_choices():
    inner = {"1": curves("a"), "2": curves("a")}
    figure = drawn(Choice("run", {"x": Choice("layer", inner), "y": Choice("layer", inner), "z": curves("a")}))
    titles = ["x, layer 1", "x, layer 2", "y, layer 1", "y, layer 2", "z"]
    assert [axes.get_title() for axes in figure.axes] == titles
    with pytest.raises(InputError, match="of one kind to choose the run from, got Bars, Curves"):
        draw(Choice("run", {"x": curves("a"), "y": Bars([], "x", [])}))
    with pytest.raises(InputError, match="got none"):
        draw(Choice("run", {}))


# Layout

LONG = [f"quite_a_long_name_{k}_of_a_feature" for k in range(8)]
CHARTS = {
    "legend": curves(*LONG[:5], x_title="an axis", y_title="the deviation of the Gram matrix from a simplex ETF " * 2),
    "beside": curves(*[f"layer {layer}" for layer in LAYERS]),
    "names": curves("a", "b", x=LONG, y=range(1, 9)),
    "panels": Choice("layer", {layer: curves("a", "b", "c") for layer in LAYERS}),
    "bars": Bars(LONG, "a share of the trace of the AGOP", [Series(n, [0.1] * 8, "#000000") for n in LONG[:3]]),
    "heat": heat(matrix(0, (8, 8)).tolist(), x=LONG, y=LONG, numbers=True),
    "maps": Choice("stage", {name: heat(matrix(0, (6, 14)).tolist()) for name in "abc"}),
    "grid": Choice("layer", {k: Pictures([Picture(n, matrix(0)) for n in LONG[:3]], "cosine") for k in LAYERS}),
    "rows": Choice("run", {n: Pictures([Picture(n + k, matrix(0)) for k in "abcdefg"], "entry") for n in LONG[:2]}),
}


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_overlaps_or_is_cut(name):
    figure = draw(CHARTS[name])
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    assert width in (3.4, 6.9)
    assert height <= 9
    renderer = figure._get_renderer()
    outer = figure.get_tightbbox(renderer)
    assert min(outer.x0, outer.y0) > -0.02
    assert outer.x1 < width + 0.02
    assert outer.y1 < height + 0.02
    boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
    boxes += [legend.get_window_extent(renderer) for legend in figure.legends]
    for place, a in enumerate(boxes):
        for b in boxes[:place]:
            assert min(min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)) < 2  # dots


# Files


def plots():
    return [
        Plot("nc1", "NC1", curves("a $x$", "年齢", "_b"), [], ""),
        Plot("gram", "Gram", Pictures([Picture("X", matrix(0))], "cosine"), [], ""),
        Plot("heat", "NC1", heat([[1e-3, 1.0]], log=True, numbers=True), [], ""),
    ]


def test_files(tmp_path):
    before = dict(mpl.rcParams)
    folder = tmp_path / "of" / "figures"
    paths = save_figures(plots(), folder)
    assert paths == [folder / name for name in ("nc1.pdf", "nc1.svg", "gram.pdf", "gram.svg", "heat.pdf", "heat.svg")]
    assert sorted(folder.iterdir()) == sorted(paths)
    assert dict(mpl.rcParams) == before
    text = (folder / "nc1.svg").read_text(encoding="utf-8")
    assert all(f">{name}<" in text for name in ("a $x$", "年齢", "_b", "layer", "NC1"))
    assert 'width="244.8pt"' in text
    assert "dc:date" not in text
    pdf = (folder / "nc1.pdf").read_bytes()
    assert b"CreationDate" not in pdf
    assert b"/CIDFontType2" in pdf
    assert b"/Type3" not in pdf


def test_files_are_the_same_every_time_whatever_the_settings_of_the_user(tmp_path):
    suffixes = (".pdf", ".svg", ".png")
    first = save_figures(plots(), tmp_path / "a", suffixes)
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": True, "lines.linewidth": 9}):
        second = save_figures(plots(), tmp_path / "b", suffixes)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    third = save_figures(plots(), tmp_path / "a", suffixes)
    assert [path.read_bytes() for path in third] == [path.read_bytes() for path in second]
    assert len(list((tmp_path / "a").iterdir())) == 9


def test_pictures_keep_their_pixels(tmp_path):
    image = pytest.importorskip("PIL.Image")
    (path,) = save_figures([Plot("a", "A", curves("a"), [], "")], tmp_path, [".png"])
    with image.open(path) as found:
        assert found.size[0] == 3.4 * 300


def test_what_cannot_be_written(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"figures in \.pdf, \.svg, \.png, got \.gif"):
        save_figures(plots(), tmp_path / "new", (".pdf", ".gif"))
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(InputError, match="a file in its place"):
            save_figures(plots(), folder)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match="matplotlib"):
        save_figures(plots(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_files_are_replaced_whole_or_left_as_they_were(tmp_path, monkeypatch):
    (tmp_path / "nc1.pdf").write_text("mine")

    def half(figure, path, **options):
        Path(path).write_text("half")
        raise OSError("no space left")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", half)
    with pytest.raises(OSError, match="no space"):
        save_figures(plots(), tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("nc1.pdf", "mine")]


def test_a_grid_has_a_panel_for_each_chart():
    rows = {
        name: {title: curves(y_title="NC1" if place else "NC2") for title in ("a", "b", "c")[: 3 - place]}
        for place, name in enumerate(("first", "second"))
    }
    figure = drawn(Grid(rows))
    assert len(figure.axes) == 5
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c", "a", "b"]
    assert figure.axes[0].get_ylabel().startswith("first")
    assert figure.axes[3].get_ylabel().startswith("second")


def test_charts_of_several_kinds_lie_side_by_side(tmp_path):
    bars = Bars(["$\\alpha$", "年齢"], "share", [Series("model", [0.5, 0.25], "#2b7bba")])
    cells = HeatMap("column", "column", ["a"], ["a"], [[0.5]], "share", numbers=True)
    paths = [tmp_path / f"{name}.svg" for name in "ab"]
    for path in paths:
        path.write_text("mine")
        save_charts([bars, Choice("direction", {"1": bars, "2": bars}), cells], path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    text = paths[0].read_text(encoding="utf-8")
    assert text.count("年齢") == 3
    assert "$\\alpha$" in text
    with pytest.raises(InputError, match=r"figures in \.pdf, \.svg, \.png, got \.jpg"):
        save_charts([bars], tmp_path / "a.jpg")
    with pytest.raises(InputError, match="Create it first"):
        save_charts([bars], tmp_path / "none" / "a.svg")
