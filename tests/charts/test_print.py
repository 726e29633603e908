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
from charts.legible import faults

mpl = pytest.importorskip("matplotlib")

NAN = float("nan")
LAYERS = [str(layer) for layer in range(1, 21)]
GRAMS = (("mnist, X", 0.01), ("mnist, X, control", 0.02), ("svhn, X", 0.03))


def drawn(chart):
    """A figure with everything in its place."""
    figure = draw(chart)
    figure.draw_without_rendering()
    return figure


def curves(*names, x=(1, 2, 3), y=(4.0, 2.0, 1.0), **changes):
    colors = ("#2b7bba", "#d55e00", "#00916a", "#b5609d")
    found = [Curve(name, list(x), list(y), colors[k % 4]) for k, name in enumerate(names)]
    return Curves(**{"x_title": "layer", "y_title": "NC1", "curves": found, **changes})


def legend_texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def tick_texts(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def heights_of(axes):
    return [line.get_ydata().tolist() for line in axes.lines]


def bars_of(axes):
    """Left end, length and place of every bar."""
    return [(bar.get_x(), bar.get_width(), round(bar.get_y() + bar.get_height() / 2, 3)) for bar in axes.patches]


def band_of(axes, x):
    """Ends of the band at a place."""
    heights = [y for place, y in axes.collections[0].get_paths()[0].vertices if place == x]
    return min(heights), max(heights)


def image_of(axes):
    (image,) = axes.images
    return np.ma.filled(np.ma.asarray(image.get_array()).astype(float), np.nan)


def matrix(seed, shape=(6, 6)):
    return np.random.default_rng(seed).normal(size=shape)


def heat(values, **changes):
    rows, columns = np.shape(values)
    names = {"x": list(range(columns)), "y": [f"fc{k}" for k in range(rows)]}
    return HeatMap(**{"x_title": "epoch", "y_title": "layer", **names, "values": values, "title": "NC1", **changes})


# What is drawn is what was measured


def test_curves_show_their_numbers_and_bands():
    band = [3.0, 1.5, 0.5], [5.0, 3.0, 2.0]
    found = [
        Curve("input", [1, 2, 4], [4.0, 2.0, 1.0], "#2b7bba", *band),
        Curve("control", [1, 2, 4], [5.0, 6.0, 7.0], "#d55e00", dash="dash"),
    ]
    figure = drawn(Curves("layer", "NC1", found))
    (axes,) = figure.axes
    assert heights_of(axes) == [[4, 2, 1], [5, 6, 7]]
    assert [line.get_color() for line in axes.lines] == ["#2b7bba", "#d55e00"]
    assert [line.is_dashed() for line in axes.lines] == [False, True]
    assert [band_of(axes, x) for x in (1, 2, 4)] == [(3.0, 5.0), (1.5, 3.0), (0.5, 2.0)]
    assert (axes.get_yscale(), axes.get_xlabel(), axes.get_ylabel()) == ("log", "layer", "NC1")
    assert all(float(place).is_integer() for place in axes.get_xticks())
    assert legend_texts(figure) == ["input", "control"]
    assert not drawn(curves("alone")).legends


def test_single_seeds_are_thin_lines():
    seeds = {"seed 0": [1.0, 0.5, None], "seed 1": [4.0, -1.0, 0.02]}
    (axes,) = drawn(Curves("layer", "NC1", [Curve("a", [1, 2, 3], [2.0, 0.5, 0.02], "#2b7bba", seeds=seeds)])).axes
    mean, first, second = axes.lines
    np.testing.assert_array_equal(first.get_ydata(), [1.0, 0.5, NAN])
    np.testing.assert_array_equal(second.get_ydata(), [4.0, NAN, 0.02])  # on a logarithmic axis
    assert first.get_linewidth() < mean.get_linewidth()


def test_gaps_are_no_zeros_and_points_between_them_are_seen():
    band = [0.5, None, 0.2, None], [2.0, None, 0.4, None]
    (axes,) = drawn(Curves("layer", "NC1", [Curve("a", [1, 2, 3, 4], [1.0, None, 0.3, NAN], "#000000", *band)])).axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [1.0, NAN, 0.3, NAN])
    assert axes.lines[0].get_marker() == "."
    segments = axes.collections[1].get_segments()  # a band of no width would not be seen
    assert [segment.tolist() for segment in segments] == [[[1, 0.5], [1, 2.0]], [[3, 0.2], [3, 0.4]]]
    assert axes.get_ylim()[0] > 0.1


def test_what_has_no_logarithm_is_a_gap():
    curve = Curve("a", [0, 1, 2, 3], [9.0, -1.0, 0.25, 1.0], "#000000", [0, 0, 0.0, 0.5], [9, 9, 1.0, 2.0])
    (axes,) = drawn(Curves("epoch", "NC1", [curve], log_x=True)).axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [NAN, NAN, 0.25, 1.0])
    assert band_of(axes, 2) == (0.25, 1.0)
    (linear,) = drawn(Curves("epoch", "gain", [curve], log_y=False)).axes
    assert heights_of(linear) == [[9.0, -1.0, 0.25, 1.0]]
    nothing = Curve("a", [1, 2], [0.0, None], "#000000", [0.0, None], [0.0, None])
    assert np.isnan(drawn(Curves("epoch", "NC1", [nothing])).axes[0].lines[0].get_ydata()).all()


def test_a_part_of_the_heights():
    assert drawn(curves("a", log_y=False, y_range=(0.5, 1.0))).axes[0].get_ylim() == (0.5, 1.0)
    low, high = drawn(curves("a", y_range=(0.0, 10.0))).axes[0].get_ylim()
    assert low > 0
    assert high == 10


def test_categories_are_named_in_their_order():
    found = [Curve("a", ["conv", "$x$", "out"], [3.0, 2.0, 1.0], "#000000"), Curve("b", ["out"], [1.0], "#d55e00")]
    (axes,) = drawn(Curves("layer", "NC1", found)).axes
    assert tick_texts(axes.xaxis) == ["conv", "$x$", "out"]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0, 1, 2], [2]]
    names = [f"a_module_of_some_length.{k}.conv" for k in range(12)]
    (axes,) = drawn(curves("a", x=names, y=[1.0] * 12)).axes
    assert tick_texts(axes.xaxis) == [f"a_module_of_…{end}" for end in (name[-12:] for name in names)]
    places = drawn(curves("a", x=[f"layer{k}.conv" for k in range(100)], y=[1.0] * 100)).axes[0].get_xticks()
    assert 20 < len(places) < 60
    assert len(set(np.diff(places))) == 1


def test_grouped_bars_with_two_standard_errors():
    errors = [0.05, None, 0.1]
    series = [Series("effect", [0.5, None, -0.2], "#2b7bba", errors), Series("steepness", [0.4, 0.1, 0.2], "#00916a")]
    figure = drawn(Bars(["age", "a name that is much longer than it should be", "$x$"], "share", series))
    (axes,) = figure.axes
    assert bars_of(axes) == [(0, 0.5, -0.2), (0, -0.2, 1.8), (0, 0.4, 0.2), (0, 0.1, 1.2), (0, 0.2, 2.2)]
    assert axes.yaxis_inverted()
    assert tick_texts(axes.yaxis) == ["age", "a name that …it should be", "$x$"]
    (lines,) = (lines for lines in axes.collections if hasattr(lines, "get_segments"))
    ends = [(left[0], right[0]) for left, right in lines.get_segments()]
    assert ends == [pytest.approx((0.4, 0.6)), pytest.approx((-0.4, 0.0))]


def test_stacked_bars():
    series = [("a", [1.0, -0.5]), ("b", [-0.25, None]), ("c", [2.0, -0.125])]
    chart = Bars(["fc1", "fc2"], "fall", [Series(*each, "#2b7bba") for each in series], stacked=True)
    (axes,) = drawn(chart).axes
    assert bars_of(axes) == [(0, 1.0, 0), (0, -0.5, 1), (0, -0.25, 0), (1.0, 2.0, 0), (-0.5, -0.125, 1)]


def test_heat_maps_show_their_numbers():
    figure = drawn(heat([[1e-3, None, 10.0], [0.5, 0.0, NAN]], log=True))
    axes, bar = figure.axes
    np.testing.assert_array_equal(image_of(axes), [[1e-3, NAN, 10.0], [0.5, NAN, NAN]])
    assert axes.images[0].get_clim() == (1e-3, 10.0)
    assert axes.get_ylim() == (1.5, -0.5)  # the first row on top
    assert (tick_texts(axes.xaxis), tick_texts(axes.yaxis)) == (["0", "1", "2"], ["fc0", "fc1"])
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("epoch", "layer", "NC1")


@pytest.mark.parametrize("log", [False, True])
def test_numbers_in_cells_can_be_read(log):
    values = [[1e-5, 0.01234, None], [0.5, 1.0, 2.0]]
    axes = drawn(heat(values, log=log, numbers=True)).axes[0]
    found = {text.get_position(): text for text in axes.texts}
    texts = {place: text.get_text() for place, text in found.items()}
    assert texts == {(0, 0): "1e-5", (1, 0): "0.012", (0, 1): "0.5", (1, 1): "1", (2, 1): "2"}
    for (column, row), text in found.items():
        r, g, b, _ = axes.images[0].to_rgba(values[row][column])
        light = sum(w * c**2.2 for w, c in zip((0.2126, 0.7152, 0.0722), (r, g, b), strict=True))
        contrasts = {"black": (light + 0.05) / 0.05, "white": 1.05 / (light + 0.05)}
        assert contrasts[text.get_color()] > 0.9 * max(contrasts.values())
    assert not drawn(heat(np.full((2, 200), 0.123).tolist(), numbers=True)).axes[0].texts


@pytest.mark.parametrize("values", [[[None]], [[0.0]], [[3.0]], [[3.0, 3.0]]])
@pytest.mark.parametrize("log", [False, True])
def test_heat_maps_of_one_value(values, log):
    low, high = drawn(heat(values, log=log, numbers=True)).axes[0].images[0].get_clim()
    assert low < high


def test_pictures_share_a_scale():
    found = [Picture("AGOP", matrix(0)), Picture("$W^T W$", np.where(np.eye(6), NAN, matrix(1)))]
    *panels, bar = drawn(Pictures(found, "entry", -2.0, 2.0)).axes
    for axes, picture in zip(panels, found, strict=True):
        np.testing.assert_array_equal(image_of(axes), picture.values)
        assert axes.images[0].get_clim() == (-2.0, 2.0)
        assert axes.get_title() == picture.title
        assert axes.get_ylim() == (5.5, -0.5)  # the first row on top
    assert bar.get_ylabel() == "entry"


def test_color_images():
    values = np.zeros((2, 2, 3))
    values[0, 0] = [2.0, -4.0, 0.0]
    (axes,) = drawn(Pictures([Picture("1", values)], "entry", -4.0, 4.0)).axes  # and no color bar
    expected = np.full((2, 2, 3), 0.5)
    expected[0, 0] = [0.75, 0.0, 0.5]
    np.testing.assert_allclose(image_of(axes), expected)


# Several charts


def test_small_multiples_of_curves():
    charts = {
        layer: curves("digits", "mnist", y=[float(layer), 2.0, 1.0], x_title="epoch", y_range=(0.1, 20.0))
        for layer in LAYERS
    }
    figure = drawn(Choice("layer", charts, slider=True))
    shown = [1, 3, 4, 6, 8, 10, 11, 13, 15, 17, 18, 20]
    assert [axes.get_title() for axes in figure.axes] == [f"layer {layer}" for layer in shown]
    assert [axes.lines[0].get_ydata()[0] for axes in figure.axes] == shown
    assert {axes.get_ylim() for axes in figure.axes} == {(0.1, 20.0)}
    assert legend_texts(figure) == ["digits", "mnist"]


def test_small_multiples_share_only_what_means_the_same():
    charts = {"NC1": curves("a", y=(9.0, 2.0, 1.0)), "share of $SV$": curves("b", y_title="share", log_y=False)}
    first, second = drawn(Choice("measure", charts)).axes
    assert (first.get_yscale(), second.get_yscale()) == ("log", "linear")
    assert (first.get_ylabel(), second.get_ylabel()) == ("NC1", "share")
    assert first.get_ylim() != second.get_ylim()
    same = drawn(Choice("run", {"a": curves("r", x=["fc1", "fc2"], y=[1, 2]), "b": curves("r", x=["out"], y=[9])}))
    assert len({axes.get_ylim() for axes in same.axes}) == 1
    assert tick_texts(same.axes[1].xaxis) == ["fc1", "fc2", "out"]
    assert same.axes[1].lines[0].get_xdata().tolist() == [2]


def test_rows_of_pictures():
    charts = {
        layer: Pictures([Picture("X", np.full((2, 2), 0.01 * int(layer))), Picture("control", matrix(9))], "cosine")
        for layer in LAYERS
    }
    charts["20"] = Pictures(charts["20"].pictures[1:], "cosine")
    *panels, bar = drawn(Choice("layer", charts, slider=True)).axes
    assert [axes.get_title() for axes in panels] == ["X", "control"] * 4 + ["control", ""]
    assert [axes.get_ylabel() for axes in panels[::2]] == [f"layer {k}" for k in (1, 6, 11, 15, 20)]
    assert [image_of(axes)[0, 0] for axes in panels[:8:2]] == [0.01, 0.06, 0.11, 0.15]
    assert bar.get_ylabel() == "cosine"
    scales = {f"fc{k}": Pictures([Picture("AGOP", matrix(k))], "entry", -1.0 - k, 1.0 + k) for k in range(3)}
    found = drawn(Choice("layer", scales)).axes
    assert [axes.images[0].get_clim()[1] for axes in found[:3]] == [1, 2, 3]
    assert [bar.get_ylim() for bar in found[3:]] == [(-1, 1), (-2, 2), (-3, 3)]


def test_pictures_that_all_charts_have_are_rows_of_a_grid():
    charts = {
        layer: Pictures([Picture(name, np.full((2, 2), factor * int(layer))) for name, factor in GRAMS], "cosine")
        for layer in LAYERS
    }
    *panels, bar = drawn(Choice("layer", charts, slider=True)).axes
    assert [axes.get_title() for axes in panels] == [f"layer {k}" for k in (1, 6, 11, 15, 20)] + [""] * 10
    assert [" ".join(axes.get_ylabel().split()) for axes in panels[::5]] == [name for name, _ in GRAMS]
    shown = [image_of(axes)[0, 0] for axes in panels]
    assert shown == pytest.approx([factor * k for _, factor in GRAMS for k in (1, 6, 11, 15, 20)])
    assert bar.get_ylabel() == "cosine"


def test_bars_and_heat_maps_below_each_other():
    bars = {str(k): Bars(["a", "b"], "entry", [Series("s", [float(k), 1.0], "#000000")]) for k in range(1, 11)}
    figure = drawn(Choice("direction", bars))
    assert [axes.get_title() for axes in figure.axes] == [f"direction {k}" for k in (1, 3, 5, 6, 8, 10)]
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
    assert width in (3.3, 6.8)
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
    assert faults(figure) == []


def test_what_cannot_be_read_is_found():
    figure = drawn(curves("a", "b", y=(4.0, 2.0, 50.0), log_y=False))
    assert faults(figure) == []
    (axes,) = figure.axes
    axes.set_ylim(0, 10)
    assert faults(figure) == ["a line of '' is hidden from [ 3. 50.]"] * 2
    axes.set_ylim(0, 60)
    axes.text(0.5, 0.5, "a", size=5, transform=axes.transAxes)
    assert faults(figure) == ["'a' has 5 points"]
    axes.text(0.5, 0.5, "b", transform=axes.transAxes)
    axes.text(1.5, 0.5, "c", transform=axes.transAxes)
    assert faults(figure)[1:] == ["'c' is cut at the edge", "'a' lies on 'b'"]


def test_what_lies_beyond_the_shown_heights_is_said():
    seeds = {"seed 0": [1.0, 40.0, 1.0], "seed 1": [1.0, 2.0, 0.001]}
    few = Curve("a", [1, 2, 3], [1.0, 20.0, 0.02], "#2b7bba", seeds=seeds)
    figure = drawn(Curves("layer", "NC1", [few], y_range=(0.1, 10.0)))
    marks = [(line.get_marker(), line.get_xydata().tolist()) for line in figure.axes[0].lines[3:]]
    assert marks == [("^", [[2, 10]]), ("v", [[3, 0.1]]), ("^", [[2, 10]]), ("v", [[3, 0.1]])]
    assert faults(figure) == []
    many = Curve("a", list(range(1, 41)), [10.0**-k for k in range(40)], "#2b7bba")
    figure = drawn(Curves("index", "eigenvalue", [many], y_range=(1e-5, 1.5)))
    assert [line.get_xdata().tolist() for line in figure.axes[0].lines[1:]] == [[7]]
    assert faults(figure) == []


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
    assert 'width="237.6pt"' in text
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
        assert found.size[0] == 990  # 3.3 inches


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
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c", "", ""]  # as above
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
